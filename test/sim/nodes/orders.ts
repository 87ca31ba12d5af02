/**
 * The front's way to the leader: what is to be decided in batches, queries one by one, both sent again to the leader of
 * the moment until their deadline.
 */
import type { Found, Query } from '@till/order/replica/find';
import { fingerprintOf } from '@till/shared/fingerprint';
import { cancelKey, orderIdKey } from '@till/shared/keys';
import type { Line, Order, Outcome, Placed, PlacedOrder, StoredOrder } from '@till/shared/movement';
import type { Machine, Reply } from '../machine.ts';
import type { Network } from '../network.ts';
import type { Settings } from '../settings.ts';
import type { World } from '../world.ts';
import type { Lookups } from './lookups.ts';
import type { Manager } from './manager.ts';

/** An order under its order id, under the key, or under a key that the front makes. */
export type OrderBody = { key?: string; order: Order };
/** `of`: the name that its caller knows the order by, an order id or a key. */
export type CancelBody = { of: OrderName };
export type OrderName = { orderId: string } | { key: string };
export type CheckoutBody = { key: string; lines: Line[]; customer: string };

type Refused =
  | { status: 404; key: string }
  /** `alsoKey`: the first name is not another's, the second one is. */
  | { status: 422; key: string; alsoKey: boolean }
  | { status: 503; key: string };
export type OrderReply =
  | { status: 200; key: string; number: number; replayed: boolean }
  | { status: 400; key: string; replayed: boolean }
  /** The warehouse is away, and nothing was decided under this name before. */
  | NotKnown
  | Refused;
export type CancelReply =
  | { status: 200; key: string; number: number; sequence: number; replayed: boolean }
  /** The order was refused: there is nothing to cancel. */
  | { status: 204; key: string }
  /** What it brought has been sold on. */
  | { status: 409; key: string }
  | Refused;
export type CheckoutReply =
  | { status: 200; key: string; id: string; replayed: boolean }
  | { status: 429; key: string }
  | Refused;
export type FindReply<Kind = StoredOrder> = { status: 200; found: Kind } | { status: 404 } | { status: 503 };

type NotKnown = { status: 410; key: string };

type Waiting = { placed: Placed; untilMs: number; settle: (outcome: Outcome) => void; overdue: () => void };
type LeaderAnswer<What> = ({ term: number; ok: true } & What) | { term: number; ok: false; reason: string };

const RETRY_MS = 15;
const CALL_WAIT_MS = 600;
/** How often somebody else, a warehouse, has found that an order cannot be had, or cannot say: then only what is known is told. */
const REFUSED_ELSEWHERE = 0.03;
const WAREHOUSE_AWAY = 0.03;
/** How often it is asked first whether a checkout is known, since its checks need not be made again then. */
const CHECKOUT_ASKED_FIRST = 0.3;

