/**
 * What the log says, by number, key, id and sink: where each order stands, what was cancelled, which checkouts wait, how
 * far each sink of the outbox has got. Kept entry by entry as the log grows, and taken back entry by entry when it is cut.
 *
 * Of an order or a refusal only places are kept, some sixteen bytes: the keys themselves are read from the log again.
 */
import { assert } from '@till/shared/assert';
import type { LoadedColumns } from '@till/shared/journal';
import { createKeyTable } from '@till/shared/key-table';
import { checkoutKey, checkoutOf } from '@till/shared/keys';
import { factsOf, hashOfKey, keysIn, type LineFacts } from '@till/shared/line-facts';
import type { Movement } from '@till/shared/movement';
import { createU32List } from '@till/shared/u32-list';
import type { Entry } from './types.ts';

/** A checkout of the log. */
export type Waiting = {
  id: string;
  /** Where it stands in the log. */
  index: number;
  /** How manieth checkout of the log it is, from 0. */
  arrival: number;
  /** What it weighs in the queue: the books in it. */
  books: number;
  /** Where its outcome stands, as far as that is known: 0 if it has none, or one that nobody has looked for yet. */
  outcome: number;
};

/** The movement that an entry records; null for the start of a term. */
export const movementOf = (entry: Pick<Entry, 'line'>): Movement | null =>
  (JSON.parse(entry.line) as { movement?: Movement }).movement ?? null;

export type Contents = {
  /** Returns what its line says: `facts`, if the caller knows that already. */
  add(entry: Entry, facts?: LineFacts): LineFacts;
  /** Adds entries that are known from an index. */
  load(columns: LoadedColumns): void;
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
  /**
   * Looks at `countMax` checkouts from the `from`th of the log on, and says which of them have no outcome, in order of
   * arrival. An outcome that was known from an index costs a read, once.
   */
  waiting(from: number, countMax: number): Waiting[];
  /** How many checkouts the log has. */
  checkoutCount(): number;
  /** Where the last note of a sink stands. */
  note(sink: string): number | undefined;
};

/** `lineAt`: the line of an entry that was added. */
export const createContents = (lineAt: (index: number) => string): Contents => {
  const numbers = createU32List();
  const keys = createKeyTable();
  const cancellations = new Map<number, number>();
  const checkouts = new Map<string, Waiting>();
  const arrivals: Waiting[] = [];
  const notes = new Map<string, number[]>();

  const find = (key: string): number | undefined =>
    keys.find(hashOfKey(key), (index) => keysIn(lineAt(index)).includes(key));

  const outcomeOf = (one: Waiting): number => {
    if (one.outcome === 0) one.outcome = find(checkoutKey(one.id)) ?? 0;
    return one.outcome;
  };

  /** The checkouts that an order or a refusal is the outcome of: one or none. */
  const decidedIn = (line: string): Waiting[] => {
    if (checkouts.size === 0) return [];
    return keysIn(line).flatMap((key) => checkouts.get(checkoutOf(key) ?? '') ?? []);
  };

  /** Entries that are neither orders nor refusals. */
  const addRare = (index: number, line: string): void => {
    const movement = movementOf({ line });
    switch (movement?.kind) {
      case 'cancel':
        cancellations.set(movement.number, index);
        return;
      case 'checkout': {
        const { id, lines } = movement.checkout;
        const books = lines.reduce((sum, { quantity }) => sum + quantity, 0);
        const checkout: Waiting = { id, index, arrival: arrivals.length, books, outcome: 0 };
        checkouts.set(id, checkout);
        arrivals.push(checkout);
        return;
      }
      case 'note': {
        const kept = notes.get(movement.sink);
        if (kept === undefined) notes.set(movement.sink, [index]);
        else kept.push(index);
      }
    }
  };

  const removeRare = ({ index, line }: Entry): void => {
    const movement = movementOf({ line });
    switch (movement?.kind) {
      case 'cancel':
        cancellations.delete(movement.number);
        return;
      case 'checkout':
        checkouts.delete(movement.checkout.id);
        assert(arrivals.pop()?.index === index, 'The checkout that is taken back must be the last one');
        return;
      case 'note': {
        const kept = notes.get(movement.sink);
        assert(kept?.pop() === index, 'The note that is taken back must be the last one');
      }
    }
  };

  const mustFollow = (number: number): void =>
    assert(number === numbers.length, () => `Order ${number} must not follow ${numbers.length - 1}`);

  return {
    add({ index, line }, facts = factsOf(line)) {
      for (const hash of facts.hashes) keys.add(hash, index);
      if (facts.kind === 'order') {
        mustFollow(facts.number);
        numbers.push(index);
      }
      if (facts.kind === 'rare') addRare(index, line);
      else for (const checkout of decidedIn(line)) checkout.outcome = index;
      return facts;
    },
    load({ first, count, countExpected, keyHashes, keyLines, orderFirst, orderLines, rareLines, read }) {
      keys.reserve(Math.ceil((keyHashes.length / count) * countExpected));
      keys.addAll(keyHashes, keyLines, first);
      if (orderLines.length > 0) mustFollow(orderFirst);
      numbers.pushAll(orderLines.map((line) => first + line));
      for (const line of rareLines) addRare(first + line, read(first + line));
    },
    remove(entry) {
      const { kind, number, hashes } = factsOf(entry.line);
      for (const hash of hashes) keys.remove(hash, entry.index);
      if (kind === 'rare') return removeRare(entry);
      for (const checkout of decidedIn(entry.line)) checkout.outcome = 0;
      if (kind !== 'order') return;
      const last = numbers.length - 1;
      assert(last >= 0 && numbers.at(last) === entry.index, `Order ${number} must be the last one`);
      numbers.truncate(last);
    },
    order: (number) =>
      Number.isInteger(number) && number >= 0 && number < numbers.length ? numbers.at(number) : undefined,
    key: find,
    cancellation: (number) => cancellations.get(number),
    checkout: (id) => {
      const known = checkouts.get(id);
      return known && { index: known.index, outcome: outcomeOf(known) || undefined };
    },
    waiting: (from, countMax) => arrivals.slice(from, from + countMax).filter((one) => outcomeOf(one) === 0),
    checkoutCount: () => arrivals.length,
    note: (sink) => notes.get(sink)?.at(-1),
  };
};
