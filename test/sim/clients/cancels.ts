/** Cancellations: of orders that were made, refused, are being made, or are not there yet; once, twice, and at once. */
import { type CancelReply, nameKey, type OrderName } from '../nodes/orders.ts';
import { type Client, together, traceAnswer, type Wish, type Wishes } from './client.ts';
import type { KnownOrders } from './orders.ts';

/** How often a client comes back to cancel an order that is not there yet. */
const TIMES_MAX = 4;
/** Of so many orders one is cancelled: several clients meet at it. */
const RECENT = 30;

export const createCancelWishes = (client: Client, known: KnownOrders): Wishes => {
  const { chance, history, world } = client;

  const cancel =
    (of: OrderName, times = 1): Wish =>
    (done) => {
      const sent = history.cancels.sending(of, history.orders.isKnown(nameKey(of)));
      client.ask<CancelReply>('cancel', { of }, (reply) => {
        if (reply !== null) history.cancels.answered(sent, reply);
        const status = reply?.status ?? 503;
        world.count(status === 503 ? 'cancellations without an answer' : `cancellations answered with ${status}`);
        traceAnswer(client, reply);
        const isEarly = status === 404 && times < TIMES_MAX;
        if (status === 503 || isEarly) client.later(() => cancel(of, isEarly ? times + 1 : times)(done));
        else done();
      });
    };

  const some = (): OrderName | null => {
    if (known.keys.length > 0 && chance.happens(0.25)) return { key: chance.pick(known.keys) };
    if (known.withId.length === 0) return null;
    return { orderId: chance.pick(known.withId.slice(-RECENT)).orderId ?? '' };
  };

  const wish: Wish = (done) => {
    const of = some();
    const dice = chance.integer(1, 10);
    if (of === null || dice === 1) {
      // Comes before its order: somebody makes that later.
      const orderId = chance.name('id');
      known.withId.push({ lines: client.lines(2), many: true, orderId });
      cancel({ orderId })(done);
    } else if (dice <= 3) together(cancel(of), cancel(of))(done);
    else cancel(of)(done);
  };

  return {
    wish,
    verify: (done) => {
      const of = some();
      if (of === null) done();
      else cancel(of, TIMES_MAX)(done);
    },
  };
};
