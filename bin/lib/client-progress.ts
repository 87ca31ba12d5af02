/** How far a run is: a bar on a terminal, a line every two seconds elsewhere. */
import { SingleBar } from 'cli-progress';
import type { Statistics } from './client-statistics.ts';
import { say } from './command.ts';

const LINE_EVERY_MS = 2000;

export const createProgress = ({
  total,
  statistics,
}: {
  total: number;
  statistics: Statistics;
}): { step: () => void; stop: () => void } => {
  let done = 0;
  const counts = () => `${statistics.total('errors')} errors, ${statistics.total('retries')} retries`;

  if (process.stderr.isTTY) {
    const bar = new SingleBar({
      format: '{bar} {value} of {total} steps, {counts}, {duration} s',
      clearOnComplete: true,
    });
    bar.start(total, 0, { counts: counts() });
    return {
      step: () => {
        done += 1;
        bar.update(done, { counts: counts() });
      },
      stop: () => bar.stop(),
    };
  }

  const timer = setInterval(() => say(`  ${done} of ${total} steps, ${counts()}`), LINE_EVERY_MS);
  return {
    step: () => {
      done += 1;
    },
    stop: () => clearInterval(timer),
  };
};
