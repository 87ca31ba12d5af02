/** A disk in memory, on which everything is safe at once: for tests that start a store hundreds of times. */
import { basename } from 'node:path';
import type { JournalFile, JournalFiles } from '@till/shared/journal-files';

export type MemoryDisk = {
  files: JournalFiles;
  /** What is there by name, to be looked at and changed. Who has opened a file goes on with that one. */
  contents: Map<string, { bytes: Buffer }>;
  /** What was read of opened files. */
  reads: { count: number; bytes: number };
};

/** A disk of one folder. `from`: another one, whose contents it begins with. */
export const createMemoryDisk = (from?: MemoryDisk): MemoryDisk => {
  const contents: MemoryDisk['contents'] = new Map();
  for (const [name, { bytes }] of from?.contents ?? []) contents.set(name, { bytes });
  const reads = { count: 0, bytes: 0 };

  const opened = (entry: { bytes: Buffer }): JournalFile => {
    const read = (bytes: Uint8Array, position: number): number => {
      const count = entry.bytes.copy(bytes, 0, position);
      reads.count += 1;
      reads.bytes += count;
      return count;
    };
    return {
      size: async () => entry.bytes.length,
      read: async (bytes, position) => read(bytes, position),
      readSync: read,
      write: async (bytes, position) => {
        entry.bytes = Buffer.concat([entry.bytes.subarray(0, position), bytes]);
        return bytes.length;
      },
      sync: async () => {},
      truncate: async (size) => {
        entry.bytes = entry.bytes.subarray(0, size);
      },
      close: async () => {},
    };
  };

  const files: JournalFiles = {
    open: async (path) => {
      const entry = contents.get(basename(path)) ?? { bytes: Buffer.alloc(0) };
      contents.set(basename(path), entry);
      return opened(entry);
    },
    keep: async (path, bytes) => {
      if (contents.has(basename(path))) return false;
      contents.set(basename(path), { bytes: Buffer.from(bytes) });
      return true;
    },
    list: async () => [...contents.keys()],
    load: async (path) => contents.get(basename(path))?.bytes ?? null,
    replace: async (path, bytes) => {
      contents.set(basename(path), { bytes: Buffer.from(bytes) });
    },
    rename: async (from, to) => {
      contents.set(basename(to), contents.get(basename(from)) as { bytes: Buffer });
      contents.delete(basename(from));
    },
    remove: async (path) => {
      contents.delete(basename(path));
    },
    removeNow: (path) => {
      contents.delete(basename(path));
    },
  };
  return { files, contents, reads };
};
