/**
 * The clients, and whoever else calls the front: they look products up, order, check out, cancel, and ask what became of
 * it. Whatever got no answer and has a name is sent again until it gets one.
 */
import type { Line } from '@till/shared/movement';
import type { History } from '../history/history.ts';
import { createMachine, type Machine } from '../machine.ts';
import type { Network } from '../network.ts';
import type { Settings } from '../settings.ts';
import type { World } from '../world.ts';
import { createCancelWishes } from './cancels.ts';
import { createCheckoutWishes } from './checkouts.ts';
import type { Client, Wish } from './client.ts';
import { createOrderWishes, type KnownOrders } from './orders.ts';

export type Clients = {
  machines: Machine[];
  /** No new wishes from now on: only what is open is brought to its end. */
  finish(): void;
  isIdle(): boolean;
  /** Asks for what was made, and sends names again; calls back when all is answered. */
  verify(count: number, done: () => void): void;
};

const ANSWER_WAIT_MS = 2500;
const LATER_MS_MAX = 100;
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
  const known: KnownOrders = { withId: [], keys: [] };
  let finishing = false;
  let open = 0;

  const line = (): Line => {
    const name = chance.pick(names);
    const spelled = chance.happens(0.1) ? name.toUpperCase() : name;
    return { name: chance.happens(0.02) ? UNKNOWN_PRODUCT : spelled, quantity: chance.integer(1, 9) };
  };

  const createOne = (at: number) => {
    const name = `client-${at}`;
    let machine: Machine;

    const client: Client = {
      name: String(at),
      world,
      chance,
      history,
      ask: (route, body, done) => {
        open += 1;
        network.call({
          from: machine,
          to: options.front(),
          route,
          body,
          waitMs: ANSWER_WAIT_MS,
          done: (answer) => {
            open -= 1;
            done(answer.kind === 'ok' ? (answer.body as Parameters<typeof done>[0]) : null);
          },
        });
      },
      later: (run) => {
        open += 1;
        machine.after(chance.between(1, LATER_MS_MAX), () => {
          open -= 1;
          run();
        });
      },
      lines: (countMax) => Array.from({ length: chance.integer(1, countMax) }, line),
    };
    const orders = createOrderWishes(client, known);
    const checkouts = createCheckoutWishes(client);
    const cancels = createCancelWishes(client, known);

    const lookUp: Wish = (done) => {
      if (chance.happens(0.8)) client.ask('product', { name: chance.pick(names) }, done);
      else client.ask('products', {}, done);
    };

    const wish = (): void => {
      if (finishing) return;
      if (chance.happens(settings.lookups)) lookUp(rest);
      else if (chance.happens(settings.checkouts)) checkouts.wish(rest);
      else if (chance.happens(settings.cancels)) cancels.wish(rest);
      else orders.wish(rest);
    };
    const rest = (): void => machine.after(chance.between(0, settings.thinkMsMax), wish);

    machine = createMachine(world, { name, drift: 0, program: rest });
    const verify = (count: number, done: () => void): void => {
      if (count === 0) return done();
      const next = (): void => verify(count - 1, done);
      chance.pick([orders, orders, checkouts, cancels]).verify(next);
    };
    return { machine, verify };
  };

  const clients = Array.from({ length: settings.clients }, (_, at) => createOne(at + 1));
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
