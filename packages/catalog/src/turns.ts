/** Work that takes long is done one piece after another, so that what else comes waits for one of them and not for all. */
import { Problem } from '@till/shared/errors';
import { limits } from '@till/shared/limits';

/** Does the work when it is its turn, in the order in which they came. Rejects with a `Problem` at once if too many wait already. */
export type Turns = <Value>(work: () => Promise<Value>) => Promise<Value>;

export const createTurns = ({ waitingMax }: { waitingMax: number }): Turns => {
  let last: Promise<unknown> = Promise.resolve();
  /** Those that wait, and the one that is done. */
  let length = 0;
  return (work) => {
    if (length > waitingMax) return Promise.reject(busy());
    length += 1;
    const turn = last.then(work).finally(() => {
      length -= 1;
    });
    // Whoever waits for it hears of its failure; the next one begins all the same.
    last = turn.catch(() => {});
    return turn;
  };
};

const busy = (): Problem =>
  new Problem(429, 'busy', 'Cannot read the trail now: too many wait to read it', {
    'retry-after': String(limits.retryAfterSeconds),
  });
