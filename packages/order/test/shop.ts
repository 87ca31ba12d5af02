/** Journals of the catalog with orders in them, and the entries that a replica keeps of them. */
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
