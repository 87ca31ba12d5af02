/** What the ledger throws when it cannot answer. */
import { DeadlineExceeded, deadline } from '@till/shared/clock';

/** No answer within the deadline. An order may have been decided or not: only a retry with the same key tells. */
export class Unavailable extends Error {
  override name = 'Unavailable';
  /** For programs: `no_leader`, `catalog_away` and so on. */
  readonly reason: string;
  /** True for a caller that joined the attempt of an earlier one with the same key. */
  readonly joined: boolean;

  constructor(reason: string, joined = false) {
    super(`Cannot answer now: ${reason}`);
    this.reason = reason;
    this.joined = joined;
  }
}

/** Too much is waiting already. What was refused so was certainly not done. */
export class QueueFull extends Error {
  override name = 'QueueFull';
}

/** The promise's own result, or `Unavailable` with the reason after `waitMs`. */
export const inTime = async <Value>(promise: Promise<Value>, waitMs: number, reason: string): Promise<Value> => {
  try {
    return await deadline(promise, waitMs);
  } catch (error) {
    throw error instanceof DeadlineExceeded ? new Unavailable(reason) : error;
  }
};
