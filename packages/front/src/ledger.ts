/**
 * The one small thing behind the routes: place an order, find one, show products. It knows nothing of HTTP; the routes
 * know nothing of leaders, terms and streams. An answer that reveals a sequence is held here until the cache knows it.
 */
import { monotonicMs } from '@till/shared/clock';
import { limits } from '@till/shared/limits';
import type {
  Outcome,
  PlacedCancel,
  PlacedCheckout,
  PlacedOrder,
  StoredCheckout,
  StoredOrder,
} from '@till/shared/movement';
import type { Answered } from './batcher.ts';
import type { Lookup } from './cache/types.ts';
import type { CatalogClient, Trail } from './catalog-client.ts';
import type { OrderClient, OrderQuery, OutboxEvent, SinkStatus } from './order-client.ts';
import { QueueFull } from './unavailable.ts';

/** What was decided of an order. `replayed`: the key was known, this is the first decision again. */
export type Decision =
  | { status: 'accepted'; number: number; replayed: boolean }
  | { status: 'rejected'; reason: string; message: string; replayed: boolean }
  /** The key belongs to another order; or the order's other name does, and then only that. */
  | { status: 'conflict'; alsoKey: boolean }
  | { status: 'unknown_product'; name: string };

export type Cancellation =
  | { status: 'cancelled'; number: number; replayed: boolean }
  | { status: 'unknown_order' }
  /** The order was refused, so it took nothing. */
  | { status: 'nothing_to_cancel' }
  | { status: 'cannot_cancel'; message: string };

export type Queued =
  /** `id`: that of the first checkout under the key. */
  | { status: 'queued'; id: string; replayed: boolean }
  | { status: 'conflict' }
  | { status: 'unknown_product'; name: string }
  | { status: 'queue_full' };

/**
 * Every method that waits throws `Unavailable` at its deadline, which `waitMs` may bring forward, and `QueueFull` when too
 * many wait.
 */
export type Ledger = {
  /** Decides an order, once per key. After `Unavailable` it may have been decided or not. */
  place(placed: PlacedOrder, waitMs?: number): Promise<Decision>;
  /** Gives back what an order took, once. After `Unavailable` as for `place`. */
  cancel(placed: PlacedCancel, waitMs?: number): Promise<Cancellation>;
  /** What was decided of an order under its names, whoever asked for it before; null for nothing: then nothing is. */
  known(placed: PlacedOrder, waitMs?: number): Promise<Decision | null>;
  /** Puts an approved checkout in the queue, once per key. After `Unavailable` as for `place`. */
  queue(placed: PlacedCheckout, waitMs?: number): Promise<Queued>;
  /** For a checkout what `known` is for an order. */
  knownCheckout(placed: PlacedCheckout, waitMs?: number): Promise<Queued | null>;
  /** null: there is no such order. */
  find(query: OrderQuery, waitMs?: number): Promise<StoredOrder | null>;
  checkout(id: string): Promise<StoredCheckout | null>;
  /** Synchronous: the kept answer, or a token for `product`. Names are folded. */
  lookup(foldedName: string): Lookup;
  /** The encoded answer, or null for a product that does not exist. */
  product(token: Extract<Lookup, { kind: 'fetch' }>['token']): Promise<string | null>;
  /** The encoded answer with all products. */
  products(): Promise<string>;
  /** Some changes of stock after a sequence: none only at the end, or when the time is over. null: no such product. */
  trail(query: TrailQuery): Promise<Trail | null>;
  outbox(): Promise<SinkStatus[]>;
  outboxEvent(sequence: number): Promise<OutboxEvent>;
  /** The sinks that a dead letter is sent to again. */
  replay(sequence: number, sink: string | null): Promise<string[]>;
};

export type TrailQuery = { after: number; limit: number; product?: string };

