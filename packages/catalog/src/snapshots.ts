/**
 * The snapshots of a folder: the last one, and the one before it until the last one is there.
 *
 * Nothing waits for them, and no promise rests on them: one that could not be written is missed by nobody but the next start,
 * which then reads more of the journal.
 */
import { assert } from '@till/shared/assert';
import { sleep } from '@till/shared/clock';
import type { JournalFiles } from '@till/shared/journal-files';
import { decodeSnapshot, encodeSnapshot, type Snapshot } from './snapshot.ts';
import { captureStock } from './stock/capture.ts';
import type { Stock } from './stock/types.ts';

export type SnapshotFiles = Pick<JournalFiles, 'load' | 'replace' | 'rename'>;

export type Snapshots = {
  /**
   * To be called whenever something was taken in: writes a snapshot when enough has come since the last one. `bytes`: the
   * journal's size.
   */
  grown(bytes: number): void;
  /** Resolves when nothing is being written. */
  settled(): Promise<void>;
  /** Writes a last one, unless there is one of just this. */
  close(): Promise<void>;
};

export type SnapshotsOptions = {
  path: string;
  files: SnapshotFiles;
  /** All of it is on disk, at whatever moment. */
  stock: Stock;
  /** Chain hash of the line at a sequence. */
  hashAt(sequence: number): string | null;
  /** How much of the journal may follow the last snapshot before another one is written. */
  everyBytes: number;
  /** The last usable one: its file, and where the journal was then. null if there is none. */
  last: { path: string; sequence: number; bytes: number } | null;
  /** It was not written. Everything else goes on. */
  onFailed(error: unknown): void;
};

/** A whole snapshot and its file. */
export type Found = { path: string; snapshot: Snapshot };

const previousOf = (path: string): string => `${path}.previous`;

/** Those that are whole, the newest first. Whether they belong to the journal is for the caller to say. */
export async function* readSnapshots(path: string, files: SnapshotFiles): AsyncGenerator<Found> {
  for (const one of [path, previousOf(path)]) {
    const bytes = await files.load(one);
    const snapshot = bytes && decodeSnapshot(bytes);
    if (snapshot) yield { path: one, snapshot };
  }
}

export const createSnapshots = (options: SnapshotsOptions): Snapshots => {
  const { path, files, stock, hashAt, everyBytes, last, onFailed } = options;
  let isThere = last?.path === path;
  let sequence = last?.sequence ?? 0;
  let bytesAtLast = last?.bytes ?? 0;
  let writing: Promise<void> | null = null;

  const write = async (snapshot: Snapshot): Promise<void> => {
    const pieces: Uint8Array[] = [];
    for (const piece of encodeSnapshot(snapshot)) {
      // Orders have their turn between two pieces.
      if (pieces.length > 0) await sleep(0);
      pieces.push(piece);
    }
    // Only what can be used is kept: one that was found damaged, or of another history, does not push out a good one.
    if (isThere) await files.rename(path, previousOf(path));
    isThere = false;
    await files.replace(path, Buffer.concat(pieces));
    isThere = true;
  };

  const begin = (): void => {
    const hash = hashAt(stock.sequence);
    assert(hash !== null, 'What the stock has taken in is on disk');
    const snapshot = { ...captureStock(stock), hash };
    writing = write(snapshot)
      .then(() => {
        sequence = snapshot.sequence;
      }, onFailed)
      .finally(() => {
        writing = null;
      });
  };

  const settled = async (): Promise<void> => {
    while (writing !== null) await writing;
  };

  return {
    grown: (bytes) => {
      if (writing !== null || bytes - bytesAtLast < everyBytes) return;
      bytesAtLast = bytes;
      begin();
    },
    settled,
    close: async () => {
      await settled();
      if (stock.sequence > sequence) begin();
      await settled();
    },
  };
};
