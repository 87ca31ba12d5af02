/**
 * Orders: made, asked for, and sent again: after they failed, after they succeeded, twice at once, and with other content
 * under the same name. Names are keys, and order ids of the caller's, which may come with any key.
 */
import type { Order, StoredOrder } from '@till/shared/movement';
import { type Intent, namesOf } from '../history/orders.ts';
import type { FindReply, OrderReply } from '../nodes/orders.ts';
import { type Client, together, traceAnswer, type Wish, type Wishes } from './client.ts';

/** What all clients know, since anybody may send it again or cancel it: orders that have an order id, and keys. */
export type KnownOrders = { withId: Order[]; keys: string[] };

export const createOrderWishes = (client: Client, known: KnownOrders): Wishes => {
  const { chance, history, world } = client;
  /** What was answered under a key. */
  const settled: Intent[] = [];

  const someOrder = (): Order => {
    if (chance.happens(0.25)) return { lines: client.lines(3), many: true };
    const customer = chance.happens(0.1) ? { customer: `customer of ${client.name}` } : {};
    const type = chance.happens(0.4) ? { type: chance.pick(['buy', 'sell'] as const) } : {};
    return { lines: client.lines(1), ...type, ...customer };
  };

  const keyed = (order = someOrder()): Intent => ({ key: chance.name(`key-${client.name}`), order });

  const withOrderId = (): Intent => {
    const order: Order = { ...someOrder(), orderId: chance.name('id') };
    known.withId.push(order);
    return chance.happens(0.5) ? keyed(order) : { key: null, order };
  };

  /** The same order id as one that was sent before: as it was, or with other content; with another key, or with none. */
  const sameOrderId = (): Intent => {
    if (known.withId.length === 0) return withOrderId();
    const first = chance.pick(known.withId);
    const order = chance.happens(0.85) ? first : { ...someOrder(), orderId: first.orderId ?? '' };
    if (chance.happens(0.4)) return { key: null, order };
    return chance.happens(0.2) && settled.length > 0 ? { key: chance.pick(settled).key, order } : keyed(order);
  };

  /** Sends an order, again and again if it has a name, until there is an answer. */
  const order =
    (intent: Intent): Wish =>
    (done) => {
      const sent = history.orders.sending(intent);
      const { key } = intent;
      const isNamed = namesOf(intent).length > 0;
      client.ask<OrderReply>('order', key === null ? { order: intent.order } : intent, (reply) => {
        if (reply !== null) history.orders.answered(sent, reply);
        if (reply !== null && reply.status !== 503 && reply.status !== 410) {
          world.count(`orders answered with ${reply.status}`);
          traceAnswer(client, reply);
          if (key !== null && reply.status !== 404 && reply.status !== 422) {
            settled.push(intent);
            known.keys.push(key);
          }
          return done();
        }
        world.count('orders without an answer');
        if (isNamed) client.later(() => order(intent)(done));
        else done();
      });
    };

  const find: Wish = (done) => {
    const numbers = history.orders.acknowledged();
    const isKnown = numbers.length > 0 && chance.happens(0.9);
    const query = isKnown ? { number: chance.pick(numbers) } : { number: chance.integer(0, numbers.length + 5) };
    const asked = history.orders.asking(query);
    client.ask<FindReply<StoredOrder>>('find', query, (reply) => {
      if (reply === null) return done();
      world.count(`queries answered with ${reply.status}`);
      history.orders.found(asked, reply);
      done();
    });
  };

  const findByKey: Wish = (done) => {
    const names = settled.length > 0 ? namesOf(chance.pick(settled)) : [];
    if (names.length === 0) return done();
    const key = chance.pick(names);
    const asked = history.orders.asking({ key });
    client.ask<FindReply<StoredOrder>>('find', { key }, (reply) => {
      if (reply !== null) history.orders.found(asked, reply);
      done();
    });
  };

  const again = (): Intent => (settled.length > 0 ? chance.pick(settled) : keyed());

  return {
    wish: (done) => {
      const dice = chance.integer(1, 100);
      if (dice <= 38) order(keyed())(done);
      else if (dice <= 50) order({ key: null, order: someOrder() })(done);
      else if (dice <= 56) order(withOrderId())(done);
      else if (dice <= 62) order(sameOrderId())(done);
      else if (dice <= 69) order(again())(done);
      else if (dice <= 74) order({ key: again().key, order: someOrder() })(done);
      else if (dice <= 79) {
        const intent = keyed();
        together(order(intent), order(chance.happens(0.7) ? intent : { ...intent, order: someOrder() }))(done);
      } else if (dice <= 82) {
        const intent = withOrderId();
        together(order(intent), order(keyed(intent.order)))(done);
      } else if (dice <= 95) find(done);
      else findByKey(done);
    },
    verify: (done) => {
      if (settled.length > 0 && chance.happens(0.5)) order(chance.pick(settled))(done);
      else if (chance.happens(0.7)) find(done);
      else findByKey(done);
    },
  };
};
