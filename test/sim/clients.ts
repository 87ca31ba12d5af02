/**
 * Clients: they order, sell, look things up, ask for what they ordered; send a key again after it failed, after it
 * succeeded, twice at once, and with another order. A key that got no answer is sent again until it gets one.
 */
import type { Order } from '@till/shared/movement';
import type { History, Intent } from './history.ts';
import { createMachine, type Machine } from './machine.ts';
import type { Network } from './network.ts';
import type { FindReply, OrderReply } from './nodes/orders.ts';
import type { Settings } from './settings.ts';
import type { World } from './world.ts';

export type Clients = {
  machines: Machine[];
  /** No new wishes from now on: only what is open is brought to its end. */
  finish(): void;
  isIdle(): boolean;
  /** Asks for these orders and sends these keys again; calls back when all are answered. */
  verify(count: number, done: () => void): void;
};

const ANSWER_WAIT_MS = 2500;
const UNKNOWN_PRODUCT = 'Nessie';

export const createClients = (options: {
  world: World;
  network: Network;
  settings: Settings;
  history: History;
  front: () => Machine;
}): Clients => {
  const { world, network, settings, history } = options;
  const { chance } = world;
  const names = settings.products.map(({ name }) => name);
  let finishing = false;
  let open = 0;

  const someOrder = (): Order => {
    const name = (): string => {
      const known = chance.pick(names);
      return chance.happens(0.1) ? known.toUpperCase() : known;
    };
    const line = () => ({ name: chance.happens(0.02) ? UNKNOWN_PRODUCT : name(), quantity: chance.integer(1, 9) });
    if (chance.happens(0.25)) return { lines: Array.from({ length: chance.integer(1, 3) }, line), many: true };
    if (chance.happens(0.4)) return { lines: [line()], type: chance.pick(['buy', 'sell'] as const) };
    return { lines: [line()] };
  };

  const createClient = (at: number): { machine: Machine; verify: (count: number, done: () => void) => void } => {
    /** Keys that were answered, with their orders. */
    const settled: Intent[] = [];
    let machine: Machine;

    const ask = <Body>(route: string, body: unknown, done: (body: Body | null) => void): void => {
      open += 1;
      network.call<Body>({
        from: machine,
        to: options.front(),
        route,
        body,
        waitMs: ANSWER_WAIT_MS,
        done: (answer) => {
          open -= 1;
          done(answer.kind === 'ok' ? answer.body : null);
        },
      });
    };

    /** Sends an order, again and again if it has a key, until there is an answer. */
    const order = (intent: Intent, done: () => void): void => {
      const sent = history.sending(intent);
      const { key } = intent;
      ask<OrderReply>('order', key === null ? { order: intent.order } : intent, (reply) => {
        if (reply !== null) history.answered(sent, reply);
        if (reply !== null && reply.status !== 503) {
          world.count(`orders answered with ${reply.status}`);
          if (world.tracing) world.trace(machine.name, `is answered ${JSON.stringify(reply)}`);
          if (key !== null && reply.status !== 404 && reply.status !== 422) settled.push(intent);
          return done();
        }
        world.count('orders without an answer');
        if (key === null) return done();
        open += 1;
        machine.after(chance.between(1, 100), () => {
          open -= 1;
          order(intent, done);
        });
      });
    };

    const twice = (intent: Intent, other: Intent): void => {
      let left = 2;
      const done = (): void => {
        left -= 1;
        if (left === 0) rest();
      };
      order(intent, done);
      order(other, done);
    };

    const find = (done: () => void): void => {
      const numbers = history.acknowledged();
      const known = numbers.length > 0 && chance.happens(0.9);
      const query = known ? { number: chance.pick(numbers) } : { number: chance.integer(0, numbers.length + 5) };
      const mustBeFound = numbers.includes(query.number);
      ask<FindReply>('find', query, (reply) => {
        if (reply === null) return done();
        world.count(`queries answered with ${reply.status}`);
        history.found(query, reply, mustBeFound);
        done();
      });
    };

    const findByKey = (done: () => void): void => {
      const intent = settled.length > 0 ? chance.pick(settled) : null;
      if (intent === null || intent.key === null) return done();
      const query = { key: intent.key };
      ask<FindReply>('find', query, (reply) => {
        if (reply !== null) history.found(query, reply, false);
        done();
      });
    };

    const keyed = (): Intent => ({ key: chance.name(`key-${at}`), order: someOrder() });

    const wish = (): void => {
      if (finishing) return;
      if (chance.happens(settings.lookups)) {
        if (chance.happens(0.8)) ask('product', { name: chance.pick(names) }, rest);
        else ask('products', {}, rest);
        return;
      }
      const dice = chance.integer(1, 100);
      if (dice <= 45) order(keyed(), rest);
      else if (dice <= 60) order({ key: null, order: someOrder() }, rest);
      else if (dice <= 68) order(settled.length > 0 ? chance.pick(settled) : keyed(), rest);
      else if (dice <= 73) {
        const { key } = settled.length > 0 ? chance.pick(settled) : keyed();
        order({ key, order: someOrder() }, rest);
      } else if (dice <= 78) {
        const intent = keyed();
        twice(intent, chance.happens(0.7) ? intent : { ...intent, order: someOrder() });
      } else if (dice <= 95) find(rest);
      else findByKey(rest);
    };

    const rest = (): void => machine.after(chance.between(0, settings.thinkMsMax), wish);

    machine = createMachine(world, { name: `client-${at}`, drift: 0, program: rest });
    return {
      machine,
      verify: (count, done) => {
        const next = (left: number): void => {
          if (left === 0) return done();
          const again = (): void => next(left - 1);
          if (settled.length > 0 && chance.happens(0.5)) order(chance.pick(settled), again);
          else find(again);
        };
        next(count);
      },
    };
  };

  const clients = Array.from({ length: settings.clients }, (_, at) => createClient(at + 1));
  return {
    machines: clients.map(({ machine }) => machine),
    finish: () => {
      finishing = true;
    },
    isIdle: () => finishing && open === 0,
    verify: (count, done) => {
      let left = clients.length;
      for (const { machine, verify } of clients) {
        machine.hear(() =>
          verify(count, () => {
            left -= 1;
            if (left === 0) done();
          }),
        );
      }
    },
  };
};
