/** The journal's last lines, kept in memory: what the leader asks for is nearly always among them. */
import { assert } from '@till/shared/assert';

export type Page = { lines: string[]; more: boolean };

export type RecentLines = {
  /** Sequence of the first line that is here; one above the last when there is none. */
  first(): number;
  push(sequence: number, line: string): void;
  /** Lines after `after`, which must be at or above `first() - 1`: at most `linesMax` and `bytesMax`, but at least one. */
  after(after: number, bounds: { linesMax: number; bytesMax: number }): Page;
};

/** Keeps at most `linesMax` lines and `bytesMax` bytes of them. `sequence`: the last one before the first push. */
export const createRecentLines = (options: { sequence: number; linesMax: number; bytesMax: number }): RecentLines => {
  const { linesMax, bytesMax } = options;
  let first = options.sequence + 1;
  // Lines before `dropped` are gone; cutting the array each time would cost its length.
  let kept: { line: string; bytes: number }[] = [];
  let dropped = 0;
  let bytesTotal = 0;

  const dropOldest = (): void => {
    bytesTotal -= kept[dropped]?.bytes ?? 0;
    dropped += 1;
    first += 1;
    if (dropped * 2 < kept.length) return;
    kept = kept.slice(dropped);
    dropped = 0;
  };

  return {
    first: () => first,
    push: (sequence, line) => {
      assert(sequence === first + kept.length - dropped, () => `Line ${sequence} does not follow the last one`);
      const bytes = Buffer.byteLength(line);
      kept.push({ line, bytes });
      bytesTotal += bytes;
      while (kept.length - dropped > linesMax || (bytesTotal > bytesMax && kept.length - dropped > 1)) dropOldest();
    },
    after: (after, bounds) => {
      assert(after >= first - 1, () => `Line ${after + 1} is no longer kept`);
      const start = dropped + (after + 1 - first);
      let end = start;
      let bytes = 0;
      while (end < kept.length && end - start < bounds.linesMax) {
        bytes += kept[end]?.bytes ?? 0;
        if (bytes > bounds.bytesMax && end > start) break;
        end += 1;
      }
      return { lines: kept.slice(start, end).map(({ line }) => line), more: end < kept.length };
    },
  };
};
