/**
 * The catalog's files at a start: the journal, and the stock that it tells.
 *
 * The stock is that of the last snapshot which belongs to this journal, and every movement after it. The keys come with
 * the journal itself, from its indexes and from the lines that no index knows, whatever the snapshot says; a decision
 * counts once the stock has come to it. So a snapshot and an index need not be of the same moment, and each may be missing.
 */
import { join } from 'node:path';
import { assert } from '@till/shared/assert';
import type { JournalFailed, TornTail } from '@till/shared/journal';
import type { JournalFiles } from '@till/shared/journal-files';
import { limits } from '@till/shared/limits';
import type { Movement } from '@till/shared/movement';
import { type MovementJournalOptions, openMovementJournal, type StoredJournal } from './movement-journal.ts';
import { createSnapshots, type Found, readSnapshots, type Snapshots } from './snapshots.ts';
import { applyMovement, createStock } from './stock/apply.ts';
import type { Stock } from './stock/types.ts';

export type Store = {
  journal: StoredJournal;
  /** The stock as the journal tells it. */
  stock: Stock;
  /** What was cut off at open: the beginning of a line that nobody was told of. */
  torn: TornTail | null;
  /** Sequence of the snapshot that was used; 0: none. */
  snapshotSequence: number;
  snapshots: Snapshots;
};

export type StoreOptions = {
  folder: string;
  files: JournalFiles;
  onFailed(error: JournalFailed): void;
  onSnapshotFailed(error: unknown): void;
  /** Tests make everything small. */
  sizes?: MovementJournalOptions['sizes'] & { snapshotBytes: number };
};

export const openStore = async (options: StoreOptions): Promise<Store> => {
  const { folder, files, onFailed, onSnapshotFailed, sizes } = options;
  const { journal, torn } = await openMovementJournal({
    path: join(folder, 'journal.jsonl'),
    recent: { linesMax: 2 * limits.historyLinesMax, bytesMax: limits.journalRecentBytesMax },
    onFailed,
    files,
    ...(sizes === undefined ? {} : { sizes }),
  });
  const path = join(folder, 'snapshot.json');
  const last = await lastSnapshot(path, files, journal);
  const stock = createStock(journal.movement, {
    decisions: journal.decisions,
    ...(last === null ? {} : { state: last.snapshot }),
  });
  const snapshotSequence = stock.sequence;
  const bytesRead = await replay(journal, stock);
  const snapshots = createSnapshots({
    path,
    files,
    stock,
    hashAt: journal.hashAt,
    everyBytes: sizes?.snapshotBytes ?? limits.journalCheckpointBytes,
    last: last && { path: last.path, sequence: snapshotSequence, bytes: journal.bytes - bytesRead },
    onFailed: onSnapshotFailed,
  });
  // After a long replay at once: the next start may come soon.
  snapshots.grown(journal.bytes);
  return { journal, stock, torn, snapshotSequence, snapshots };
};

/** The newest one of this very journal. */
const lastSnapshot = async (path: string, files: JournalFiles, journal: StoredJournal): Promise<Found | null> => {
  for await (const found of readSnapshots(path, files)) {
    if (journal.hashAt(found.snapshot.sequence) === found.snapshot.hash) return found;
  }
  return null;
};

/** Takes in what the stock has not come to yet. Returns how many bytes that were. */
const replay = async (journal: StoredJournal, stock: Stock): Promise<number> => {
  const bounds = { linesMax: limits.historyLinesMax, bytesMax: limits.historyBytesMax };
  let bytes = 0;
  while (stock.sequence < journal.sequence) {
    const { lines } = await journal.after(stock.sequence, bounds);
    assert(lines.length > 0, () => `The journal must have a line at ${stock.sequence + 1}`);
    for (const line of lines) {
      applyMovement(stock, JSON.parse(line) as Movement);
      bytes += Buffer.byteLength(line) + 1;
    }
  }
  return bytes;
};
