/** Checkouts: made, made again under their key, and asked for until they have their outcome, and after that. */
import type { StoredCheckout } from '@till/shared/movement';
import type { Basket } from '../history/checkouts.ts';
import type { CheckoutReply, FindReply } from '../nodes/orders.ts';
import { type Client, together, traceAnswer, type Wish, type Wishes } from './client.ts';

export const createCheckoutWishes = (client: Client): Wishes => {
  const { chance, history, world } = client;
  const settled: Basket[] = [];

  const someBasket = (key = chance.name(`key-${client.name}`)): Basket => ({
    key,
    lines: client.lines(3),
    customer: `customer of ${client.name}`,
  });

  const again = (): Basket => (settled.length > 0 ? chance.pick(settled) : someBasket());

  const queue =
    (basket: Basket): Wish =>
    (done) => {
      const sent = history.checkouts.sending(basket);
      client.ask<CheckoutReply>('checkout', basket, (reply) => {
        if (reply !== null) history.checkouts.answered(sent, reply);
        traceAnswer(client, reply);
        const status = reply?.status ?? 503;
        world.count(status === 503 ? 'checkouts without an answer' : `checkouts answered with ${status}`);
        if (status === 503) return client.later(() => queue(basket)(done));
        if (status === 200) settled.push(basket);
        done();
      });
    };

  const look: Wish = (done) => {
    const ids = history.checkouts.ids();
    const isKnown = ids.length > 0 && chance.happens(0.95);
    const recent = chance.happens(0.5) ? ids.slice(-5) : ids;
    const asked = history.checkouts.asking(isKnown ? chance.pick(recent) : 'nobody');
    client.ask<FindReply<StoredCheckout>>('find', { checkout: asked.id }, (reply) => {
      if (reply === null) return done();
      history.checkouts.found(asked, reply);
      world.count(`checkouts found ${reply.status === 200 ? reply.found.state : `with ${reply.status}`}`);
      done();
    });
  };

  return {
    wish: (done) => {
      const dice = chance.integer(1, 10);
      if (dice <= 5) queue(someBasket())(done);
      else if (dice === 6) queue(again())(done);
      else if (dice === 7) {
        const basket = someBasket();
        together(queue(basket), queue(chance.happens(0.7) ? basket : someBasket(basket.key)))(done);
      } else look(done);
    },
    verify: (done) => {
      if (settled.length > 0 && chance.happens(0.3)) queue(chance.pick(settled))(done);
      else look(done);
    },
  };
};
