/** Refills what is sold out, now and then. It only asks: the stock core decides, in the same queue as the orders. */
import type { Command, Product } from './stock/types.ts';

type Restock = Extract<Command, { kind: 'restock' }>;

/**
 * What is sold out and to be refilled. The cause is the product's version: the movement that sold it out. Asked twice for
 * one cause (the journal was slow, the process was restarted), the stock core refills once.
 */
export const restocksDue = (products: Iterable<Product>, level: number): Restock[] => {
  const due: Restock[] = [];
  for (const { restock, quantity, name, version } of products) {
    if (restock && quantity === 0) due.push({ kind: 'restock', name, cause: version, level });
  }
  return due;
};

export type RestockerOptions = {
  /** 0 switches it off, and so does a level of 0. */
  everyMs: number;
  level: number;
  /** What the shelves hold, on disk. */
  products(): Iterable<Product>;
  restock(commands: Restock[]): void;
};

export const startRestocker = ({ everyMs, level, products, restock }: RestockerOptions): { stop(): void } => {
  if (everyMs === 0 || level === 0) return { stop: () => {} };
  const timer = setInterval(() => {
    const commands = restocksDue(products(), level);
    if (commands.length > 0) restock(commands);
  }, everyMs);
  return { stop: () => clearInterval(timer) };
};
