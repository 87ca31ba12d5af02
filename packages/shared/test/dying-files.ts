/**
 * A disk whose machine dies: before the operation with a chosen number nothing is done any more, there or later. What was
 * written and not synced then may be lost.
 */
import { diskFiles, type JournalFile, type JournalFiles } from '@till/shared/journal-files';

export type DyingFiles = {
  files: JournalFiles;
  /** How many operations that change something were begun. */
  operations(): number;
  isDead(): boolean;
  /** Loses what was not synced, and lets go of the files. */
  bury(loses: boolean): Promise<void>;
};

export const dyingFiles = (diesBefore: number): DyingFiles => {
  let operations = 0;
  const opened = new Set<{ file: JournalFile; size: number; synced: number }>();

  const living = async <Value>(operation: () => Promise<Value>): Promise<Value> => {
    operations += 1;
    if (operations >= diesBefore) throw new Error('The machine is dead');
    return operation();
  };

  const files: JournalFiles = {
    ...diskFiles,
    open: (path) =>
      living(async () => {
        const file = await diskFiles.open(path);
        const known = { file, size: await file.size(), synced: 0 };
        known.synced = known.size;
        opened.add(known);
        return {
          ...file,
          write: (bytes, position) =>
            living(async () => {
              const count = await file.write(bytes, position);
              known.size = position + count;
              return count;
            }),
          sync: () =>
            living(async () => {
              await file.sync();
              known.synced = known.size;
            }),
          truncate: (size) =>
            living(async () => {
              await file.truncate(size);
              known.size = size;
              known.synced = Math.min(known.synced, size);
            }),
          close: async () => {
            opened.delete(known);
            await file.close();
          },
        };
      }),
    keep: (path, bytes) => living(() => diskFiles.keep(path, bytes)),
    replace: (path, bytes) => living(() => diskFiles.replace(path, bytes)),
    rename: (from, to) => living(() => diskFiles.rename(from, to)),
    remove: (path) => living(() => diskFiles.remove(path)),
    removeNow(path) {
      operations += 1;
      if (operations >= diesBefore) throw new Error('The machine is dead');
      diskFiles.removeNow(path);
    },
  };

  return {
    files,
    operations: () => operations,
    isDead: () => operations >= diesBefore,
    async bury(loses) {
      for (const { file, size, synced } of opened) {
        if (loses && size > synced) await file.truncate(synced);
        await file.close();
      }
      opened.clear();
    },
  };
};
