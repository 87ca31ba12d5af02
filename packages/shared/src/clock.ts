/** Time for the shells. No decision reads it: the pure cores get it as an argument. */

/** Milliseconds of a clock that only goes forward; for waits and deadlines. */
export const monotonicMs = (): number => performance.now();

/** Milliseconds since 1970, for people. It may jump. */
export const wallMs = (): number => Date.now();

/** A wait that took longer than it may. */
export class DeadlineExceeded extends Error {
  override name = 'DeadlineExceeded';
}

/** Resolves after `ms`, or at once when the signal is aborted: the caller looks at the signal if it must tell the two. */
export const sleep = (ms: number, signal?: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal?.aborted) return resolve();
    const finish = () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', finish);
      resolve();
    };
    const timer = setTimeout(finish, ms);
    signal?.addEventListener('abort', finish);
  });

/** The promise's own result, or `DeadlineExceeded` after `ms`. What the promise stands for goes on. */
export const deadline = <Value>(promise: Promise<Value>, ms: number, what = 'wait'): Promise<Value> =>
  new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new DeadlineExceeded(`Cannot finish ${what} within ${ms} ms`)), ms);
    promise.then(resolve, reject).finally(() => clearTimeout(timer));
  });
