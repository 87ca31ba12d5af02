/** All chance of a run comes from here, so that the seed alone decides a history. */
import { type Random, randomInteger, randomItem, seededRandom } from '@till/shared/random';

export type Chance = {
  /** True with this probability. */
  happens(probability: number): boolean;
  /** A whole number, both ends included. */
  integer(min: number, max: number): number;
  /** Any number from min to max. */
  between(min: number, max: number): number;
  pick<Item>(items: readonly Item[]): Item;
  /** A name that no other call of this run returned. */
  name(prefix: string): string;
};

export const createChance = (seed: number): Chance => {
  const random: Random = seededRandom(seed);
  let names = 0;
  return {
    happens: (probability) => random() < probability,
    integer: (min, max) => randomInteger(random, { min, max }),
    between: (min, max) => min + random() * (max - min),
    pick: (items) => randomItem(random, items),
    name: (prefix) => {
      names += 1;
      return `${prefix}-${names}-${randomInteger(random, { min: 0, max: 0xffff }).toString(16)}`;
    },
  };
};
