/** A ledger over the shop in memory, for tests of what is in front of it. */
import type { StoredCheckout, StoredOrder } from '@till/shared/movement';
import { createLedger, type Ledger } from '../src/ledger.ts';
import { createMemoryShop, type MemoryShop } from './memory-shop.ts';

export const createMemoryLedger = (): { ledger: Ledger; shop: MemoryShop } => {
  const shop = createMemoryShop();
  const ledger = createLedger({
    orders: {
      place: async (placed) => {
        const [result] = shop.place([placed]);
        if (result === undefined) throw new Error('an order without an outcome');
        return { result, joined: false };
      },
      find: async (query) => shop.find(query) as StoredOrder | null,
      checkout: async (id) => shop.find({ checkout: id }) as StoredCheckout | null,
      outbox: async () => shop.sinks,
      outboxEvent: async (sequence) => shop.event(sequence),
      replay: async (sequence, sink) => shop.replay(sequence, sink),
    },
    catalog: {
      lookup: (name) => ({ kind: 'fetch', token: { name, since: 0 } }),
      fetch: async ({ name }) => {
        const product = shop.product(name);
        return product === undefined ? null : body(product);
      },
      list: async () => JSON.stringify({ data: shop.products().map(({ version: _, ...product }) => product) }),
      trail: async (query) => shop.trail(query),
      hold: () => undefined,
    },
    requestWaitMs: 1000,
  });
  return { ledger, shop };
};

const body = ({ name, price, quantity }: { name: string; price: number; quantity: number }): string =>
  JSON.stringify({ data: { name, price, quantity } });
