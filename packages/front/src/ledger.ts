/**
 * The one small thing behind the routes: place an order, find one, show products. It knows nothing of HTTP; the routes
 * know nothing of leaders, terms, streams and sequences.
 */
import type { Order, StoredOrder } from '@till/shared/movement';
import type { Lookup } from './cache/types.ts';
import type { CatalogClient } from './catalog-client.ts';
import type { OrderClient, OrderQuery } from './order-client.ts';
import { fingerprintOf } from './orders.ts';

/** What was decided. `replayed`: the key was known, this is the first decision again. */
export type Placed =
  | { status: 'accepted'; number: number; replayed: boolean }
  | { status: 'rejected'; reason: string; message: string; replayed: boolean }
  /** The key belongs to another order. */
  | { status: 'conflict' }
  | { status: 'unknown_product'; name: string };

/** Every method that waits throws `Unavailable` at its deadline; `place` and `find` throw `QueueFull` when too many wait. */
export type Ledger = {
  /** Decides an order, once per key. After `Unavailable` it may have been decided or not. */
  place(key: string, order: Order): Promise<Placed>;
  /** null: there is no such order. */
  find(query: OrderQuery): Promise<StoredOrder | null>;
  /** Synchronous: the kept answer, or a token for `product`. Names are folded. */
  lookup(foldedName: string): Lookup;
  /** The encoded answer, or null for a product that does not exist. */
  product(token: Extract<Lookup, { kind: 'fetch' }>['token']): Promise<string | null>;
  /** The encoded answer with all products. */
  products(): Promise<string>;
};

export const createLedger = (clients: {
  orders: Pick<OrderClient, 'place' | 'find'>;
  catalog: Pick<CatalogClient, 'lookup' | 'fetch' | 'list' | 'hold'>;
}): Ledger => {
  const { orders, catalog } = clients;
  return {
    place: async (key, order) => {
      const { result, joined } = await orders.place({ key, fingerprint: fingerprintOf(order), order });
      if (result.status === 'conflict') return { status: 'conflict' };
      if (result.status === 'unknown_product') return { status: 'unknown_product', name: result.name };
      await catalog.hold(result.sequence);
      const replayed = result.replayed || joined;
      if (result.status === 'accepted') return { status: 'accepted', number: result.number, replayed };
      return { status: 'rejected', reason: result.reason, message: result.message, replayed };
    },
    find: async (query) => {
      const order = await orders.find(query);
      if (order !== null) await catalog.hold(order.sequence);
      return order;
    },
    lookup: catalog.lookup,
    product: catalog.fetch,
    products: catalog.list,
  };
};
