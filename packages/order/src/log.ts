/**
 * The log on disk: a journal of sealed lines, one entry each, with the recent entries also in memory. The core reads it
 * as if all of it were in memory; what is older is read from the file by position.
 */
import { assert } from '@till/shared/assert';
import { openJournal, type TornTail } from '@till/shared/journal';
import type { JournalFiles } from '@till/shared/journal-files';
import { orderLimits } from './limits.ts';
import { createContents } from './replica/contents.ts';
import { readEntry } from './replica/entry.ts';
import type { Entry, Log } from './replica/types.ts';

export type FileLog = {
  /** What the core sees: entries count as soon as they are appended, on disk or not. */
  view: Log;
  /** Resolves once the entries, which the view has already, are on disk. In order with `cut`. Rejects: the log is over. */
  write(entries: Entry[]): Promise<void>;
  /** Resolves once the file ends before `from`. Rejects: the log is over. */
  cut(from: number): Promise<void>;
  /** A torn last line that was cut at the start and kept aside, if there was one. */
  torn: TornTail | null;
  close(): Promise<void>;
};

/** Opens the log of one replica. Throws `JournalDamaged` if anything but its last line is damaged. */
export const openLog = async (place: { path: string; files?: JournalFiles }): Promise<FileLog> => {
  const contents = createContents();
  /** The entries from `lastIndex - recent.length + 1` on. */
  let recent: Entry[] = [];
  let lastIndex = 0;
  let written = 0;

  const push = (entry: Entry): void => {
    assert(entry.index === lastIndex + 1, `Entry ${entry.index} must not follow entry ${lastIndex}`);
    recent.push(entry);
    lastIndex = entry.index;
    contents.add(entry);
    if (recent.length < 2 * orderLimits.recentEntriesMax) return;
    const oldestNeeded = Math.min(written + 1, lastIndex - orderLimits.recentEntriesMax + 1);
    recent = recent.slice(Math.max(0, oldestNeeded - (lastIndex - recent.length + 1)));
  };

  const journal = await openJournal({
    ...place,
    onLine(line) {
      written += 1;
      push(undamaged(readEntry(line)));
    },
  });

  const at = (index: number): Entry | undefined => {
    if (index < 1 || index > lastIndex) return undefined;
    const first = lastIndex - recent.length + 1;
    return index >= first ? recent[index - first] : undamaged(readEntry(journal.line(index)));
  };

  return {
    torn: journal.torn,
    view: {
      contents,
      lastIndex: () => lastIndex,
      at,
      slice(from, entriesMax, bytesMax) {
        const slice: Entry[] = [];
        let bytes = 0;
        for (let index = from; index <= lastIndex && slice.length < entriesMax; index += 1) {
          const entry = at(index);
          assert(entry !== undefined, `The log must have an entry at ${index}`);
          bytes += entry.line.length;
          if (slice.length > 0 && bytes > bytesMax) break;
          slice.push(entry);
        }
        return slice;
      },
      append(entries) {
        for (const entry of entries) push(entry);
      },
      truncate(from) {
        for (let index = lastIndex; index >= from; index -= 1) {
          const entry = at(index);
          assert(entry !== undefined, `The log must have an entry at ${index}`);
          contents.remove(entry);
        }
        const first = lastIndex - recent.length + 1;
        recent = recent.slice(0, Math.max(0, from - first));
        lastIndex = from - 1;
        written = Math.min(written, lastIndex);
      },
    },
    async write(entries) {
      await journal.append(entries.map(({ line }) => line));
      const last = entries.at(-1);
      if (last !== undefined && at(last.index)?.hash === last.hash) written = Math.max(written, last.index);
    },
    cut: (from) => journal.truncate(from - 1),
    close: () => journal.close(),
  };
};

const undamaged = (entry: Entry | null): Entry => {
  assert(entry !== null, 'A line that was read before must be undamaged');
  return entry;
};
