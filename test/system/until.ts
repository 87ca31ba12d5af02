/** Waiting for conditions. A deadline here only ends a run that will never succeed; no healthy one comes near it. */
import { monotonicMs, sleep } from '@till/shared/clock';

const WITHIN_MS = 90_000;
const LOOK_EVERY_MS = 25;

/** Looks again and again until the value is there, and returns it. null, undefined and false count as not there. */
export const until = async <Value>(
  what: string,
  look: () => Promise<Value | null | undefined | false> | Value | null | undefined | false,
): Promise<Value> => {
  const startedAt = monotonicMs();
  for (;;) {
    const value = await look();
    if (value !== null && value !== undefined && value !== false) return value;
    if (monotonicMs() - startedAt > WITHIN_MS) throw new Error(`Not within ${WITHIN_MS / 1000} s: ${what}`);
    await sleep(LOOK_EVERY_MS);
  }
};
