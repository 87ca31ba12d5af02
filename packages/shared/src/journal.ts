/**
 * A file of sealed lines that only grows at its end: the catalog's journal and the log of each order replica.
 *
 * - `append` resolves when the lines are on disk, never before. While one write and its fsync are under way, what comes in
 *   waits and then goes to disk together: one write and one fsync for all of it (H29).
 * - After a failed write or fsync nobody knows what the disk holds, and trying again may report success for bytes that were
 *   dropped (H27). So the journal is over: everything that waits is refused, what was not acknowledged is cut off if that
 *   still works (H28), and `onFailed` tells the process to stop.
 * - Opening reads the whole file and checks every line (journal-scan.ts). Only the place of each line is kept in memory.
 */
import { assert } from './assert.ts';
import { diskFiles, type JournalFile, type JournalFiles } from './journal-files.ts';
import { JournalDamaged, scan } from './journal-scan.ts';
import { limits } from './limits.ts';
import { createOffsets } from './offsets.ts';
import { unseal, ZERO_HASH } from './sealed.ts';

export { JournalDamaged } from './journal-scan.ts';

/** Thrown by everything that wants to change a journal after it failed. Whether the lines are on disk is not known. */
export class JournalFailed extends Error {
  override name = 'JournalFailed';
}

export type JournalOptions = {
  path: string;
  /** Called at open for each line that the file holds, in order. */
  onLine?: (line: string, hash: string) => void;
  /** Called once, after everything that waited was refused. The process must stop. */
  onFailed?: (error: JournalFailed) => void;
  files?: JournalFiles;
};

/** What was found at open. `kept` is the file that holds the bytes that were cut off. */
export type TornTail = { bytes: number; kept: string };

export type Journal = {
  readonly path: string;
  /** Lines on disk. */
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
   */
  append(lines: readonly string[]): Promise<void>;
  /** Keeps the first `count` lines and drops the rest, in its turn among the appends. Resolves when that is on disk. */
  truncate(count: number): Promise<void>;
  /**
   * The line at a place, from 1. Throws `JournalDamaged` if its bytes changed since they were written. Reads are not in turn
   * with truncations: nobody reads what is being dropped.
   */
  line(number: number): string;
  /** The lines from a place on: at most `countMax`, and about `bytesMax`, but at least one if there is any. */
  lines(range: { from: number; countMax: number; bytesMax: number }): Promise<string[]>;
  /** Waits for what is under way and closes the file. */
  close(): Promise<void>;
};

type Append = { kind: 'append'; lines: readonly string[]; resolve: () => void; reject: (error: Error) => void };
type Truncate = { kind: 'truncate'; count: number; resolve: () => void; reject: (error: Error) => void };

