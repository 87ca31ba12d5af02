/**
 * One writer for a folder. proper-lockfile holds the lock, watches it and gives it back at the end of the process. What it
 * does to the disk is lock-place.ts: its own way breaks locks by their age, and a paused holder would lose its lock without
 * knowing.
 */
import { type Stats, stat, utimes } from 'node:fs';
import { realpath } from 'node:fs/promises';
import { join } from 'node:path';
import { lock } from 'proper-lockfile';
import { createLockPlace, holderOf, type LockPlace } from './lock-place.ts';

export class FolderLocked extends Error {
  override name = 'FolderLocked';
  /** Process id of the holder, if it can be told. */
  readonly pid: number | null;

  constructor(folder: string, pid: number | null) {
    const holder = pid === process.pid ? 'this process' : pid === null ? 'an unknown process' : `process ${pid}`;
    super(
      `Cannot use ${folder}: ${holder} has locked it. Stop it first; a lock is not taken from a process that lives`,
    );
    this.pid = pid;
  }
}

export type FolderLock = {
  /** Gives the lock back. Does nothing if it was lost. */
  release(): Promise<void>;
};

export type FolderLockOptions = {
  /** The lock was removed or replaced by somebody: stop serving at once, then exit. */
  onLost: (error: Error) => void;
};

/** Age must not break a lock: no lock is ever so old. */
const AGE_MS = 1e12;
/** How often proper-lockfile looks whether the lock is still ours: the shortest that it allows. */
const WATCH_EVERY_MS = 1000;

/** Locks a folder, which must exist, for this process. Throws `FolderLocked` at once if a living process holds it. */
export const lockFolder = async (folder: string, { onLost }: FolderLockOptions): Promise<FolderLock> => {
  const target = await realpath(folder);
  const path = join(target, 'lock');
  try {
    const release = await lock(target, {
      lockfilePath: path,
      realpath: false,
      retries: 0,
      stale: AGE_MS,
      update: WATCH_EVERY_MS,
      fs: asFileSystem(createLockPlace(path)),
      onCompromised: onLost,
    });
    return { release: () => release().catch(ignoreReleased) };
  } catch (error) {
    if (codeOf(error) !== 'ELOCKED') throw error;
    throw new FolderLocked(folder, holderOf(path)?.pid ?? null);
  }
};

/**
 * proper-lockfile takes a lock by making a folder, gives it back by removing it, and knows it again by the time of its last
 * change. Two locks of the same second can have the same time, so a lock that has become somebody else's is not there for it.
 */
const asFileSystem = (place: LockPlace) => {
  let taken = false;
  const answered = (action: () => void) => (_path: string, done: (error: unknown) => void) => {
    let failure: unknown = null;
    try {
      action();
    } catch (error) {
      failure = error;
    }
    process.nextTick(done, failure);
  };
  return {
    mkdir: answered(() => {
      place.take();
      taken = true;
    }),
    rmdir: answered(place.leave),
    rmdirSync: place.leave,
    stat: (path: string, done: (error: Error | null, stats?: Stats) => void) => {
      if (!taken || place.isOurs()) return stat(path, done);
      process.nextTick(done, Object.assign(new Error(`${path} is not ours any more`), { code: 'ENOENT' }));
    },
    utimes,
  };
};

const ignoreReleased = (error: unknown): void => {
  if (codeOf(error) !== 'ERELEASED' && codeOf(error) !== 'ENOTACQUIRED') throw error;
};

const codeOf = (error: unknown): string | undefined => (error as NodeJS.ErrnoException).code;
