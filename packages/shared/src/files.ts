/**
 * Whole files: replaced or published, never changed in place. A name is on disk only once its folder is synced (H30), so
 * every function here that makes a name syncs the folder too. Nothing here guards against two writers: the folder's lock
 * does (folder-lock.ts), except for `publishFile`, which is made for a race.
 */
import {
  closeSync,
  constants,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { open, readdir, rm } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { randomName } from './random.ts';

/** Only the account of the services reads orders. */
const FILE_MODE = 0o600;
const FOLDER_MODE = 0o700;
const TEMPORARY = '.tmp-';

/**
 * Puts a new text under a name: readers see the old one or the new one, whole, and so does the next start. Returns when it is on
 * disk, and nothing else runs meanwhile: for who must not be interrupted between deciding and storing.
 */
export const replaceFileSync = (path: string, text: string): void => {
  const temporary = writeTemporary(path, text);
  try {
    renameSync(temporary, path);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
  syncFolderSync(dirname(path));
};

/**
 * Gives a text a name that nobody has taken yet, whole and on disk, or returns false: of several processes that publish
 * the same name at the same time exactly one gets true.
 */
export const publishFile = (path: string, text: string): boolean => {
  const temporary = writeTemporary(path, text);
  try {
    linkSync(temporary, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  } finally {
    rmSync(temporary, { force: true });
  }
  syncFolderSync(dirname(path));
  return true;
};

/** Makes a folder, and those above it, for this account only. Folders that exist are left as they are. */
export const makeFolder = async (folder: string): Promise<void> => {
  const missing: string[] = [];
  for (let at = resolve(folder); !isThere(at); at = dirname(at)) missing.unshift(at);
  for (const path of missing) {
    mkdirSync(path, { recursive: true, mode: FOLDER_MODE });
    syncFolderSync(dirname(path));
  }
};

/** Removes what a crash in the middle of a replacement left behind. Only for the one writer of the folder, at its start. */
export const removeTemporaries = async (folder: string): Promise<string[]> => {
  const entries = await readdir(folder, { withFileTypes: true });
  const left = entries.filter((entry) => entry.isFile() && entry.name.includes(TEMPORARY)).map(({ name }) => name);
  for (const name of left) await rm(join(folder, name), { force: true });
  return left;
};

/** Makes names that were added to or taken from a folder last. */
export const syncFolder = async (folder: string): Promise<void> => {
  const handle = await open(folder, constants.O_RDONLY);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
};

export const syncFolderSync = (folder: string): void => {
  const fd = openSync(folder, constants.O_RDONLY);
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
};

const temporaryOf = (path: string): string => `${path}${TEMPORARY}${randomName()}`;

const writeTemporary = (path: string, text: string): string => {
  const temporary = temporaryOf(path);
  try {
    const fd = openSync(temporary, 'wx', FILE_MODE);
    try {
      const bytes = Buffer.from(text);
      for (let written = 0; written < bytes.length; ) written += writeSync(fd, bytes, written);
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
  return temporary;
};

const isThere = (path: string): boolean => statSync(path, { throwIfNoEntry: false }) !== undefined;
