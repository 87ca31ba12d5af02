/** Products for tests with stock of their own. */
import type { SeedProduct } from '@till/shared/movement';

type Some = { count: number; quantity: number; restock?: boolean };

/** Toys if they are restocked, else stocks; `prefix` and a number make the name. */
export const products = (prefix: string, { count, quantity, restock = false }: Some): SeedProduct[] =>
  Array.from({ length: count }, (_, at) => ({
    name: `${prefix}-${at + 1}`,
    kind: restock ? 'toy' : 'stock',
    price: 9.99,
    quantity,
    restock,
  }));

/** Stock that no test uses up, with room to sell to. */
export const PLENTY = 500_000_000_000;
