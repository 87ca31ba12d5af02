/** The lines of an order or a checkout, as the catalogue knows them. */
import { assert } from '@till/shared/assert';
import type { Line } from '@till/shared/movement';
import { foldName } from '@till/shared/names';
import type { Product, Target } from './types.ts';

/** A product, and how many of it all lines together ask for. */
export type Sum = { product: Product; total: number };

/**
 * The lines in the catalogue's own spelling, and what they add up to per product: two halves of too much are too much.
 * Or the first name that nobody knows.
 */
export const findLines = (
  target: Target,
  asked: readonly Line[],
): { lines: Line[]; sums: Sum[] } | { unknown: string } => {
  assert(asked.length > 0, 'An order has at least one line');
  const lines: Line[] = [];
  const sums = new Map<string, Sum>();
  for (const { name, quantity } of asked) {
    assert(Number.isSafeInteger(quantity) && quantity > 0, () => `An order of ${quantity} of "${name}"`);
    const folded = foldName(name);
    const product = target.product(folded);
    if (product === undefined) return { unknown: name };
    lines.push({ name: product.name, quantity });
    const sum = sums.get(folded);
    if (sum === undefined) sums.set(folded, { product, total: quantity });
    else sum.total += quantity;
  }
  return { lines, sums: [...sums.values()] };
};
