/** The front's part of the log of orders: what it takes in, and what it has to answer with. */
import type { OrderLog } from '@till/shared/order-log';
import type { OrderClient } from './order-client.ts';
import { Unavailable } from './unavailable.ts';

/** The same `place`, and each order is told on its way in and on its way out; `place` itself if there is no such log. */
export const loggedPlace = (place: OrderClient['place'], log: OrderLog | null): OrderClient['place'] => {
  if (log === null) return place;
  return async (placed, waitMs) => {
    log.received(placed);
    try {
      const answered = await place(placed, waitMs);
      log.answered(placed, answered.result);
      return answered;
    } catch (error) {
      log.unanswered(placed, error instanceof Unavailable ? error.reason : 'queue_full');
      throw error;
    }
  };
};
