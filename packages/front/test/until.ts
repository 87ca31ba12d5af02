import { sleep } from '@till/shared/clock';

/** Waits for a condition, with a deadline that no healthy run comes near. */
export const until = async (condition: () => boolean | Promise<boolean>, what: string): Promise<void> => {
  for (let waitedMs = 0; !(await condition()); waitedMs += 5) {
    if (waitedMs > 10_000) throw new Error(`never came: ${what}`);
    await sleep(5);
  }
};
