/**
 * Sealed lines that only grow at their end: the catalog's journal and the log of each order replica.
 *
 * - `append` resolves when the lines are on disk, never before. While one write and its fsync are under way, what comes in
 *   waits and then goes to disk together: one write and one fsync for all of it (H29).
 * - After a failed write or fsync nobody knows what the disk holds, and trying again may report success for bytes that were
 *   dropped (H27). So the journal is over: everything that waits is refused, what was not acknowledged is cut off if that
 *   still works (H28), and `onFailed` tells the process to stop.
 * - It is in segments: the last lines are in the active one, a file that is written to. When that is long enough it is sealed:
 *   it gets another name, is never written again, and a new one is begun.
 * - Beside a segment stands its index, so that a start need not read it (journal-open.ts). An index is made in the background,
 *   of what is on disk already; it may be missing or old at any time.
 * - A line that is damaged is told to whoever reads it. A start does not read what an index covers, so that index goes first:
 *   the next start reads the segment, finds the damage, and stops (H26).
 */
import { assert } from './assert.ts';
import { diskFiles, type JournalFile, type JournalFiles } from './journal-files.ts';
import { createIndexer } from './journal-indexer.ts';
import {
  emptySegment,
  fixedOffsets,
  type LoadedColumns,
  type OpenOptions,
  openSegments,
  readOn,
  type TornTail,
} from './journal-open.ts';
import { JournalDamaged } from './journal-scan.ts';
import { limits } from './limits.ts';
import { factsOf, type LineFacts } from './line-facts.ts';
import { ZERO_HASH } from './sealed.ts';
import { hashOf, isSealed } from './seals.ts';
import { endOf, indexPath, readNow, readSoon, type Segment, type Stretch, sealedPath, segmentOf } from './segment.ts';

export type { LoadedColumns, TornTail } from './journal-open.ts';
export { JournalDamaged } from './journal-scan.ts';

/** Thrown by everything that wants to change a journal after it failed. Whether the lines are on disk is not known. */
export class JournalFailed extends Error {
  override name = 'JournalFailed';
}

export type JournalOptions = {
  /** Of the active segment: the other files are beside it. */
  path: string;
  /** Called at open for each line that is not known from an index, in order. Lines are counted from 1 over all segments. */
  onLine?: OpenOptions['onLine'];
  /**
   * Indexes are read and written only with this. `onColumns` is called at open, in order with `onLine`, for each segment, or
   * beginning of the active one, that is known from its index.
   */
  index?: { onColumns(columns: LoadedColumns): void };
  /** Called once, after everything that waited was refused. The process must stop. */
  onFailed?: (error: JournalFailed) => void;
  files?: JournalFiles;
  /** How long the active segment becomes before it is sealed. */
  segmentBytes?: number;
  /** How much the active segment grows until its index is written again. */
  checkpointBytes?: number;
};

/** Which lines are wanted: at most `countMax`, and about `bytesMax`, but at least one if there is any. */
export type LineRange = { from: number; countMax: number; bytesMax: number };

export type Journal = {
  readonly path: string;
  /** Lines on disk, in all segments. */
  readonly count: number;
  /** Size of those lines. */
  readonly bytes: number;
  /** Hash of the last of those lines. */
  readonly lastHash: string;
  /** An unfinished line that a crash had left, and that was cut off at open. */
  readonly torn: TornTail | null;
  readonly failed: boolean;
  /**
   * Adds sealed lines, in the order of the calls. The caller has sealed them onto the last line, or has checked that they
   * follow from it; they are whole in the file or not there, but a batch is not: a crash may leave its first lines only.
   * `facts`: of each line, from who knows them already.
   */
  append(lines: readonly string[], facts?: readonly LineFacts[]): Promise<void>;
  /** Keeps the first `count` lines and drops the rest, in its turn among the appends. Resolves when that is on disk. */
  truncate(count: number): Promise<void>;
  /**
   * The line at a place, from 1. Throws `JournalDamaged` if its bytes changed since they were written. Reads are not in turn
   * with truncations: nobody reads what is being dropped.
   */
  line(number: number): string;
  /** The lines from a place on, with one read for each segment that they stand in. */
  lines(range: LineRange): Promise<string[]>;
  /** The same while nothing else runs. */
  linesNow(range: LineRange): string[];
  /** Resolves when no index is being written. */
  settled(): Promise<void>;
  /** Waits for what is under way, writes the index of the active segment, and closes the files. */
  close(): Promise<void>;
};

