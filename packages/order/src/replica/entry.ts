/** Entries of the replicated log: how they are sealed, chained and checked. docs/log-format.md is the promise. */
import { assert } from '@till/shared/assert';
import { chainHash, seal, unseal, ZERO_HASH } from '@till/shared/sealed';
import { hashOf, isSealed } from '@till/shared/seals';
import type { Entry, Log, Position } from './types.ts';

/** The place before the first entry. */
export const START: Position = { index: 0, hash: ZERO_HASH };

/** The end of a log. */
export const endOf = (log: Log): Position => positionAt(log, log.lastIndex());

/** What stands at an index that the log has. */
export const positionAt = (log: Log, index: number): Position => {
  if (index === 0) return START;
  const entry = log.at(index);
  assert(entry !== undefined, `The log must have an entry at ${index}`);
  return { index, hash: entry.hash };
};

/** True if the log has exactly this at that place, and so the same prefix. */
export const holds = (log: Log, position: Position): boolean =>
  position.index === 0 ? position.hash === ZERO_HASH : log.at(position.index)?.hash === position.hash;

/** Sequence of the last movement that the log holds up to an index. */
export const sequenceAt = (log: Log, index: number): number => log.at(index)?.sequence ?? 0;

/** The entry for a movement, given as its sealed line of the catalog's journal. */
export const movementEntry = (after: Position, term: number, journalLine: string): Entry => {
  const movement = unseal(journalLine);
  assert(movement !== null, 'A movement from the catalog must be undamaged');
  const sequence = sequenceOf(movement.body);
  const index = after.index + 1;
  const { line, hash } = seal(after.hash, `{"index":${index},"term":${term},"movement":${movement.body}}`);
  return { index, term, sequence, hash, line };
};

/** The first entry of a term: makes a conflict with older tails visible, and the older entries commit with it. */
export const startEntry = (after: Position, term: number, sequence: number): Entry => {
  const index = after.index + 1;
  const { line, hash } = seal(after.hash, `{"index":${index},"term":${term},"start":true,"sequence":${sequence}}`);
  return { index, term, sequence, hash, line };
};

/** Reads an entry back from its line, or null if its bytes are damaged. */
export const readEntry = (line: string): Entry | null => (unseal(line) === null ? null : entryIn(line));

/** The same for who checks the seals later: null only if the line does not look like an entry. */
export const entryIn = (line: string): Entry | null => {
  const head = HEAD.exec(line);
  if (head === null || !isSealed(line)) return null;
  const [, index, term, ofMovement, ofStart] = head;
  return {
    index: Number(index),
    term: Number(term),
    sequence: Number(ofMovement ?? ofStart),
    hash: hashOf(line),
    line,
  };
};

/** An entry is written in one way only, its numbers first; so nothing else of it has to be read to find them. */
const HEAD = /^\{"index":(\d+),"term":(\d+),(?:"movement":\{"sequence":(\d+)|"start":true,"sequence":(\d+))[,}]/;

/** The text of the movement that an entry records, as it stands in the catalog's journal; null for the start of a term. */
export const movementIn = (entry: Entry | undefined): string | null => {
  const unsealed = entry === undefined ? null : unseal(entry.line);
  const at = unsealed?.body.indexOf(MOVEMENT) ?? -1;
  return unsealed === null || at === -1 ? null : unsealed.body.slice(at + MOVEMENT.length, -1);
};

const MOVEMENT = ',"movement":';

/** True if an entry is undamaged, says what its line says, and chains to what stands before it. */
export const follows = (before: Position, entry: Entry): boolean => {
  const unsealed = unseal(entry.line);
  return (
    unsealed !== null &&
    entry.index === before.index + 1 &&
    saysTheSame(entry) &&
    unsealed.hash === entry.hash &&
    chainHash(before.hash, unsealed.body) === entry.hash
  );
};

/** The fields beside a line are there to be read quickly; they must be those of the line. */
const saysTheSame = ({ index, term, sequence, line }: Entry): boolean => {
  const head = `{"index":${index},"term":${term},`;
  return (
    line.startsWith(`${head}"movement":{"sequence":${sequence},`) ||
    line.startsWith(`${head}"start":true,"sequence":${sequence},`)
  );
};

const SEQUENCE = /^\{"sequence":(\d+)[,}]/;

/** The sequence is the first field of every movement, so that it can be read without parsing the rest. */
export const sequenceOf = (movementBody: string): number => {
  const match = SEQUENCE.exec(movementBody);
  assert(match !== null, 'A movement must begin with its sequence');
  return Number(match[1]);
};