export const nameKey = (of: OrderName): string => ('orderId' in of ? orderIdKey(of.orderId) : of.key);

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
  const { chance } = world;
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
    for (const waiting of overdue) waiting.overdue();
    if (queue.length === 0 || batches >= settings.batchesMax) return;
    const to = leader();
    if (to === null) return later(RETRY_MS);
    const batch = queue.splice(0, chance.integer(1, 20));
    batches += 1;
    world.count('batches');
    network.call<LeaderAnswer<{ outcomes: Outcome[] }>>({
      from: machine,
      to: options.replica(to.id),
      route: 'orders',
      body: { term: to.term, orders: batch.map(({ placed }) => placed) },
      waitMs: CALL_WAIT_MS,
      done: (answer) => {
        batches -= 1;
        if (answer.kind === 'refused' || answer.kind === 'broken') manager.checkNow(to.id);
        if (answer.kind === 'ok' && answer.body.ok && answer.body.term === to.term) {
          for (const [place, outcome] of answer.body.outcomes.entries()) batch[place]?.settle(outcome);
          return flush();
        }
        queue = [...batch, ...queue];
        later(RETRY_MS);
      },
    });
    if (queue.length > 0) later(0);
  };

  /** Has it decided; the reply goes out once nothing older can be shown after it. */
  const place = <Body extends { status: number; key: string }>(
    placed: Placed,
    reply: Reply,
    bodyOf: (outcome: Outcome) => Body,
  ): void => {
    const { key } = placed;
    queue.push({
      placed,
      untilMs: machine.clockMs() + settings.requestWaitMs,
      settle: (outcome) => {
        if (!('sequence' in outcome)) return reply(bodyOf(outcome));
        lookups.reveal(outcome.sequence, () => reply(bodyOf(outcome)));
      },
      overdue: () => reply({ status: 503, key }),
    });
    later(0);
  };

  const find = (query: Query, untilMs: number, reply: Reply): void => {
    if (machine.clockMs() >= untilMs) return reply({ status: 503 });
    const again = (): void => machine.after(RETRY_MS, () => find(query, untilMs, reply));
    const to = leader();
    if (to === null) return again();
    network.call<LeaderAnswer<{ found: Found[] }>>({
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

  machine.listen('order', (body, reply) => {
    const { key, order } = body as OrderBody;
    const placed = placedOrder(order, key, () => chance.name('made'));
    if (order.type === 'sell') place<OrderReply>(placed, reply, orderReply);
    else if (chance.happens(REFUSED_ELSEWHERE)) {
      world.count('orders that a warehouse refuses');
      place<OrderReply>({ ...placed, refusal: 'None left in the warehouse' }, reply, orderReply);
    } else
      place<OrderReply>(chance.happens(WAREHOUSE_AWAY) ? { ...placed, onlyIfKnown: true } : placed, reply, orderReply);
  });
  machine.listen('cancel', (body, reply) => {
    const { of } = body as CancelBody;
    const key = cancelKey('orderId' in of ? of.orderId : of.key);
    place<CancelReply>({ key, cancel: { of: nameKey(of) } }, reply, cancelReply);
  });
  machine.listen('checkout', (body, reply) => {
    const { key, lines, customer } = body as CheckoutBody;
    const checkout = { id: chance.name('checkout'), lines, customer, card: '4242' };
    const placed = { key, fingerprint: fingerprintOf({ lines, customer }), checkout };
    const queueIt = (): void => place<CheckoutReply>(placed, reply, checkoutReply);
    if (!chance.happens(CHECKOUT_ASKED_FIRST)) return queueIt();
    const first: Reply = (answer) => ((answer as CheckoutReply | NotKnown).status === 410 ? queueIt() : reply(answer));
    place<CheckoutReply | NotKnown>({ ...placed, onlyIfKnown: true }, first, (outcome) =>
      outcome.status === 'not_known' ? { status: 410, key } : checkoutReply(outcome),
    );
  });
  machine.listen('find', (body, reply) => {
    find(body as Query, machine.clockMs() + settings.requestWaitMs, reply);
  });
  manager.onRecord(() => later(0));
};

/** An order id is what the order is known by; a key that comes with it is its second name. */
const placedOrder = (order: Order, key: string | undefined, makeKey: () => string): PlacedOrder => {
  const fingerprint = fingerprintOf(order);
  if (order.orderId === undefined) return { key: key ?? makeKey(), fingerprint, order };
  return { key: orderIdKey(order.orderId), fingerprint, order, ...(key === undefined ? {} : { alsoKey: key }) };
};

const unexpected = ({ key, status }: Outcome): never => {
  throw new Error(`${key} cannot have the outcome ${status}`);
};

const refusedReply = (outcome: Outcome): Refused => {
  const { key } = outcome;
  if (outcome.status === 'conflict') return { status: 422, key, alsoKey: outcome.alsoKey === true };
  return outcome.status === 'unknown_product' ? { status: 404, key } : unexpected(outcome);
};

const orderReply = (outcome: Outcome): OrderReply => {
  const { key } = outcome;
  if (outcome.status === 'rejected') return { status: 400, key, replayed: outcome.replayed };
  if (outcome.status === 'not_known') return { status: 410, key };
  if (outcome.status !== 'accepted') return refusedReply(outcome);
  return { status: 200, key, number: outcome.number, replayed: outcome.replayed };
};

const cancelReply = (outcome: Outcome): CancelReply => {
  const { key } = outcome;
  switch (outcome.status) {
    case 'cancelled': {
      const { number, sequence, replayed } = outcome;
      return { status: 200, key, number, sequence, replayed };
    }
    case 'nothing_to_cancel':
      return { status: 204, key };
    case 'unknown_order':
      return { status: 404, key };
    case 'cannot_cancel':
      return { status: 409, key };
    default:
      return refusedReply(outcome);
  }
};

const checkoutReply = (outcome: Outcome): CheckoutReply => {
  const { key } = outcome;
  if (outcome.status === 'queued') return { status: 200, key, id: outcome.id, replayed: outcome.replayed };
  return outcome.status === 'queue_full' ? { status: 429, key } : refusedReply(outcome);
};
