/** The end of a service: asked for by a signal or by PM2, done in order, bounded in time. */
import { deadline } from './clock.ts';
import { limits } from './limits.ts';

export type StopOptions = {
  /** After so long the process ends even if the handler has not. */
  withinMs?: number;
  /** Told why the end was not clean. */
  onFailure?: (error: unknown) => void;
};

/**
 * Calls `handler` once when the process is asked to end (SIGINT, SIGTERM, PM2's `shutdown` message), then exits: with 0, or
 * with 1 if the handler failed or took too long. Being asked again changes nothing.
 * Returns the very same end for who wants it for a reason of its own: `stop(1)` exits with 1.
 */
export const onStop = (
  handler: () => Promise<void> | void,
  options: StopOptions = {},
): ((exitCode?: number) => void) => {
  let stopping = false;
  const stop = async (exitCode: number): Promise<void> => {
    if (stopping) return;
    stopping = true;
    try {
      await deadline(Promise.resolve().then(handler), options.withinMs ?? limits.stopWaitMs, 'stopping');
      process.exit(exitCode);
    } catch (error) {
      options.onFailure?.(error);
      process.exit(exitCode || 1);
    }
  };
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => void stop(0));
  if (process.send !== undefined) process.on('message', (message) => void (message === 'shutdown' && stop(0)));
  return (exitCode = 0) => void stop(exitCode);
};
