/** The disk, with faults: every operation can be replaced, and what happens is written down. */
import { diskFiles, type JournalFile, type JournalFiles } from '@till/shared/journal-files';

export type Faults = Partial<{
  read(file: JournalFile, bytes: Uint8Array, position: number): Promise<number>;
  write(file: JournalFile, bytes: Uint8Array, position: number): Promise<number>;
  sync(file: JournalFile): Promise<void>;
  truncate(file: JournalFile, size: number): Promise<void>;
}>;

/** `faults` is looked at anew for each operation, so that a test can begin and end a fault. */
export const faultyFiles = (faults: Faults): { files: JournalFiles; done: string[] } => {
  const done: string[] = [];
  const wrap = (file: JournalFile): JournalFile => ({
    ...file,
    read: (bytes, position) => (faults.read ? faults.read(file, bytes, position) : file.read(bytes, position)),
    write: (bytes, position) => {
      done.push('write');
      return faults.write ? faults.write(file, bytes, position) : file.write(bytes, position);
    },
    sync: () => {
      done.push('sync');
      return faults.sync ? faults.sync(file) : file.sync();
    },
    truncate: (size) => {
      done.push(`truncate ${size}`);
      return faults.truncate ? faults.truncate(file, size) : file.truncate(size);
    },
  });
  return { files: { ...diskFiles, open: async (path) => wrap(await diskFiles.open(path)) }, done };
};

export const diskError = (code: 'EIO' | 'ENOSPC'): Error => Object.assign(new Error(`${code}: as asked for`), { code });
