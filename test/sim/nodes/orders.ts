/**
 * The front's way to the leader: orders in batches, queries one by one, both sent again to the leader of the moment
 * until their deadline.
 */
import { fingerprintOf } from '@till/front/orders';
import type { Order, Outcome, PlacedOrder, StoredOrder } from '@till/shared/movement';
import type { Machine, Reply } from '../machine.ts';
import type { Network } from '../network.ts';
import type { Settings } from '../settings.ts';
import type { World } from '../world.ts';
import type { Lookups } from './lookups.ts';
import type { Manager } from './manager.ts';
import type { Query } from './replica.ts';

export type OrderBody = { key?: string; order: Order };
export type OrderReply =
  | { status: 200; key: string; number: number; replayed: boolean }
  | { status: 400; key: string }
  | { status: 404; key: string }
  | { status: 422; key: string }
  | { status: 503; key: string };
export type FindReply = { status: 200; found: StoredOrder } | { status: 404 } | { status: 503 };

type Waiting = { placed: PlacedOrder; untilMs: number; reply: (body: OrderReply) => void };
type Placed = { term: number; ok: true; outcomes: Outcome[] } | { term: number; ok: false; reason: string };
type Found = { term: number; ok: true; found: (StoredOrder | null)[] } | { term: number; ok: false; reason: string };

const RETRY_MS = 15;
const CALL_WAIT_MS = 600;

export const serveOrders = (options: {
  world: World;
  network: Network;
  settings: Settings;
  machine: Machine;
  manager: Manager;
  lookups: Lookups;
  replica: (id: number) => Machine;
}): void => {
  const { world, network, settings, machine, manager, lookups } = options;
  let queue: Waiting[] = [];
  let batches = 0;
  let planned = false;

  const leader = () => {
    const found = manager.leader();
    return 'reason' in found ? null : { id: found.leader.id, term: found.term };
  };

  const later = (delayMs: number): void => {
    if (planned) return;
    planned = true;
    machine.after(delayMs, () => {
      planned = false;
      flush();
    });
  };

  const flush = (): void => {
    const nowMs = machine.clockMs();
    const overdue = queue.filter(({ untilMs }) => untilMs <= nowMs);
    queue = queue.filter(({ untilMs }) => untilMs > nowMs);
    for (const { reply, placed } of overdue) reply({ status: 503, key: placed.key });
    if (queue.length === 0 || batches >= settings.batchesMax) return;
    const to = leader();
    if (to === null) return later(RETRY_MS);
    const batch = queue.splice(0, world.chance.integer(1, 20));
    batches += 1;
    world.count('batches');
    network.call<Placed>({
      from: machine,
      to: options.replica(to.id),
      route: 'orders',
      body: { term: to.term, orders: batch.map(({ placed }) => placed) },
      waitMs: CALL_WAIT_MS,
      done: (answer) => {
        batches -= 1;
        if (answer.kind === 'refused' || answer.kind === 'broken') manager.checkNow(to.id);
        if (answer.kind === 'ok' && answer.body.ok && answer.body.term === to.term) {
          for (const [place, outcome] of answer.body.outcomes.entries()) settle(batch[place] as Waiting, outcome);
          return flush();
        }
        queue = [...batch, ...queue];
        later(RETRY_MS);
      },
    });
    if (queue.length > 0) later(0);
  };

  const settle = ({ reply, placed: { key } }: Waiting, outcome: Outcome): void => {
    switch (outcome.status) {
      case 'accepted': {
        const { number, replayed } = outcome;
        return lookups.reveal(outcome.sequence, () => reply({ status: 200, key, number, replayed }));
      }
      case 'rejected':
        return lookups.reveal(outcome.sequence, () => reply({ status: 400, key }));
      case 'conflict':
        return reply({ status: 422, key });
      case 'unknown_product':
        return reply({ status: 404, key });
    }
  };

  const find = (query: Query, untilMs: number, reply: (body: FindReply) => void): void => {
    if (machine.clockMs() >= untilMs) return reply({ status: 503 });
    const again = (): void => machine.after(RETRY_MS, () => find(query, untilMs, reply));
    const to = leader();
    if (to === null) return again();
    network.call<Found>({
      from: machine,
      to: options.replica(to.id),
      route: 'find',
      body: { term: to.term, queries: [query] },
      waitMs: CALL_WAIT_MS,
      done: (answer) => {
        const now = leader();
        // A leader that was deposed meanwhile may not know of the newest orders.
        if (answer.kind !== 'ok' || !answer.body.ok || now?.term !== answer.body.term) return again();
        const found = answer.body.found[0] ?? null;
        if (found === null) return reply({ status: 404 });
        lookups.reveal(found.sequence, () => reply({ status: 200, found }));
      },
    });
  };

  machine.listen('order', (body, reply: Reply) => {
    const { key, order } = body as OrderBody;
    const placed = { key: key ?? world.chance.name('made'), fingerprint: fingerprintOf(order), order };
    queue.push({ placed, untilMs: machine.clockMs() + settings.requestWaitMs, reply });
    later(0);
  });
  machine.listen('find', (body, reply: Reply) => {
    find(body as Query, machine.clockMs() + settings.requestWaitMs, reply);
  });
  manager.onRecord(() => later(0));
};
