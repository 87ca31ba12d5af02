/** A shop in memory for tests of the front: the real stock core, without files, replicas and network. */
import { applyMovement, createStock } from '@till/catalog/stock/apply';
import { decide } from '@till/catalog/stock/decide';
import type { Command, Stock } from '@till/catalog/stock/types';
import type { Movement, OrderMovement, Outcome, PlacedOrder, ProductState, StoredOrder } from '@till/shared/movement';
import { foldName } from '@till/shared/names';
import type { OrderQuery } from '../src/order-client.ts';

export const SEED = [
  { name: 'Tux', kind: 'toy', price: 15.99, quantity: 100, restock: true },
  { name: 'Fox', kind: 'toy', price: 20, quantity: 3, restock: true },
  { name: 'GameStart', kind: 'stock', price: 57.5, quantity: 100, restock: false },
  { name: 'Čapek: R.U.R. / 1920', kind: 'book', price: 8, quantity: 5, restock: false },
] as const;

export type MemoryShop = {
  stock: Stock;
  movements: Movement[];
  place(orders: PlacedOrder[]): Outcome[];
  find(query: OrderQuery): StoredOrder | null;
  products(): ProductState[];
  product(foldedName: string): ProductState | undefined;
  command(command: Command): void;
  /** Called after each change. */
  onMoved: (movements: Movement[], products: ProductState[]) => void;
};

export const createMemoryShop = (): MemoryShop => {
  const stock = createStock();
  const movements: Movement[] = [];
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
    place: (orders) => run(orders.map((placed) => ({ kind: 'order', placed }))),
    find: (query) => {
      const found = movements.find(
        (movement): movement is OrderMovement =>
          movement.kind === 'order' && ('key' in query ? movement.key === query.key : movement.number === query.number),
      );
      if (found === undefined) return null;
      const { number, key, sequence, order } = found;
      return { number, key, sequence, order };
    },
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

const view = ({ name, price, quantity, version }: ProductState): ProductState => ({ name, price, quantity, version });
