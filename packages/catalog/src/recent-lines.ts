/** The journal's last lines, kept in memory: what the leader asks for is nearly always among them. */
import { assert } from '@till/shared/assert';

export type Page = { lines: string[]; more: boolean };

export type RecentLines = {
  /** Sequence of the first line that is here; one above the last when there is none. */
  first(): number;
  /** Sequence of the last line that is here; of the one before the first push when there is none. */
  last(): number;
  push(sequence: number, line: string): void;
  /** The line at a sequence, if it is here. */
  at(sequence: number): string | undefined;
  /** Lines after `after`, which must be at or above `first() - 1`: at most `linesMax` and `bytesMax`, but at least one. */
  after(after: number, bounds: { linesMax: number; bytesMax: number }): Page;
};

/** Keeps at most `linesMax` lines and `bytesMax` bytes of them. `sequence`: the last one before the first push. */
export const createRecentLines = (options: { sequence: number; linesMax: number; bytesMax: number }): RecentLines => {
  const { linesMax, bytesMax } = options;
  let first = options.sequence + 1;
  // Lines before `dropped` are gone; cutting the lists each time would cost their length.
  let kept: string[] = [];
  let sizes: number[] = [];
  let dropped = 0;
  let bytesTotal = 0;

  const dropOldest = (): void => {
    bytesTotal -= sizes[dropped] ?? 0;
    kept[dropped] = '';
    dropped += 1;
    first += 1;
    if (dropped * 2 < kept.length) return;
    kept = kept.slice(dropped);
    sizes = sizes.slice(dropped);
    dropped = 0;
  };
  const last = (): number => first + kept.length - dropped - 1;

  return {
    first: () => first,
    last,
    push: (sequence, line) => {
      assert(sequence === last() + 1, () => `Line ${sequence} does not follow the last one`);
      const bytes = Buffer.byteLength(line);
      kept.push(line);
      sizes.push(bytes);
      bytesTotal += bytes;
      while (kept.length - dropped > linesMax || (bytesTotal > bytesMax && kept.length - dropped > 1)) dropOldest();
    },
    at: (sequence) => (sequence < first ? undefined : kept[dropped + sequence - first]),
    after: (after, bounds) => {
      assert(after >= first - 1, () => `Line ${after + 1} is no longer kept`);
      const start = dropped + (after + 1 - first);
      let end = start;
      let bytes = 0;
      while (end < kept.length && end - start < bounds.linesMax) {
        bytes += sizes[end] ?? 0;
        if (bytes > bounds.bytesMax && end > start) break;
        end += 1;
      }
      return { lines: kept.slice(start, end), more: end < kept.length };
    },
  };
};
