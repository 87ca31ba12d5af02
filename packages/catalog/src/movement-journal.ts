/**
 * The catalog's journal: movements as sealed lines. Line n is the movement with sequence n.
 *
 * Besides the file it knows where each key stands, and nothing more per order: a decision that is asked for again is read
 * from its line. A key that nobody used before, which is nearly every one, costs no reading.
 */
import { assert } from '@till/shared/assert';
import { type JournalFailed, openJournal, type TornTail } from '@till/shared/journal';
import type { JournalFiles } from '@till/shared/journal-files';
import { createKeyTable } from '@till/shared/key-table';
import { limits } from '@till/shared/limits';
import { factsOfMovement, hashOfKey, type LineFacts } from '@till/shared/line-facts';
import type { Movement } from '@till/shared/movement';
import { seal, unseal } from '@till/shared/sealed';
import { createRecentLines, type Page } from './recent-lines.ts';
import { decisionOf, isUnder, type Keyed } from './stock/decisions.ts';
import type { Decisions } from './stock/types.ts';

export type MovementJournal = {
  /** Resolves when the movements, which follow from what is there, are on disk. */
  append(movements: readonly Movement[]): Promise<void>;
  /** The sealed lines of what is on disk after a sequence, cut at the bounds, but at least one if there is any. */
  after(after: number, bounds: { linesMax: number; bytesMax: number }): Promise<Page>;
  /** The movement at a sequence that is on disk. It waits for the disk if it is not among the last ones. */
  movement(sequence: number): Movement;
  close(): Promise<void>;
};

/** What else is known of a journal that is a file. */
export type StoredJournal = MovementJournal & {
  /** Sequence of the last movement on disk. */
  readonly sequence: number;
  /** Size of what is on disk. */
  readonly bytes: number;
  /** The decisions in it, by key. What is on disk is remembered, so nothing needs to be put there. */
  readonly decisions: Decisions;
  /** Chain hash of the line at a sequence, or null if it ends before that. */
  hashAt(sequence: number): string | null;
};

export type MovementJournalOptions = {
  path: string;
  /** How much of the end is kept in memory. */
  recent: { linesMax: number; bytesMax: number };
  onFailed(error: JournalFailed): void;
  files?: JournalFiles;
  /** Sizes that tests make small: when a new segment is begun, and when an index is written. */
  sizes?: { segmentBytes: number; checkpointBytes: number };
};

/** Also returns what was cut off at open: the beginning of a line that nobody was told of. */
export const openMovementJournal = async (
  options: MovementJournalOptions,
): Promise<{ journal: StoredJournal; torn: TornTail | null }> => {
  const { path, onFailed, files, sizes = {} } = options;
  const keys = createKeyTable();
  const keyHashOf = createHashMemo();
  let recent = createRecentLines({ sequence: 0, ...options.recent });
  const mustBeAt = (movement: Movement, sequence: number): void =>
    assert(movement.sequence === sequence, () => `Line ${sequence} of ${path} has sequence ${movement.sequence}`);
  const take = (line: string, sequence: number, { hashes }: LineFacts): void => {
    recent.push(sequence, line);
    for (const hash of hashes) keys.add(hash, sequence);
  };
  const file = await openJournal({
    path,
    index: {
      onColumns: ({ keyHashes, keyLines, first }) => keys.addAll(keyHashes, keyLines, first),
    },
    onLine: (line, _hash, sequence, facts) => {
      // What an index knows was left out: only what comes after it can be the end.
      if (sequence > recent.last() + 1) recent = createRecentLines({ sequence: sequence - 1, ...options.recent });
      if (!line.startsWith(`{"sequence":${sequence},`)) mustBeAt(JSON.parse(line) as Movement, sequence);
      take(line, sequence, facts);
    },
    onFailed,
    ...sizes,
    ...(files === undefined ? {} : { files }),
  });
  if (file.count > recent.last()) recent = createRecentLines({ sequence: file.count, ...options.recent });
  // Where the next movement is added: what is before it may still be on its way to the disk.
  let end = { sequence: file.count, hash: file.lastHash };

  const lineAt = (sequence: number): string => recent.at(sequence) ?? file.line(sequence);

  const movement = (sequence: number): Movement => {
    const found = movementOf(lineAt(sequence));
    mustBeAt(found, sequence);
    return found;
  };

  const find = (key: string, upTo: number): Keyed | undefined => {
    let found: Keyed | undefined;
    keys.find(keyHashOf(key), (sequence) => {
      if (sequence > upTo) return false;
      const candidate = movement(sequence);
      if (!isUnder(candidate, key)) return false;
      found = candidate;
      return true;
    });
    return found;
  };

  const journal: StoredJournal = {
    get sequence() {
      return file.count;
    },
    get bytes() {
      return file.bytes;
    },
    decisions: {
      get count() {
        return keys.size;
      },
      find: (key, upTo) => {
        const found = find(key, upTo);
        return found && decisionOf(found);
      },
      put: () => {},
    },
    append: async (movements) => {
      const { sequence } = end;
      let { hash } = end;
      const lines: string[] = [];
      const facts: LineFacts[] = [];
      for (const each of movements) {
        mustBeAt(each, sequence + 1 + lines.length);
        const sealed = seal(hash, JSON.stringify(each));
        hash = sealed.hash;
        lines.push(sealed.line);
        facts.push(factsOfMovement(each));
      }
      end = { sequence: sequence + lines.length, hash };
      await file.append(lines, facts);
      lines.forEach((line, at) => {
        take(line, sequence + 1 + at, facts[at] as LineFacts);
      });
    },
    after: async (after, bounds) => {
      const to = file.count;
      if (after >= to) return NOTHING;
      if (after + 1 >= recent.first()) return recent.after(after, bounds);
      const lines = await file.lines({ from: after + 1, countMax: bounds.linesMax, bytesMax: bounds.bytesMax });
      return { lines, more: after + lines.length < to };
    },
    movement,
    hashAt: (sequence) => {
      if (sequence > file.count) return null;
      return sequence === file.count ? file.lastHash : unsealed(lineAt(sequence)).hash;
    },
    close: () => file.close(),
  };
  return { journal, torn: file.torn };
};

/** An order's key is looked up several times until it is taken in, and its hash takes longer than the rest of that. */
const createHashMemo = (): ((key: string) => number) => {
  const hashes = new Map<string, number>();
  return (key) => {
    const known = hashes.get(key);
    if (known !== undefined) return known;
    const hash = hashOfKey(key);
    if (hashes.size === HASHES_MAX) hashes.clear();
    hashes.set(key, hash);
    return hash;
  };
};
/** Enough for two batches. */
const HASHES_MAX = 2 * limits.ordersInBatchMax;

const NOTHING: Page = { lines: [], more: false };

const unsealed = (line: string): { body: string; hash: string } => {
  const parts = unseal(line);
  assert(parts !== null, 'A journal only gives lines that it has checked');
  return parts;
};

const movementOf = (line: string): Movement => JSON.parse(unsealed(line).body) as Movement;
