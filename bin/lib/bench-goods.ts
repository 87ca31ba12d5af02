/** What is sold in a benchmark: so many products, so much of each, that nothing is ever sold out. */

import type { SeedProduct } from '@till/shared/movement';
import { randomInteger, seededRandom } from '@till/shared/random';
import type { LoadRequest } from './bench-load.ts';

/** Products that are ordered. */
const PRODUCTS = 40;
/** Products that are only looked up, one after the other: so many that none is still in the cache when its turn comes again. */
const OTHERS = 400;
/** Fewer than CACHE_SIZE, which is 10. */
const CACHED = 8;
/** Just under the most that can be in stock. */
const QUANTITY = 999_999_999_999;
const PRICE = 9.99;
const ORDERS = 1000;
const SEED = 1;

const names = (from: number, count: number): string[] =>
  Array.from({ length: count }, (_, at) => `Title${String(from + at).padStart(3, '0')}`);

const orderedNames = names(1, PRODUCTS);
const otherNames = names(1 + PRODUCTS, OTHERS);

/** Sold out now and then, and then refilled. The search for pauses buys all of it; the mixed client run may buy some. */
export const refilledProduct = 'Refilled';
const REFILLED = { name: refilledProduct, quantity: 100 };

/** Of those that are ordered. */
export const stockOfEach = { products: PRODUCTS, quantity: QUANTITY };

export const seedProducts: readonly SeedProduct[] = [
  ...[...orderedNames, ...otherNames].map((name) => ({ name, quantity: QUANTITY, restock: false })),
  { ...REFILLED, restock: true },
].map((product) => ({ kind: 'toy', price: PRICE, ...product }));

const lookups = (of: readonly string[]): LoadRequest[] =>
  of.map((name) => ({ method: 'GET', path: `/products/${name}` }));

/** Always in the cache once they were asked for. */
export const cachedLookups: LoadRequest[] = lookups(orderedNames.slice(0, CACHED));

/** Never in the cache. */
export const uncachedLookups: LoadRequest[] = lookups(otherNames);

/** The body of an order is the only thing that differs; without a key each one is another order. */
export const orderBodies: readonly string[] = (() => {
  const random = seededRandom(SEED);
  return Array.from({ length: ORDERS }, (_, at) =>
    JSON.stringify({ name: orderedNames[at % PRODUCTS], quantity: randomInteger(random, { min: 1, max: 9 }) }),
  );
})();

export const orderRequests: LoadRequest[] = orderBodies.map((body) => ({ method: 'POST', path: '/orders', body }));

/** Asks for random ones of the orders from 0 to before `count`. */
export const queryRequests = (count: number): LoadRequest[] => {
  const random = seededRandom(SEED);
  return Array.from({ length: ORDERS }, () => ({
    method: 'GET',
    path: `/orders/${randomInteger(random, { min: 0, max: count - 1 })}`,
  }));
};

/** A product, and the front's answer for it before anything of it was sold. */
export const firstProduct = orderedNames[0] ?? '';
export const productAnswer = JSON.stringify({ data: { name: firstProduct, price: PRICE, quantity: QUANTITY } });
