/** A test with a Till of its own, which is gone when the test is over; if the test fails, the services' words are shown. */
import { test } from 'uvu';
import type { Runner, Till } from './till.ts';

export const scenario = <Run extends Runner>(
  name: string,
  open: () => Promise<Till<Run>>,
  body: (till: Till<Run>) => Promise<void>,
): void => {
  test(name, async () => {
    const till = await open();
    try {
      await body(till);
    } catch (error) {
      process.stderr.write(
        `\n${till.logs()}\n"${name}" failed; above is what the services said; folder: ${till.folder}\n`,
      );
      throw error;
    } finally {
      await till.end();
    }
  });
};
