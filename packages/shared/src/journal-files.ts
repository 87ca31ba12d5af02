/** What a journal needs of a file, so that a test can take the disk's place: fail, write short, lose what was not synced. */
import { close, fdatasync, fstat, ftruncate, open, read, readSync, rmSync, write, writeSync } from 'node:fs';
import { readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { syncFolder } from './files.ts';
import { limits } from './limits.ts';
import { randomName } from './random.ts';

export type JournalFile = {
  size(): Promise<number>;
  /** Fills `bytes` from a position on. Returns how many bytes there were; fewer than asked for does not mean the end. */
  read(bytes: Uint8Array, position: number): Promise<number>;
  /** The same while nothing else runs, for who must not be interrupted between reading and deciding. */
  readSync(bytes: Uint8Array, position: number): number;
  /** Returns how many bytes were written, which may be fewer than given. */
  write(bytes: Uint8Array, position: number): Promise<number>;
  /** Returns when everything written is on disk. */
  sync(): Promise<void>;
  truncate(size: number): Promise<void>;
  close(): Promise<void>;
};

export type JournalFiles = {
  /** Opens a file for reading and writing. A file that is not there is made, and its name is on disk on return. */
  open(path: string): Promise<JournalFile>;
  /** Keeps bytes in a new file. Returns false if there is one of this name already. */
  keep(path: string, bytes: Uint8Array): Promise<boolean>;
  /** The names of what is in a folder. */
  list(folder: string): Promise<string[]>;
  /** The whole of a file; null if there is none. */
  load(path: string): Promise<Uint8Array | null>;
  /** Puts new bytes under a name: a reader and the next start see the old ones or these, whole. On disk on return. */
  replace(path: string, bytes: Uint8Array): Promise<void>;
  /** Gives a file another name. On disk on return. */
  rename(from: string, to: string): Promise<void>;
  /** Removes a file, if there is one. On disk on return. */
  remove(path: string): Promise<void>;
  /** The same at once, for who cannot wait because the process is about to end; a crash of the machine may undo it. */
  removeNow(path: string): void;
};

const FILE_MODE = 0o600;

export const diskFiles: JournalFiles = {
  async open(path) {
    const file = fileOf(await openOrMake(path));
    // At every open: the process that made the file may have been killed before its name was on disk.
    await file.sync();
    await syncFolder(dirname(path));
    return file;
  },

  async keep(path, bytes) {
    try {
      await writeFile(path, bytes, { flag: 'wx', mode: FILE_MODE, flush: true });
    } catch (error) {
      if (codeOf(error) === 'EEXIST') return false;
      throw error;
    }
    await syncFolder(dirname(path));
    return true;
  },

  list: (folder) => readdir(folder),

  async load(path) {
    try {
      return await readFile(path);
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return null;
      throw error;
    }
  },

  async replace(path, bytes) {
    const temporary = `${path}.tmp-${randomName()}`;
    try {
      await writeFile(temporary, bytes, { flag: 'wx', mode: FILE_MODE, flush: true });
      await rename(temporary, path);
    } catch (error) {
      await rm(temporary, { force: true });
      throw error;
    }
    await syncFolder(dirname(path));
  },

  async rename(from, to) {
    await rename(from, to);
    await syncFolder(dirname(to));
  },

  async remove(path) {
    await rm(path, { force: true });
    await syncFolder(dirname(path));
  },

  removeNow: (path) => rmSync(path, { force: true }),
};

const openOrMake = async (path: string): Promise<number> => {
  try {
    return await openFile(path, 'r+');
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error;
    return openFile(path, 'wx+');
  }
};

const codeOf = (error: unknown): string | undefined => (error as NodeJS.ErrnoException).code;

type Done<Value> = (error: Error | null, value: Value) => void;
const promised = <Value>(start: (done: Done<Value>) => void): Promise<Value> =>
  new Promise((resolve, reject) => start((error, value) => (error ? reject(error) : resolve(value))));

const openFile = (path: string, flags: string): Promise<number> =>
  promised((done) => open(path, flags, FILE_MODE, done));

/**
 * The callback functions of `node:fs`: two of them stand in the way of every acknowledgement, and they cost half. A write
 * that is not long goes to the system's memory at once: that takes less time than the way to another thread and back.
 */
const fileOf = (fd: number): JournalFile => ({
  size: async () => (await promised<{ size: number }>((done) => fstat(fd, done))).size,
  read: (bytes, position) => promised((done) => read(fd, bytes, 0, bytes.byteLength, position, done)),
  readSync: (bytes, position) => readSync(fd, bytes, 0, bytes.byteLength, position),
  write: async (bytes, position) =>
    bytes.byteLength <= limits.journalWriteNowBytesMax
      ? writeSync(fd, bytes, 0, bytes.byteLength, position)
      : promised((done) => write(fd, bytes, 0, bytes.byteLength, position, done)),
  sync: () => promised((done) => fdatasync(fd, (error) => done(error, undefined))),
  truncate: (size) => promised((done) => ftruncate(fd, size, (error) => done(error ?? null, undefined))),
  close: () => promised((done) => close(fd, (error) => done(error ?? null, undefined))),
});
