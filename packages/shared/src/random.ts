/** Chance: real for names and keys, repeatable for tests, the simulator and the client. */
import { randomUUID } from 'node:crypto';
import { assert } from './assert.ts';

/** A name that nobody else has: for runs, stores and order keys. Visible ASCII, 36 characters. */
export const randomName = (): string => randomUUID();

/** Numbers from 0 (included) to 1 (excluded), as `Math.random` gives them. */
export type Random = () => number;

/** The same numbers for the same seed, on every runtime (mulberry32). */
export const seededRandom = (seed: number): Random => {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
};

/** A whole number from `min` to `max`, both included. */
export const randomInteger = (random: Random, range: { min: number; max: number }): number => {
  assert(range.min <= range.max, 'The range of a random number must not be empty');
  return range.min + Math.floor(random() * (range.max - range.min + 1));
};

/** One element of a list that is not empty. */
export const randomItem = <Item>(random: Random, items: readonly Item[]): Item => {
  assert(items.length > 0, 'A list to pick from must not be empty');
  return items[randomInteger(random, { min: 0, max: items.length - 1 })] as Item;
};
