/** Whether a process of which something was written down is gone for sure. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/**
 * A process id alone is used again by others. With the time it was started, and with the machine's own start, it names
 * one process for ever. null: this system does not tell.
 */
export type ProcessIdentity = { pid: number; startedAt: string | null; bootId: string | null };

export const identify = (pid: number): ProcessIdentity => ({
  pid,
  startedAt: stateOf(pid)?.startedAt ?? null,
  bootId: bootId(),
});

/** True only if it is proved: the id is not in use, or is used by another process, or the machine was started since. */
export const isGone = (identity: ProcessIdentity): boolean => {
  const boot = bootId();
  if (identity.bootId !== null && boot !== null && identity.bootId !== boot) return true;
  if (!isInUse(identity.pid)) return true;
  const state = stateOf(identity.pid);
  if (state === null) return false;
  return state.dead || (identity.startedAt !== null && identity.startedAt !== state.startedAt);
};

const isInUse = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
};

/** `dead`: it was killed and only its parent has not looked yet. */
type ProcessState = { startedAt: string; dead: boolean };

const stateOf = (pid: number): ProcessState | null =>
  process.platform === 'linux' ? linuxState(pid) : otherState(pid);

/** Fields of proc(5) after the name, which is in parentheses and may hold anything: 0 is the state, 19 the start time. */
const linuxState = (pid: number): ProcessState | null => {
  const stat = readText(`/proc/${pid}/stat`);
  const fields = stat?.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [state, startedAt] = [fields?.[0], fields?.[19]];
  if (state === undefined || startedAt === undefined) return null;
  return { startedAt, dead: state === 'Z' || state === 'X' };
};

const otherState = (pid: number): ProcessState | null => {
  const told = spawnSync('ps', ['-o', 'lstart=', '-p', String(pid)], {
    encoding: 'utf8',
    env: { PATH: '/bin:/usr/bin', LC_ALL: 'C', TZ: 'UTC' },
  });
  const startedAt = told.status === 0 ? Date.parse(`${told.stdout.trim()} UTC`) : Number.NaN;
  return Number.isNaN(startedAt) ? null : { startedAt: String(startedAt), dead: false };
};

const bootId = (): string | null => readText('/proc/sys/kernel/random/boot_id')?.trim().replaceAll('-', '') ?? null;

const readText = (path: string): string | null => {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    // This system has no such file, or that process has ended.
    return null;
  }
};
