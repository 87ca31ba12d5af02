/** Journals of the catalog with orders in them, and the entries that a replica keeps of them. */
import type { LoadedColumns } from '@till/shared/journal';
import { createLineColumns } from '@till/shared/line-columns';
import { factsOf } from '@till/shared/line-facts';
import { seal, ZERO_HASH } from '@till/shared/sealed';
import { movementEntry, START, startEntry } from '../src/replica/entry.ts';
import type { Entry } from '../src/replica/types.ts';

/** Line 1 is a fence; order n, with the key `<prefix>-n`, has the sequence n + 2. */
export const shopJournal = (orders: number, prefix = 'key'): string[] => {
  const first = seal(ZERO_HASH, '{"sequence":1,"term":1,"time":0,"kind":"fence"}');
  const lines = [first.line];
  for (let number = 0, { hash } = first; number < orders; number += 1) {
    const movement = {
      sequence: number + 2,
      term: 1,
      time: 0,
      kind: 'order',
      number,
      key: `${prefix}-${number}`,
      fingerprint: 'f',
      order: { lines: [{ name: 'Fox', quantity: 1 }] },
      stock: [],
    };
    const sealed = seal(hash, JSON.stringify(movement));
    lines.push(sealed.line);
    hash = sealed.hash;
  }
  return lines;
};

/** A log of term 1: its start at index 1, the fence at 2, order n at n + 3. */
export const shopEntries = (orders: number, prefix?: string): Entry[] => {
  const entries = [startEntry(START, 1, 0)];
  let end = entries[0] as Entry;
  for (const line of shopJournal(orders, prefix)) {
    end = movementEntry({ index: end.index, hash: end.hash }, 1, line);
    entries.push(end);
  }
  return entries;
};

/** A movement without its sequence, term and time. */
export type Told = { kind: string } & Record<string, unknown>;

/** Journal lines of these movements, from sequence 1 on. */
export const journalOf = (movements: Told[]): string[] => {
  let hash = ZERO_HASH;
  return movements.map((movement, at) => {
    const sealed = seal(hash, JSON.stringify({ sequence: at + 1, term: 1, time: 0, ...movement }));
    hash = sealed.hash;
    return sealed.line;
  });
};

/** A log of term 1 with these movements: sequence n is at index n + 1. */
export const entriesOf = (movements: Told[]): Entry[] => {
  const entries = [startEntry(START, 1, 0)];
  for (const line of journalOf(movements)) {
    const end = entries.at(-1) as Entry;
    entries.push(movementEntry({ index: end.index, hash: end.hash }, 1, line));
  }
  return entries;
};

/** What an index says of entries: those from `first` on. */
export const columnsOf = (held: Entry[], first: number): LoadedColumns => {
  const columns = createLineColumns();
  for (const { line } of held) columns.add(0, factsOf(line));
  const { offsets: _, ...rest } = columns.copy();
  const read = (index: number): string => (held[index - first] as Entry).line;
  return { first, count: held.length, countExpected: held.length, ...rest, read };
};

const LINES = [{ name: 'Fox', quantity: 1 }];

export const told = {
  fence: (): Told => ({ kind: 'fence' }),
  order: (number: number, key: string, alsoKey?: string): Told => ({
    kind: 'order',
    number,
    key,
    fingerprint: 'f',
    order: { lines: LINES },
    ...(alsoKey === undefined ? {} : { alsoKey }),
    stock: [],
  }),
  rejection: (key: string): Told => ({
    kind: 'rejection',
    key,
    fingerprint: 'f',
    order: { lines: LINES },
    reason: 'out_of_stock',
    message: 'Cannot buy',
  }),
  cancel: (number: number, key: string): Told => ({ kind: 'cancel', key, of: 'order 1', number, stock: [] }),
  checkout: (id: string, books = 1): Told => ({
    kind: 'checkout',
    key: `key of ${id}`,
    fingerprint: 'c',
    checkout: { id, lines: [{ name: 'Fox', quantity: books }], customer: 'Jo', card: '1111' },
  }),
  note: (sink: string, delivered: number): Told => ({ kind: 'note', sink, delivered, dead: [], again: [] }),
};
