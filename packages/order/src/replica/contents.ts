/**
 * What the log says, by number, key, id and sink: where each order stands, what was cancelled, which checkouts wait, how
 * far each sink of the outbox has got. Kept entry by entry as the log grows, and taken back entry by entry when it is cut.
 */
import { assert } from '@till/shared/assert';
import { checkoutKey } from '@till/shared/keys';
import type { Movement } from '@till/shared/movement';
import type { Entry } from './types.ts';

/** A checkout that waits to be executed. */
export type Waiting = {
  id: string;
  /** Where it stands in the log. */
  index: number;
  /** How manieth checkout of the log it is, from 0. */
  arrival: number;
  /** What it weighs in the queue: the books in it. */
  books: number;
};

/** The movement that an entry records; null for the start of a term. */
export const movementOf = (entry: Entry): Movement | null =>
  (JSON.parse(entry.line) as { movement?: Movement }).movement ?? null;

export type Contents = {
  add(entry: Entry): void;
  /** Takes the last entry back. */
  remove(entry: Entry): void;
  /** Where the order with this number stands. */
  order(number: number): number | undefined;
  /** Where the first decision under a key stands, whatever it was. */
  key(key: string): number | undefined;
  /** Where the cancellation of the order with this number stands. */
  cancellation(number: number): number | undefined;
  /** Where a checkout stands, and the outcome that it has, if it has one. */
  checkout(id: string): { index: number; outcome: number | undefined } | undefined;
  /** The checkouts without an outcome that are the `arrival`th of the log or a later one, in order of arrival. */
  waiting(arrival: number): Waiting[];
  /** How many checkouts the log has. */
  checkoutCount(): number;
  /** Where the last note of a sink stands. */
  note(sink: string): number | undefined;
};

export const createContents = (): Contents => {
  const numbers: number[] = [];
  const keys = new Map<string, number>();
  const cancellations = new Map<number, number>();
  const checkouts = new Map<string, Waiting>();
  const arrivals: string[] = [];
  const notes = new Map<string, number[]>();

  const keysOf = (movement: Movement): string[] => {
    if (!('key' in movement)) return [];
    return 'alsoKey' in movement && movement.alsoKey !== undefined ? [movement.key, movement.alsoKey] : [movement.key];
  };

  return {
    add(entry) {
      const movement = movementOf(entry);
      if (movement === null) return;
      for (const key of keysOf(movement)) keys.set(key, entry.index);
      switch (movement.kind) {
        case 'order':
          assert(movement.number === numbers.length, `Order ${movement.number} must not follow ${numbers.length - 1}`);
          numbers.push(entry.index);
          return;
        case 'cancel':
          cancellations.set(movement.number, entry.index);
          return;
        case 'checkout': {
          const { id, lines } = movement.checkout;
          const books = lines.reduce((sum, { quantity }) => sum + quantity, 0);
          checkouts.set(id, { id, index: entry.index, arrival: arrivals.length, books });
          arrivals.push(id);
          return;
        }
        case 'note': {
          const kept = notes.get(movement.sink);
          if (kept === undefined) notes.set(movement.sink, [entry.index]);
          else kept.push(entry.index);
        }
      }
    },
    remove(entry) {
      const movement = movementOf(entry);
      if (movement === null) return;
      for (const key of keysOf(movement)) keys.delete(key);
      switch (movement.kind) {
        case 'order':
          assert(numbers.pop() === entry.index, `Order ${movement.number} must be the last one`);
          return;
        case 'cancel':
          cancellations.delete(movement.number);
          return;
        case 'checkout':
          checkouts.delete(movement.checkout.id);
          assert(arrivals.pop() === movement.checkout.id, 'The checkout that is taken back must be the last one');
          return;
        case 'note': {
          const kept = notes.get(movement.sink);
          assert(kept?.pop() === entry.index, 'The note that is taken back must be the last one');
        }
      }
    },
    order: (number) => numbers[number],
    key: (key) => keys.get(key),
    cancellation: (number) => cancellations.get(number),
    checkout: (id) => {
      const known = checkouts.get(id);
      return known === undefined ? undefined : { index: known.index, outcome: keys.get(checkoutKey(id)) };
    },
    waiting: (arrival) =>
      arrivals.slice(arrival).flatMap((id) => {
        const one = checkouts.get(id);
        return one === undefined || keys.has(checkoutKey(id)) ? [] : [one];
      }),
    checkoutCount: () => arrivals.length,
    note: (sink) => notes.get(sink)?.at(-1),
  };
};
