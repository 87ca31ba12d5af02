/**
 * Warming a system up. Node, Bun and Deno compile a service's code while it runs, the busiest parts last and best: after
 * some thousand orders one order still takes twice as long as after 30,000. So every system, also one that needs none of
 * it, makes the same number of writes before anything of it counts, unless time runs out.
 */
import { monotonicMs } from '@till/shared/clock';
import type { Sample } from './bench-subject.ts';

const WRITES = 40_000;
/** As many clients as any measurement has, so that it takes the least time. */
export const WARM_CLIENTS = 128;
/** wrk and pgbench know whole seconds only. */
const STEP_SECONDS = 2;

/** `write` writes for so many seconds. */
export const warmUp = async (
  write: (seconds: number) => Promise<Pick<Sample, 'perSecond'>>,
  { secondsMax }: { secondsMax: number },
): Promise<void> => {
  const startMs = monotonicMs();
  const secondsLeft = (): number => secondsMax - (monotonicMs() - startMs) / 1000;
  for (let written = 0; written < WRITES && secondsLeft() > 0; ) {
    const seconds = Math.min(STEP_SECONDS, secondsMax);
    written += (await write(seconds)).perSecond * seconds;
  }
};
