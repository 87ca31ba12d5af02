/** A shop with three products for tests of the stock core: a stock, and the movements that it was told, in memory. */
import type { Movement, Order, Outcome, Placed, PlacedOrder, SeedProduct } from '@till/shared/movement';
import { applyMovement, createStock } from '../src/stock/apply.ts';
import { decide } from '../src/stock/decide.ts';
import type { Command, Decided, Stock } from '../src/stock/types.ts';

export const seed: SeedProduct[] = [
  { name: 'Fox', kind: 'toy', price: 9.5, quantity: 5, restock: true },
  { name: 'AAPL', kind: 'stock', price: 190, quantity: 5, restock: false },
  { name: 'Éléphant', kind: 'toy', price: 12, quantity: 5, restock: true },
];

export type SmallShop = {
  stock: Stock;
  movements: Movement[];
  /** Decides and takes in at once, as the driver does around its fsync. */
  run(commands: Command[], now?: number): Decided;
  /** The same with things that a leader placed, as one batch. */
  place(...placed: Placed[]): Outcome[];
  /** What is left of a product, by its folded name. */
  left(folded: string): number | undefined;
};

export const createSmallShop = (products: SeedProduct[] = seed): SmallShop => {
  const movements: Movement[] = [];
  const stock = createStock((sequence) => movements[sequence - 1] as Movement);
  const run = (commands: Command[], now = 1000): Decided => {
    const decided = decide(stock, { term: stock.term, now }, commands);
    for (const movement of decided.movements) applyMovement(stock, movement);
    movements.push(...decided.movements);
    return decided;
  };
  run([{ kind: 'seed', products }]);
  return {
    stock,
    movements,
    run,
    place: (...placed) => run(placed.map((each) => ({ kind: 'place', placed: each }))).outcomes,
    left: (folded) => stock.product(folded)?.quantity,
  };
};

/** A purchase of so many Fox, with whatever else is to be different. */
export const buy = (key: string, quantity: number, other: Partial<PlacedOrder> = {}): PlacedOrder => ({
  key,
  fingerprint: `print of ${key}`,
  order: { lines: [{ name: 'Fox', quantity }] },
  ...other,
});

export const sell = (key: string, quantity: number): PlacedOrder => {
  const order: Order = { lines: [{ name: 'Fox', quantity }], type: 'sell' };
  return buy(key, quantity, { order });
};