export const createLedger = (options: {
  orders: Omit<OrderClient, 'stats' | 'close'>;
  catalog: Pick<CatalogClient, 'lookup' | 'fetch' | 'list' | 'trail' | 'hold'>;
  requestWaitMs: number;
}): Ledger => {
  const { orders, catalog, requestWaitMs } = options;
  let trailsRead = 0;

  const decisionOf = async ({ result, joined }: Answered<Outcome>): Promise<Decision> => {
    if (result.status === 'conflict') return { status: 'conflict', alsoKey: result.alsoKey === true };
    if (result.status === 'unknown_product') return { status: 'unknown_product', name: result.name };
    if (result.status !== 'accepted' && result.status !== 'rejected') throw unexpected(result);
    await catalog.hold(result.sequence);
    const replayed = result.replayed || joined;
    if (result.status === 'accepted') return { status: 'accepted', number: result.number, replayed };
    return { status: 'rejected', reason: result.reason, message: result.message, replayed };
  };

  const queuedOf = async ({ result, joined }: Answered<Outcome>): Promise<Queued> => {
    if (result.status === 'conflict' || result.status === 'queue_full') return { status: result.status };
    if (result.status === 'unknown_product') return { status: 'unknown_product', name: result.name };
    if (result.status !== 'queued') throw unexpected(result);
    await catalog.hold(result.sequence);
    return { status: 'queued', id: result.id, replayed: result.replayed || joined };
  };

  /** Some changes after a sequence, found by looking on from page to page. */
  const findChanges = async (query: TrailQuery): Promise<Trail | null> => {
    const endMs = monotonicMs() + requestWaitMs;
    const read = (after: number) => catalog.trail({ ...query, after }, endMs - monotonicMs());
    let page = await read(query.after);
    // Half of the time goes into looking on, so that the last look has time too.
    while (page?.changes.length === 0 && page.next !== null && monotonicMs() < endMs - requestWaitMs / 2) {
      page = await read(page.next);
    }
    return page;
  };

  return {
    place: async (placed, waitMs) => decisionOf(await orders.place(placed, waitMs)),
    known: async (placed, waitMs) => {
      const answered = await orders.place({ ...placed, onlyIfKnown: true }, waitMs);
      return answered.result.status === 'not_known' ? null : decisionOf(answered);
    },
    cancel: async (placed, waitMs) => {
      const { result, joined } = await orders.place(placed, waitMs);
      if (result.status === 'unknown_order') return { status: 'unknown_order' };
      const isDecided = result.status === 'cancelled';
      if (!isDecided && result.status !== 'nothing_to_cancel' && result.status !== 'cannot_cancel') {
        throw unexpected(result);
      }
      // What is left of the stock, or that an order was refused, is news too.
      await catalog.hold(result.sequence);
      if (isDecided) return { status: 'cancelled', number: result.number, replayed: result.replayed || joined };
      if (result.status === 'nothing_to_cancel') return { status: 'nothing_to_cancel' };
      return { status: 'cannot_cancel', message: result.message };
    },
    queue: async (placed, waitMs) => queuedOf(await orders.place(placed, waitMs)),
    knownCheckout: async (placed, waitMs) => {
      const answered = await orders.place({ ...placed, onlyIfKnown: true }, waitMs);
      return answered.result.status === 'not_known' ? null : queuedOf(answered);
    },
    find: async (query, waitMs) => {
      const order = await orders.find(query, waitMs);
      if (order !== null) await catalog.hold(order.sequence);
      return order;
    },
    checkout: async (id) => {
      const checkout = await orders.checkout(id);
      if (checkout !== null) await catalog.hold(checkout.sequence);
      return checkout;
    },
    lookup: catalog.lookup,
    product: catalog.fetch,
    products: catalog.list,
    trail: async (query) => {
      // Each is a long reading for the catalog, which does one at a time: many would only wait for one another.
      if (trailsRead >= limits.trailsReadMax) throw new QueueFull();
      trailsRead += 1;
      try {
        const page = await findChanges(query);
        const last = page?.changes.at(-1);
        if (last !== undefined) await catalog.hold(last.sequence);
        return page;
      } finally {
        trailsRead -= 1;
      }
    },
    outbox: async () => {
      const sinks = await orders.outbox();
      const known = sinks.map(({ delivered, lag }) => delivered + lag);
      if (known.length > 0) await catalog.hold(Math.max(...known));
      return sinks;
    },
    outboxEvent: async (sequence) => {
      const found = await orders.outboxEvent(sequence);
      if (found.event !== null) await catalog.hold(sequence);
      return found;
    },
    replay: orders.replay,
  };
};

/** The leader must not answer so: it is our mistake, and nobody knows what was decided. */
const unexpected = ({ key, status }: { key: string; status: string }): Error =>
  new Error(`Cannot use the outcome ${status} of ${JSON.stringify(key)}`);
