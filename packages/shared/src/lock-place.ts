/**
 * What a folder's lock is on disk.
 *
 * The lock is a folder, `lock`, with one file in it, whose name says which process holds it. It comes into place by rename,
 * so the lock and the name of its holder appear at the same instant, on disk too. A holder that is provably gone is taken
 * out by removing that one file: its name is never used again, so whoever comes late removes nobody else's. What is left is
 * an empty folder, over which a rename works again, for exactly one. A crash at any point leaves one of these states.
 */
import { mkdirSync, readdirSync, renameSync, rmdirSync, rmSync, unlinkSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { identify, isGone, type ProcessIdentity } from './process-identity.ts';
import { randomName } from './random.ts';

export type LockPlace = {
  /** Takes the lock, from a dead holder too. Throws an error with the code EEXIST if a living process holds it. */
  take(): void;
  /** Whether it was taken here and is still there. */
  isOurs(): boolean;
  /** Gives the lock back; nothing happens if it is not ours any more. */
  leave(): void;
};

/** Others may come and go while one tries; each round needs another one of them to win. */
const ROUNDS_MAX = 100;

export const createLockPlace = (path: string): LockPlace => {
  const name = nameOf(identify(process.pid));
  const temporary = `${path}${TEMPORARY}${name}`;
  return {
    take() {
      mkdirSync(temporary, { mode: 0o700 });
      try {
        writeFileSync(join(temporary, name), '');
        for (let round = 0; round < ROUNDS_MAX; round += 1) {
          if (tolerate(TAKEN, () => renameSync(temporary, path))) return removeLeftovers(path);
          if (!evictDead(path)) break;
        }
        throw Object.assign(new Error(`${path} is held`), { code: 'EEXIST' });
      } catch (error) {
        rmSync(temporary, { recursive: true, force: true });
        throw error;
      }
    },
    isOurs: () => namesIn(path).includes(name),
    leave() {
      tolerate(['ENOENT'], () => unlinkSync(join(path, name)));
      tolerate(['ENOENT', ...TAKEN], () => rmdirSync(path));
    },
  };
};

/** Who holds the lock: null if nobody does, `pid: null` if it cannot be told. */
export const holderOf = (path: string): { pid: number | null } | null => {
  const names = namesIn(path);
  if (names.length === 0) return null;
  return { pid: names.length === 1 ? (identityOf(names[0] as string)?.pid ?? null) : null };
};

const TEMPORARY = '.tmp-';
/** How systems say that a folder is not empty. */
const TAKEN = ['ENOTEMPTY', 'EEXIST'];

/** False if the lock is held by a process that lives, or of which nothing can be proved. */
const evictDead = (path: string): boolean => {
  for (const name of namesIn(path)) {
    const identity = identityOf(name);
    if (identity === null || !isGone(identity)) return false;
    tolerate(['ENOENT'], () => unlinkSync(join(path, name)));
  }
  return true;
};

/** Folders of processes that died while they tried. */
const removeLeftovers = (path: string): void => {
  const prefix = `${basename(path)}${TEMPORARY}`;
  for (const name of namesIn(dirname(path))) {
    if (!name.startsWith(prefix)) continue;
    const identity = identityOf(name.slice(prefix.length));
    if (identity !== null && isGone(identity)) rmSync(join(dirname(path), name), { recursive: true, force: true });
  }
};

const NAME = /^(\d+)-([0-9a-z]+)-([0-9a-z]+)-[0-9a-z]+$/;
const UNKNOWN = 'unknown';

const nameOf = ({ pid, startedAt, bootId }: ProcessIdentity): string =>
  `${pid}-${startedAt ?? UNKNOWN}-${bootId ?? UNKNOWN}-${randomName().replaceAll('-', '')}`;

const identityOf = (name: string): ProcessIdentity | null => {
  const found = NAME.exec(name);
  if (found === null) return null;
  const [, pid, startedAt, bootId] = found as unknown as [string, string, string, string];
  const told = (text: string) => (text === UNKNOWN ? null : text);
  return { pid: Number(pid), startedAt: told(startedAt), bootId: told(bootId) };
};

const namesIn = (folder: string): string[] => {
  let names: string[] = [];
  tolerate(['ENOENT'], () => {
    names = readdirSync(folder);
  });
  return names;
};

/** Whether the action succeeded; false for a failure with one of these codes, any other one is thrown. */
const tolerate = (codes: string[], action: () => void): boolean => {
  try {
    action();
    return true;
  } catch (error) {
    if (codes.includes((error as NodeJS.ErrnoException).code ?? '')) return false;
    throw error;
  }
};