type Waiting = { resolve: () => void; reject: (error: Error) => void };
type Append = Waiting & {
  kind: 'append';
  block: Buffer;
  /** Where each line begins in the block. */
  starts: number[];
  facts: readonly LineFacts[];
  lastHash: string;
};
type Truncate = Waiting & { kind: 'truncate'; count: number };

/** Opens a journal, or begins one. Throws `JournalDamaged`, and then leaves the files as they are. */
export const openJournal = async (options: JournalOptions): Promise<Journal> => {
  const { path, onFailed, index, segmentBytes = limits.journalSegmentBytes } = options;
  const { checkpointBytes = limits.journalCheckpointBytes } = options;
  const files = options.files ?? diskFiles;
  const opened = await openSegments({
    ...{ path, files },
    onLine: options.onLine ?? (() => {}),
    onColumns: index?.onColumns ?? null,
  });
  const { torn, unindexed } = opened;
  let { sealed, active, indexed } = opened;
  let sealedBytes = sealed.reduce((sum, { bytes }) => sum + bytes, 0);
  const indexer = createIndexer({ path, files });

  const queue: (Append | Truncate)[] = [];
  let failure: JournalFailed | undefined;
  let closing = false;
  let running: Promise<void> | undefined;

  const checkpoint = (): void => {
    indexed = { lines: active.offsets.length, bytes: active.bytes };
    indexer.checkpoint(active);
  };
  const checkpointIfDue = (): void => {
    if (index === undefined || indexer.busy || active.bytes - indexed.bytes < checkpointBytes) return;
    checkpoint();
  };
  if (index !== undefined) for (const { segment, columns } of unindexed) indexer.seal(segment, columns);
  checkpointIfDue();

  const enqueue = (operation: Append | Truncate) => {
    if (failure !== undefined) return operation.reject(failure);
    assert(!closing, 'A closed journal is not changed');
    queue.push(operation);
    running ??= run();
  };

  const run = async (): Promise<void> => {
    // Calls of the same turn of the event loop go to disk together.
    await Promise.resolve();
    while (queue.length > 0) {
      const batch = takeBatch(queue);
      try {
        if (batch[0]?.kind === 'truncate') await dropAfter(batch[0].count);
        else await writeOut(batch as Append[]);
      } catch (error) {
        await fail(error, batch);
        break;
      }
      for (const operation of batch) operation.resolve();
      checkpointIfDue();
    }
    running = undefined;
  };

  const writeOut = async (batch: Append[]): Promise<void> => {
    const block = batch.length === 1 ? (batch[0] as Append).block : Buffer.concat(batch.map((append) => append.block));
    if (block.length === 0) return;
    if (active.bytes >= segmentBytes) await sealActive();
    await writeAll(active.file, block, active.bytes);
    await active.file.sync();
    for (const { block, starts, facts, lastHash } of batch) {
      if (starts.length === 0) continue;
      for (const [at, start] of starts.entries()) active.offsets.add(active.bytes + start, facts[at] as LineFacts);
      active.bytes += block.length;
      active.lastHash = lastHash;
    }
  };

  /** Everything in the active segment is on disk. A crash on the way leaves it under its old name, or no active segment. */
  const sealActive = async (): Promise<void> => {
    const at = sealedPath(path, active.first);
    await files.rename(path, at);
    const file = await files.open(path);
    const columns = active.offsets.copy();
    const segment: Segment = { ...active, path: at, offsets: fixedOffsets(columns.offsets) };
    sealed = [...sealed, segment];
    sealedBytes += segment.bytes;
    active = emptySegment({ path, file, before: segment });
    indexed = { lines: 0, bytes: 0 };
    if (index !== undefined) indexer.seal(segment, columns);
  };

  const dropAfter = async (count: number): Promise<void> => {
    if (count >= countOf()) return;
    const lastHash = count === 0 ? ZERO_HASH : hashOf(readLine(count));
    // No index may speak of lines that are not there any more: first those go, on disk.
    await indexer.settled();
    if (count + 1 < active.first) await reopen(segmentOf(sealed, count + 1));
    const left = count + 1 - active.first;
    if (left < indexed.lines) {
      await files.remove(indexPath(path));
      indexed = { lines: 0, bytes: 0 };
    }
    const size = active.offsets.at(left);
    await active.file.truncate(size);
    await active.file.sync();
    active.offsets.truncate(left);
    active.bytes = size;
    active.lastHash = lastHash;
  };

  /** Makes a sealed segment the active one again. What comes after it goes, the last first: a crash leaves a beginning. */
  const reopen = async (segment: Segment): Promise<void> => {
    const dropped = sealed.slice(sealed.indexOf(segment) + 1);
    await files.remove(indexPath(path));
    for (const { first } of [...dropped, segment].reverse()) await files.remove(indexPath(path, first));
    await files.remove(path);
    for (const { path: at } of dropped.toReversed()) await files.remove(at);
    await files.rename(segment.path, path);
    const before = sealed[sealed.indexOf(segment) - 1];
    const reopened = emptySegment({ path, file: segment.file, before });
    await readOn(reopened, () => {});
    for (const { file } of [...dropped, active]) await file.close();
    sealed = sealed.slice(0, sealed.indexOf(segment));
    sealedBytes = sealed.reduce((sum, { bytes }) => sum + bytes, 0);
    active = reopened;
    indexed = { lines: 0, bytes: 0 };
  };

  const fail = async (cause: unknown, batch: (Append | Truncate)[]): Promise<void> => {
    const text = cause instanceof Error ? cause.message : String(cause);
    failure = new JournalFailed(`Cannot write ${path}: ${text}`, { cause });
    try {
      await active.file.truncate(active.bytes);
    } catch {
      // Then the next start finds a tail that was never acknowledged, and cuts it.
    }
    for (const operation of [...batch, ...queue.splice(0)]) operation.reject(failure);
    onFailed?.(failure);
  };

  const countOf = (): number => active.first - 1 + active.offsets.length;
  const holding = (number: number): Segment => (number >= active.first ? active : segmentOf(sealed, number));

  const readLine = (number: number): string => {
    assert(number >= 1 && number <= countOf(), () => `There is no line ${number} among ${countOf()}`);
    const segment = holding(number);
    const at = number - segment.first;
    return distrusting(() => readNow({ segment, from: at, to: at })[0] as string);
  };

  /** A start does not read what an index vouches for: without it the next one finds the damage, and stops. */
  const distrust = (error: unknown): void => {
    if (index !== undefined && error instanceof JournalDamaged) indexer.distrust(holding(error.lineNumber).first);
  };
  const distrusting = <Value>(read: () => Value): Value => {
    try {
      return read();
    } catch (error) {
      distrust(error);
      throw error;
    }
  };
  const readAllSoon = async (stretches: Stretch[]): Promise<string[]> => {
    try {
      return (await Promise.all(stretches.map(readSoon))).flat();
    } catch (error) {
      distrust(error);
      throw error;
    }
  };

  /** Where the lines of a range stand. */
  const stretchesOf = ({ from, countMax, bytesMax }: LineRange): Stretch[] => {
    assert(from >= 1 && countMax >= 1, 'A range of lines begins at 1 and has a place for one');
    const stretches: Stretch[] = [];
    const end = Math.min(countOf() + 1, from + countMax);
    let bytes = 0;
    for (let number = from; number < end; ) {
      const segment = holding(number);
      const start = number - segment.first;
      let line = start;
      while (line < segment.offsets.length && segment.first + line < end) {
        const size = endOf(segment, line) - segment.offsets.at(line);
        if (bytes > 0 && bytes + size > bytesMax) break;
        bytes += size;
        line += 1;
      }
      if (line > start) stretches.push({ segment, from: start, to: line - 1 });
      number = line < segment.offsets.length ? end : segment.first + line;
    }
    return stretches;
  };

  return {
    path,
    get count() {
      return countOf();
    },
    get bytes() {
      return sealedBytes + active.bytes;
    },
    get lastHash() {
      return active.lastHash;
    },
    torn,
    get failed() {
      return failure !== undefined;
    },
    append: (lines, facts) =>
      new Promise((resolve, reject) => {
        enqueue({ kind: 'append', ...encode(lines, facts), resolve, reject });
      }),
    truncate: (count) =>
      new Promise((resolve, reject) => {
        assert(Number.isInteger(count) && count >= 0, 'The lines to keep are counted from 0');
        enqueue({ kind: 'truncate', count, resolve, reject });
      }),
    line: readLine,
    lines: async (range) => readAllSoon(stretchesOf(range)),
    linesNow: (range) => distrusting(() => stretchesOf(range).flatMap(readNow)),
    settled: indexer.settled,
    close: async () => {
      if (closing) return;
      closing = true;
      while (running !== undefined) await running;
      const isAhead = active.offsets.length > indexed.lines;
      if (index !== undefined && failure === undefined && isAhead) checkpoint();
      await indexer.settled();
      for (const { file } of [...sealed, active]) await file.close();
    },
  };
};

