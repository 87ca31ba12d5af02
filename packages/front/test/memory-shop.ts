/** A shop in memory for tests of the front: the real stock core, without files, replicas and network. */
import { applyMovement, createStock } from '@till/catalog/stock/apply';
import { decide } from '@till/catalog/stock/decide';
import type { Command, Stock } from '@till/catalog/stock/types';
import { readTrail, type Trail } from '@till/catalog/trail';
import { checkoutKey } from '@till/shared/keys';
import type { Movement, Outcome, Placed, ProductState, StoredCheckout, StoredOrder } from '@till/shared/movement';
import { foldName } from '@till/shared/names';
import type { Found, OutboxEvent, Query, SinkStatus } from '../src/order-client.ts';

export const SEED = [
  { name: 'Tux', kind: 'toy', price: 15.99, quantity: 100, restock: true },
  { name: 'Fox', kind: 'toy', price: 20, quantity: 3, restock: true },
  { name: 'GameStart', kind: 'stock', price: 57.5, quantity: 100, restock: false },
  { name: 'Čapek: R.U.R. / 1920', kind: 'book', price: 8, quantity: 5, restock: false },
] as const;

export type MemoryShop = {
  stock: Stock;
  movements: Movement[];
  place(placed: Placed[]): Outcome[];
  find(query: Query): Found;
  /** null for a product that is not there. */
  trail(query: { after: number; limit?: number; product?: string }): Promise<Trail | null>;
  /** What is told to others: the sinks are as a test says, nothing is delivered. */
  sinks: SinkStatus[];
  event(sequence: number): OutboxEvent;
  replay(sequence: number, sink: string | null): string[];
  products(): ProductState[];
  product(foldedName: string): ProductState | undefined;
  command(command: Command): void;
  /** Called after each change. */
  onMoved: (movements: Movement[], products: ProductState[]) => void;
};

export const createMemoryShop = (): MemoryShop => {
  const movements: Movement[] = [];
  const stock = createStock((sequence) => movements[sequence - 1] as Movement);
  const run = (commands: Command[]): Outcome[] => {
    const decided = decide(stock, { term: stock.term, now: 0 }, commands);
    const changed = new Map<string, ProductState>();
    for (const movement of decided.movements) {
      for (const product of applyMovement(stock, movement)) changed.set(product.name, view(product));
      movements.push(movement);
    }
    if (decided.movements.length > 0) shop.onMoved(decided.movements, [...changed.values()]);
    return decided.outcomes;
  };
  const shop: MemoryShop = {
    stock,
    movements,
    place: (orders) => run(orders.map((placed) => ({ kind: 'place', placed }))),
    find: (query) => {
      if ('checkout' in query) return checkoutIn(movements, query.checkout);
      return orderIn(movements, (movement) =>
        'key' in query ? isUnder(movement, query.key) : movement.kind === 'order' && movement.number === query.number,
      );
    },
    trail: async ({ after, limit = 1000, product }) => {
      const name = product === undefined ? null : shop.product(product)?.name;
      if (name === undefined) return null;
      const journal = {
        after: async (from: number, { linesMax }: { linesMax: number }) => ({
          lines: movements.slice(from, from + linesMax).map((movement) => JSON.stringify(movement)),
          more: from + linesMax < movements.length,
        }),
      };
      return readTrail(journal, { after, to: movements.length, changesMax: limit, name });
    },
    sinks: [],
    event: (sequence) => {
      const movement = movements[sequence - 1];
      if (movement === undefined || !('stock' in movement)) return { event: null, sinks: [] };
      const states = shop.sinks.map(({ sink, dead }) => {
        const letter = dead.find((one) => one.sequence === sequence);
        return letter === undefined
          ? { sink, state: 'delivered' as const, attempts: 0, error: null }
          : { sink, state: 'dead' as const, attempts: letter.attempts, error: letter.error };
      });
      return { event: { specversion: '1.0', id: `store/${sequence}` }, sinks: states };
    },
    replay: (sequence, sink) =>
      shop.sinks
        .filter((one) => sink === null || one.sink === sink)
        .filter(({ dead }) => dead.some((letter) => letter.sequence === sequence))
        .map((one) => one.sink),
    products: () => [...stock.products.values()].map(view),
    product: (name) => {
      const product = stock.product(foldName(name));
      return product && view(product);
    },
    command: (command) => {
      run([command]);
    },
    onMoved: () => {},
  };
  run([{ kind: 'seed', products: [...SEED] }]);
  return shop;
};

const isUnder = (movement: Movement, key: string): boolean =>
  'key' in movement && (movement.key === key || ('alsoKey' in movement && movement.alsoKey === key));

const orderIn = (movements: Movement[], is: (movement: Movement) => boolean): StoredOrder | null => {
  const found = movements.find(is);
  if (found?.kind !== 'order') return null;
  const { number, key, sequence, order } = found;
  const cancellation = movements.find((movement) => movement.kind === 'cancel' && movement.number === number);
  if (cancellation === undefined) return { number, key, sequence, order };
  return { number, key, sequence: cancellation.sequence, order, cancelled: true };
};

const checkoutIn = (movements: Movement[], id: string): StoredCheckout | null => {
  const found = movements.find((movement) => movement.kind === 'checkout' && movement.checkout.id === id);
  if (found?.kind !== 'checkout') return null;
  const { sequence, checkout } = found;
  const outcome = movements.find((movement) => isUnder(movement, checkoutKey(id)));
  if (outcome?.kind === 'order') {
    return { id, sequence: outcome.sequence, checkout, state: 'placed', number: outcome.number };
  }
  if (outcome?.kind !== 'rejection') return { id, sequence, checkout, state: 'queued' };
  const { reason, message } = outcome;
  return { id, sequence: outcome.sequence, checkout, state: 'refused', reason, message };
};

const view = ({ name, price, quantity, version }: ProductState): ProductState => ({ name, price, quantity, version });
