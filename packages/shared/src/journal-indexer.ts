/**
 * Writes the indexes of a journal's segments beside them, one after the other and in the background: nothing waits for it,
 * and if it fails, the next start reads a segment instead.
 */
import { createHash } from 'node:crypto';
import type { JournalFiles } from './journal-files.ts';
import type { Active } from './journal-open.ts';
import { limits } from './limits.ts';
import type { Columns } from './line-columns.ts';
import { encodeIndex, type IndexHead } from './line-index.ts';
import { indexPath, type Segment } from './segment.ts';

export type Indexer = {
  readonly busy: boolean;
  /** Writes the index of the active segment as it is now. Everything in it must be on disk. */
  checkpoint(active: Active): void;
  /** Writes the index of a sealed segment. */
  seal(segment: Segment, columns: Columns): void;
  /** Removes the index of the segment with this first line, before it returns; none of it is written any more. */
  distrust(first: number): void;
  /** Resolves when there is nothing to do any more. */
  settled(): Promise<void>;
};

/** `path`: of the active segment. */
export const createIndexer = ({ path, files }: { path: string; files: JournalFiles }): Indexer => {
  const distrusted = new Set<number>();
  let jobs = 0;
  let last: Promise<void> = Promise.resolve();

  const inTurn = (job: () => Promise<void>): void => {
    jobs += 1;
    last = last
      .then(job)
      .catch(() => {
        // An index can always be made again from its segment.
      })
      .finally(() => {
        jobs -= 1;
      });
  };

  const replace = async (at: string, first: number, bytes: Uint8Array): Promise<void> => {
    if (distrusted.has(first)) return;
    await files.replace(at, bytes);
    if (distrusted.has(first)) files.removeNow(at);
  };

  const removeNow = (at: string): void => {
    try {
      files.removeNow(at);
    } catch {
      // Who is about to hear of the damage must not hear of this instead; the damage will be found again.
    }
  };

  return {
    get busy() {
      return jobs > 0;
    },
    checkpoint(active) {
      const bytes = encodeIndex({ ...headOf(active), sha256: null, columns: active.offsets.copy() });
      const { first } = active;
      inTurn(() => replace(indexPath(path), first, bytes));
    },
    seal(segment, columns) {
      inTurn(async () => {
        const sha256 = await sha256Of(segment);
        const { first } = segment;
        await replace(indexPath(path, first), first, encodeIndex({ ...headOf(segment), sha256, columns }));
      });
    },
    distrust(first) {
      distrusted.add(first);
      // It may be the active one, or have been until now.
      removeNow(indexPath(path));
      removeNow(indexPath(path, first));
    },
    settled: () => last,
  };
};

const headOf = ({ first, offsets, bytes, previousHash, lastHash }: Segment): Omit<IndexHead, 'sha256'> => ({
  ...{ first, bytes, previousHash, lastHash },
  count: offsets.length,
});

/** SHA-256 of a whole segment, read piece by piece so that nothing has to wait for long. */
const sha256Of = async ({ file, bytes, path }: Segment): Promise<string> => {
  const hash = createHash('sha256');
  const piece = new Uint8Array(Math.min(limits.journalWriteNowBytesMax, bytes));
  for (let position = 0; position < bytes; ) {
    const count = await file.read(piece.subarray(0, Math.min(piece.length, bytes - position)), position);
    if (count === 0) throw new Error(`Cannot read ${path} from byte ${position} on: the file became shorter`);
    hash.update(piece.subarray(0, count));
    position += count;
  }
  return hash.digest('hex');
};