/** One truncation, or the appends up to the next one, bounded. */
const takeBatch = (queue: (Append | Truncate)[]): (Append | Truncate)[] => {
  let length = 0;
  let size = 0;
  for (const operation of queue) {
    if (length > 0 && (operation.kind === 'truncate' || size > limits.journalBatchBytesMax)) break;
    length += 1;
    if (operation.kind === 'truncate') break;
    size += operation.block.length;
  }
  return queue.splice(0, length);
};

/** A write may be short without an error. */
const writeAll = async (file: JournalFile, bytes: Uint8Array, position: number): Promise<void> => {
  for (let written = 0; written < bytes.length; ) {
    const count = await file.write(bytes.subarray(written), position + written);
    if (count === 0) throw new Error(`Only ${written} of ${bytes.length} bytes could be written`);
    written += count;
  }
};

const LINE_FEED = 0x0a;

/** The bytes of lines, made once. */
const encode = (
  lines: readonly string[],
  known: readonly LineFacts[] | undefined,
): Pick<Append, 'block' | 'starts' | 'facts' | 'lastHash'> => {
  if (lines.length === 0) return { block: Buffer.alloc(0), starts: [], facts: [], lastHash: ZERO_HASH };
  // Whoever made a line, or took it in, has checked the seals: here they only must be there.
  for (const line of lines) assert(isSealed(line), 'Only sealed lines go into a journal');
  const block = Buffer.from(`${lines.join('\n')}\n`);
  const starts: number[] = [];
  for (let start = 0; start < block.length; start = block.indexOf(LINE_FEED, start) + 1) starts.push(start);
  assert(starts.length === lines.length, 'Only sealed lines go into a journal, and no line feeds');
  const facts = known ?? lines.map(factsOf);
  assert(facts.length === lines.length, 'Each line has its facts');
  return { block, starts, facts, lastHash: hashOf(lines.at(-1) as string) };
};
