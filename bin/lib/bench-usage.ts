/** What processes use of the machine, as Linux tells it; elsewhere nothing is known. */
import { readFileSync } from 'node:fs';
import { monotonicMs } from '@till/shared/clock';
import type { Running } from './bench-processes.ts';

/** Linux counts processor time for programs in hundredths of a second, whatever its own clock does. */
const TICKS_PER_SECOND = 100;
const KIBIBYTE = 1024;

const read = (path: string): string | null => {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null;
  }
};

const processorSeconds = (pid: number): number | null => {
  const stat = read(`/proc/${pid}/stat`);
  if (stat === null) return null;
  // The second field is a name in parentheses, which may hold anything; user and system time are the 14th and 15th.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
};

/** Bytes of memory that a process has; null where nobody tells. */
export const residentBytes = (pid: number): number | null => {
  const line = /^VmRSS:\s+(\d+) kB$/m.exec(read(`/proc/${pid}/status`) ?? '');
  return line === null ? null : Number(line[1]) * KIBIBYTE;
};

/** Begins to watch; the function returned tells how much of one core each has used since. */
export const watchCores = (running: readonly Pick<Running, 'name' | 'pid'>[]): (() => Record<string, number>) => {
  const startMs = monotonicMs();
  const before = running.map(({ pid }) => processorSeconds(pid));
  return () => {
    const seconds = (monotonicMs() - startMs) / 1000;
    const used = running.flatMap(({ name, pid }, at) => {
      const [from, to] = [before[at], processorSeconds(pid)];
      return typeof from === 'number' && to !== null ? [[name, (to - from) / seconds] as const] : [];
    });
    return Object.fromEntries(used);
  };
};
