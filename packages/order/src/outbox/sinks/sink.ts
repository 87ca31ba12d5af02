/** What every sink of the outbox can do, and what the failure of a call to the outside means to it. */
import { OutsideError } from '@till/shared/outside';
import type { Result } from '../core/types.ts';
import type { EventMovement } from '../events.ts';
import { outboxLimits } from '../limits.ts';

export type Delivery = {
  movement: EventMovement;
  /** Names the set of stores, and with the key the delivery. */
  storeId: string;
  /** `SEQUENCE`; `SEQUENCE.ASKED` for a dead letter that is sent again. The same for every attempt. */
  key: string;
  /** A dead letter: later events of its products may have been delivered. */
  isReplay: boolean;
  signal: AbortSignal;
};

export type Sink = {
  /** Names it in the log of the replicas, so it stays the same for the same receiver. Visible ASCII. */
  name: string;
  deliver(delivery: Delivery): Promise<Result>;
  close(): Promise<void>;
};

/** How its receiver is called. One attempt at a time: the outbox itself comes again, and remembers that it must. */
export type Calls = { deadlineMs: number };

export const defaultCalls: Calls = { deadlineMs: outboxLimits.callWaitMs };

/** Whatever a call did not get an answer for leaves open what became of it; the outbox comes again. */
export const unavailable = (error: unknown): Result => {
  if (!(error instanceof OutsideError)) throw error;
  const { kind, message, retryAfterMs } = error;
  return {
    kind: 'unavailable',
    error: message,
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    ...(kind === 'open' ? { isUncounted: true } : {}),
  };
};