/** Opens a journal, or begins one. Throws `JournalDamaged`, and then leaves the file as it is. */
export const openJournal = async (options: JournalOptions): Promise<Journal> => {
  const { path, onLine, onFailed } = options;
  const files = options.files ?? diskFiles;
  const file = await files.open(path);
  const offsets = createOffsets();
  let bytes = 0;
  let lastHash = ZERO_HASH;
  let torn: TornTail | null = null;
  try {
    const scanned = await scan(path, file, (line, hash, size) => {
      offsets.push(bytes);
      bytes += size;
      onLine?.(line, hash);
    });
    lastHash = scanned.lastHash;
    if (scanned.tail.length > 0) {
      torn = { bytes: scanned.tail.length, kept: await keepAside(files, path, scanned.tail) };
      await file.truncate(bytes);
    }
    // Lines may have been read from memory that a killed process had written and not synced: from here on they count.
    await file.sync();
  } catch (error) {
    await file.close();
    throw error;
  }

  const queue: (Append | Truncate)[] = [];
  let failure: JournalFailed | undefined;
  let closing = false;
  let running: Promise<void> | undefined;

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
    }
    running = undefined;
  };

  const writeOut = async (batch: Append[]): Promise<void> => {
    const lines = batch.length === 1 ? (batch[0] as Append).lines : batch.flatMap((operation) => operation.lines);
    const last = lines.at(-1);
    if (last === undefined) return;
    const block = Buffer.from(`${lines.join('\n')}\n`);
    await writeAll(file, block, bytes);
    await file.sync();
    let offset = bytes;
    for (const line of lines) {
      offsets.push(offset);
      offset += Buffer.byteLength(line) + 1;
    }
    assert(offset === bytes + block.length, 'The places of the lines must add up to what was written');
    bytes = offset;
    lastHash = hashOf(last);
  };

  const dropAfter = async (count: number): Promise<void> => {
    if (count >= offsets.length) return;
    const hash = count === 0 ? ZERO_HASH : hashOf(readLine(count));
    const size = offsets.at(count);
    await file.truncate(size);
    await file.sync();
    offsets.truncate(count);
    bytes = size;
    lastHash = hash;
  };

  const fail = async (cause: unknown, batch: (Append | Truncate)[]): Promise<void> => {
    const text = cause instanceof Error ? cause.message : String(cause);
    failure = new JournalFailed(`Cannot write ${path}: ${text}`, { cause });
    try {
      await file.truncate(bytes);
    } catch {
      // Then the next start finds a tail that was never acknowledged, and cuts it.
    }
    for (const operation of [...batch, ...queue.splice(0)]) operation.reject(failure);
    onFailed?.(failure);
  };

  const endOf = (number: number): number => (number === offsets.length ? bytes : offsets.at(number));

  const readLines = async (from: number, to: number): Promise<string[]> => {
    const start = offsets.at(from - 1);
    const block = Buffer.alloc(endOf(to) - start);
    await readAll(file, block, start, path);
    return block.toString('utf8', 0, block.length - 1).split('\n');
  };

  const checked = (line: string, lineNumber: number): string => {
    if (isLine(line) && unseal(line) !== null) return line;
    throw new JournalDamaged({
      path,
      lineNumber,
      offset: offsets.at(lineNumber - 1),
      what: 'changed after it was written',
    });
  };

  const readLine = (number: number): string => {
    const start = offsets.at(number - 1);
    const block = Buffer.alloc(endOf(number) - start);
    for (let have = 0; have < block.length; ) {
      const count = file.readSync(block.subarray(have), start + have);
      if (count === 0) throw tooShort(path, start + have);
      have += count;
    }
    return checked(block.toString('utf8', 0, block.length - 1), number);
  };

  return {
    path,
    get count() {
      return offsets.length;
    },
    get bytes() {
      return bytes;
    },
    get lastHash() {
      return lastHash;
    },
    torn,
    get failed() {
      return failure !== undefined;
    },
    append: (lines) =>
      new Promise((resolve, reject) => {
        for (const line of lines) assert(isLine(line), 'Only sealed lines go into a journal');
        enqueue({ kind: 'append', lines, resolve, reject });
      }),
    truncate: (count) =>
      new Promise((resolve, reject) => {
        assert(Number.isInteger(count) && count >= 0, 'The lines to keep are counted from 0');
        enqueue({ kind: 'truncate', count, resolve, reject });
      }),
    line: (number) => {
      assert(number >= 1 && number <= offsets.length, () => `There is no line ${number} among ${offsets.length}`);
      return readLine(number);
    },
    lines: async ({ from, countMax, bytesMax }) => {
      assert(from >= 1 && countMax >= 1, 'A range of lines begins at 1 and has a place for one');
      if (from > offsets.length) return [];
      let to = from;
      const toMax = Math.min(offsets.length, from + countMax - 1);
      while (to < toMax && endOf(to + 1) - offsets.at(from - 1) <= bytesMax) to += 1;
      const lines = await readLines(from, to);
      return lines.map((line, at) => checked(line, from + at));
    },
    close: async () => {
      if (closing) return;
      closing = true;
      while (running !== undefined) await running;
      await file.close();
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
    for (const line of operation.lines) size += line.length;
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

const readAll = async (file: JournalFile, bytes: Uint8Array, position: number, path: string): Promise<void> => {
  for (let have = 0; have < bytes.length; ) {
    const count = await file.read(bytes.subarray(have), position + have);
    if (count === 0) throw tooShort(path, position + have);
    have += count;
  }
};

const tooShort = (path: string, position: number): Error =>
  new Error(`Cannot read ${path} from byte ${position} on: the file became shorter`);

/** Unfinished lines are evidence: they are kept beside the journal, under the first name that is free. */
const keepAside = async (files: JournalFiles, path: string, tail: Uint8Array): Promise<string> => {
  for (let number = 1; ; number += 1) {
    const kept = `${path}.torn-${number}`;
    if (await files.keep(kept, tail)) return kept;
  }
};

const SEALS = /,"hash":"([0-9a-f]{32})","crc":"[0-9a-f]{8}"\}$/;
const SEALS_LENGTH = ',"hash":"","crc":""}'.length + 32 + 8;

const hashOf = (line: string): string => {
  const found = SEALS.exec(line.slice(-SEALS_LENGTH));
  assert(found !== null, 'A line of a journal ends with its seals');
  return found[1] as string;
};

const isLine = (line: string): boolean => SEALS.test(line.slice(-SEALS_LENGTH)) && !line.includes('\n');
