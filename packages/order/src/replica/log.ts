/** A log held in memory: what the core works on in the simulator and in tests. */
import { assert } from '@till/shared/assert';
import { createContents } from './contents.ts';
import type { Entry, Log } from './types.ts';

export const createLog = (entries: Entry[] = []): Log => {
  const held: Entry[] = [];
  const contents = createContents((index) => held[index - 1]?.line ?? '');
  const log: Log = {
    contents,
    lastIndex: () => held.length,
    at: (index) => held[index - 1],
    slice(from, entriesMax, bytesMax) {
      const slice: Entry[] = [];
      let bytes = 0;
      for (let at = from; at <= held.length && slice.length < entriesMax; at += 1) {
        const entry = held[at - 1];
        assert(entry !== undefined, `The log must have an entry at ${at}`);
        bytes += entry.line.length;
        if (slice.length > 0 && bytes > bytesMax) break;
        slice.push(entry);
      }
      return slice;
    },
    append(added) {
      for (const entry of added) {
        assert(entry.index === held.length + 1, `Entry ${entry.index} must not follow entry ${held.length}`);
        held.push(entry);
        contents.add(entry);
      }
    },
    truncate(from) {
      assert(from >= 1 && from <= held.length, `Cannot cut at ${from}: the log ends at ${held.length}`);
      while (held.length >= from) {
        const entry = held.pop();
        if (entry !== undefined) contents.remove(entry);
      }
    },
  };
  log.append(entries);
  return log;
};
