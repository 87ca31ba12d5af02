/** The audit trail: each change of stock and what caused it, read out of the journal a piece at a time. */
import { assert } from '@till/shared/assert';
import { sleep } from '@till/shared/clock';
import { limits } from '@till/shared/limits';
import type { Movement, StockChange, TrailEntry } from '@till/shared/movement';
import type { MovementJournal } from './movement-journal.ts';

/** `next`: the sequence to go on after; null when there is nothing more. */
export type Trail = { changes: TrailEntry[]; next: number | null };

export type TrailRange = {
  after: number;
  /** Where the journal ends for this reading. */
  to: number;
  changesMax: number;
  /** Only the changes of the product that is spelled so; null for all. */
  name: string | null;
};

/** What is read in one go. Between two pieces orders have their turn: they must not wait until somebody has read a journal. */
const piece = { linesMax: 256, bytesMax: 128 * 1024 };

/**
 * Stops after about `changesMax` changes, or after as many lines as any page of the journal may have, found or not: an old journal
 * is long, and who wants all of it can ask again. The changes of one movement are never divided, so that `next` can be a
 * sequence; hence one movement may bring more than `changesMax`.
 */
export const readTrail = async (
  journal: Pick<MovementJournal, 'after'>,
  { after, to, changesMax, name }: TrailRange,
): Promise<Trail> => {
  const changes: TrailEntry[] = [];
  const linesEnd = Math.min(to, after + limits.historyLinesMax);
  let bytes = 0;
  let at = after;
  const mayConcern = filterOf(name);
  const soFar = (): Trail => ({ changes, next: at < to ? at : null });
  while (at < linesEnd && bytes < limits.historyBytesMax) {
    const linesMax = Math.min(piece.linesMax, linesEnd - at);
    const { lines } = await journal.after(at, { linesMax, bytesMax: piece.bytesMax });
    assert(lines.length > 0, () => `The journal must have a line at ${at + 1}, it ends at ${to}`);
    for (const line of lines) {
      const own = mayConcern(line) ? changesIn(line, at + 1, name) : [];
      if (changes.length > 0 && changes.length + own.length > changesMax) return soFar();
      for (const entry of own) changes.push(entry);
      bytes += line.length;
      at += 1;
      if (changes.length >= changesMax) return soFar();
    }
    if (at < linesEnd) await sleep(0);
  }
  return soFar();
};

/**
 * False for most lines that have none of the changes that are looked for, and only for such: to look for a word in a line costs far
 * less than to parse it. A line is written as JSON in one way only, so that what is in it stands there letter by letter.
 */
const filterOf = (name: string | null): ((line: string) => boolean) => {
  const word = name === null ? null : JSON.stringify(name);
  return (line) =>
    (word === null || line.includes(word)) && (line.includes('"stock":[') || line.includes('"products":['));
};

const changesIn = (line: string, sequence: number, name: string | null): TrailEntry[] => {
  const movement = JSON.parse(line) as Movement;
  assert(
    movement.sequence === sequence,
    () => `Line ${sequence} of the journal must not be movement ${movement.sequence}`,
  );
  return entriesOf(movement).filter(({ product }) => name === null || product === name);
};

const entriesOf = (movement: Movement): TrailEntry[] => {
  switch (movement.kind) {
    case 'seed':
      return movement.products.map(({ name, quantity }) =>
        entry(movement, { name, before: 0, after: quantity }, { kind: 'seed' }, null),
      );
    case 'order':
    case 'cancel': {
      const { kind, key, number } = movement;
      return movement.stock.map((change) => entry(movement, change, { kind, order_number: number }, key));
    }
    case 'restock':
      return movement.stock.map((change) =>
        entry(movement, change, { kind: 'restock', sold_out_by: movement.cause }, null),
      );
    default:
      return [];
  }
};

const entry = (
  { sequence, term, time }: Movement,
  { name, before, after }: StockChange,
  cause: TrailEntry['cause'],
  key: string | null,
): TrailEntry => ({ sequence, term, time, product: name, change: after - before, before, after, cause, key });
