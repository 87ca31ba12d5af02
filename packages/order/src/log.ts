/**
 * The log on disk: a journal of sealed lines, one entry each, with the recent entries also in memory. The core reads it
 * as if all of it were in memory; what is older is read from the files by position.
 */
import { assert } from '@till/shared/assert';
import { type JournalOptions, openJournal, type TornTail } from '@till/shared/journal';
import { limits } from '@till/shared/limits';
import { factsOf, type LineFacts } from '@till/shared/line-facts';
import { orderLimits } from './limits.ts';
import { createContents } from './replica/contents.ts';
import { entryIn } from './replica/entry.ts';
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
  /** Resolves when no index of the files is being written. */
  settled(): Promise<void>;
  close(): Promise<void>;
};

/** The path of the newest entries, and what tests have different. */
export type LogPlace = Pick<JournalOptions, 'path' | 'files' | 'segmentBytes' | 'checkpointBytes'>;

/** Entries that are read at the start: who leads or follows asks for the last ones all the time. */
const FIRST_READ_MAX = 256;

/** Opens the log of one replica. Throws `JournalDamaged` if anything but its last line is damaged. */
export const openLog = async (place: LogPlace): Promise<FileLog> => {
  const contents = createContents((index) => (at(index) as Entry).line);
  /** The entries from `lastIndex - recent.length + 1` on, and what is known of their lines. */
  let recent: Entry[] = [];
  let recentFacts: LineFacts[] = [];
  let recentBytes = 0;
  let lastIndex = 0;
  let written = 0;

  const firstRecent = (): number => lastIndex - recent.length + 1;

  const push = (entry: Entry, facts?: LineFacts): void => {
    assert(entry.index === lastIndex + 1, () => `Entry ${entry.index} must not follow entry ${lastIndex}`);
    recentFacts.push(contents.add(entry, facts));
    recent.push(entry);
    recentBytes += entry.line.length;
    lastIndex = entry.index;
    if (recent.length >= 2 * orderLimits.recentEntriesMax || recentBytes > limits.journalRecentBytesMax) dropOldest();
  };

  /** Keeps half of what there may be, and everything that is not on disk yet. */
  const dropOldest = (): void => {
    const first = firstRecent();
    const isTooMuch = (dropped: number): boolean =>
      recent.length - dropped > orderLimits.recentEntriesMax || recentBytes > limits.journalRecentBytesMax / 2;
    let dropped = 0;
    while (first + dropped <= written && first + dropped < lastIndex && isTooMuch(dropped)) {
      recentBytes -= (recent[dropped] as Entry).line.length;
      dropped += 1;
    }
    if (dropped === 0) return;
    recent = recent.slice(dropped);
    recentFacts = recentFacts.slice(dropped);
  };

  const journal = await openJournal({
    ...place,
    index: {
      onColumns(columns) {
        contents.load(columns);
        lastIndex = columns.first + columns.count - 1;
        written = lastIndex;
        recent = [];
        recentFacts = [];
        recentBytes = 0;
      },
    },
    onLine(line, _hash, _number, facts) {
      written += 1;
      push(entryOf(line), facts);
    },
  });
  if (recent.length < FIRST_READ_MAX && firstRecent() > 1) {
    const from = Math.max(1, lastIndex + 1 - FIRST_READ_MAX);
    const range = { from, countMax: firstRecent() - from, bytesMax: Number.POSITIVE_INFINITY };
    const entries = journal.linesNow(range).map(entryOf);
    recent = [...entries, ...recent];
    recentFacts = recent.map(({ line }) => factsOf(line));
    recentBytes = recent.reduce((sum, { line }) => sum + line.length, 0);
  }

  const at = (index: number): Entry | undefined => {
    if (index < 1 || index > lastIndex) return undefined;
    const first = firstRecent();
    return index >= first ? recent[index - first] : entryOf(journal.line(index));
  };

  /** Entries that are not in memory. */
  const older = (from: number, entriesMax: number, bytesMax: number): Entry[] => {
    const countMax = Math.min(entriesMax, firstRecent() - from);
    return countMax < 1 ? [] : journal.linesNow({ from, countMax, bytesMax: bytesMax + countMax }).map(entryOf);
  };

  const factsNow = (entry: Entry): LineFacts => {
    const place = entry.index - firstRecent();
    return recent[place] === entry ? (recentFacts[place] as LineFacts) : factsOf(entry.line);
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
        const fits = (entry: Entry): boolean => {
          bytes += entry.line.length;
          return slice.length < entriesMax && (slice.length === 0 || bytes <= bytesMax);
        };
        for (const entry of older(from, entriesMax, bytesMax)) {
          if (!fits(entry)) return slice;
          slice.push(entry);
        }
        const first = firstRecent();
        for (let place = from + slice.length - first; place >= 0 && place < recent.length; place += 1) {
          const entry = recent[place] as Entry;
          if (!fits(entry)) return slice;
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
        const kept = Math.max(0, from - firstRecent());
        recent = recent.slice(0, kept);
        recentFacts = recentFacts.slice(0, kept);
        recentBytes = recent.reduce((sum, { line }) => sum + line.length, 0);
        lastIndex = from - 1;
        written = Math.min(written, lastIndex);
      },
    },
    async write(entries) {
      await journal.append(
        entries.map(({ line }) => line),
        entries.map(factsNow),
      );
      const last = entries.at(-1);
      if (last !== undefined && at(last.index)?.hash === last.hash) written = Math.max(written, last.index);
    },
    cut: (from) => journal.truncate(from - 1),
    settled: () => journal.settled(),
    close: () => journal.close(),
  };
};

/** The entry of a line whose seals the journal has checked. */
const entryOf = (line: string): Entry => {
  const entry = entryIn(line);
  assert(entry !== null, 'A line of the log must be an entry');
  return entry;
};
