/**
 * Decides commands on a view of the stock: which movements they make, and what is answered for each order.
 *
 * Every command of a batch sees what the ones before it did, because each movement is taken into an overlay on the view
 * by the same code that later takes it into the stock. So a batch decides exactly as its commands one at a time would.
 * Nothing here changes the view: until the movements are on disk, nobody else sees them.
 */
import { assert } from '@till/shared/assert';
import type { Line, Movement, Order, Outcome, PlacedOrder, StockChange } from '@till/shared/movement';
import { foldName } from '@till/shared/names';
import { recordMovement } from './apply.ts';
import { stockQuantityMax } from './limits.ts';
import type { Circumstances, Command, Decided, Decision, Product, Target, View } from './types.ts';

/** An older term than the highest known one is a deposed leader's, and must move nothing any more. */
export const accepts = (knownTerm: number, term: number): boolean => term >= knownTerm;

export const decide = (view: View, { term, now }: Circumstances, commands: readonly Command[]): Decided => {
  const target = overlay(view);
  const movements: Movement[] = [];
  const outcomes: Outcome[] = [];
  const record = (movement: Movement): void => {
    recordMovement(target, movement);
    movements.push(movement);
  };
  for (const command of commands) {
    const base = { sequence: target.sequence + 1, term, time: Math.max(target.time, now) };
    switch (command.kind) {
      case 'order': {
        const { outcome, movement } = decideOrder(target, base, command.placed);
        outcomes.push(outcome);
        if (movement !== null) record(movement);
        break;
      }
      case 'restock': {
        const stock = restockChange(target, command);
        if (stock !== null) record({ ...base, kind: 'restock', cause: command.cause, stock: [stock] });
        break;
      }
      case 'fence':
        record({ ...base, kind: 'fence' });
        break;
      case 'seed':
        record({ ...base, kind: 'seed', products: command.products });
        break;
    }
  }
  return { movements, outcomes };
};

type Base = { sequence: number; term: number; time: number };

const decideOrder = (
  target: Target,
  base: Base,
  { key, fingerprint, order }: PlacedOrder,
): { outcome: Outcome; movement: Movement | null } => {
  const known = target.decision(key);
  if (known !== undefined) return { outcome: repeated(key, fingerprint, known), movement: null };

  const found = findLines(target, order);
  if ('unknown' in found) return { outcome: { key, status: 'unknown_product', name: found.unknown }, movement: null };

  const { sequence } = base;
  const own = { key, fingerprint, order: { ...order, lines: found.lines } };
  const stock = found.sums.map(({ product, total }) => changeOf(product, total, order.type));
  const message = found.sums.map((sum) => refusal(sum, order.type)).find((text) => text !== null);
  if (message !== undefined) {
    return {
      outcome: { key, status: 'rejected', sequence, reason: 'out_of_stock', message, replayed: false },
      movement: { ...base, kind: 'rejection', ...own, reason: 'out_of_stock', message },
    };
  }
  const number = target.number + 1;
  return {
    outcome: { key, status: 'accepted', sequence, number, replayed: false },
    movement: { ...base, kind: 'order', number, ...own, stock },
  };
};

/** A known key gets its first decision again, unless it now comes with another order. */
const repeated = (key: string, fingerprint: string, known: Decision): Outcome => {
  if (known.fingerprint !== fingerprint) return { key, status: 'conflict' };
  const { fingerprint: _, ...decision } = known;
  return { key, ...decision, replayed: true };
};

type Sum = { product: Product; total: number };

/**
 * The order's lines in the catalogue's own spelling, and what they add up to per product: two halves of too much are
 * too much.
 */
const findLines = (target: Target, order: Order): { lines: Line[]; sums: Sum[] } | { unknown: string } => {
  assert(order.lines.length > 0, 'An order has at least one line');
  const lines: Line[] = [];
  const sums = new Map<string, Sum>();
  for (const { name, quantity } of order.lines) {
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

const changeOf = ({ name, quantity }: Product, total: number, type: Order['type']): StockChange => ({
  name,
  before: quantity,
  after: type === 'sell' ? quantity + total : quantity - total,
});

/**
 * Why the stock cannot take this, or null. The end of the scale upwards shares the reason with an empty shelf: for the
 * caller both say "not this quantity, not now", and its text tells which.
 */
const refusal = ({ product: { name, quantity }, total }: Sum, type: Order['type']): string | null => {
  if (type !== 'sell') return total > quantity ? `Cannot buy ${total} of "${name}": ${quantity} left` : null;
  const room = stockQuantityMax - quantity;
  return total > room ? `Cannot sell ${total} of "${name}": room for ${room}` : null;
};

/** Only what is sold out since exactly the named movement is filled up, so one cause restocks at most once. */
const restockChange = (target: Target, command: Extract<Command, { kind: 'restock' }>): StockChange | null => {
  const product = target.product(foldName(command.name));
  const due = product?.restock === true && product.quantity === 0 && product.version === command.cause;
  return due && command.level > 0 ? { name: product.name, before: 0, after: command.level } : null;
};

/** The view with the movements of this batch on top. */
const overlay = (view: View): Target => {
  const products = new Map<string, Product>();
  const decisions = new Map<string, Decision>();
  return {
    sequence: view.sequence,
    number: view.number,
    time: view.time,
    product: (foldedName) => products.get(foldedName) ?? view.product(foldedName),
    decision: (key) => decisions.get(key) ?? view.decision(key),
    putProduct: (foldedName, product) => {
      products.set(foldedName, product);
    },
    putDecision: (key, decision) => {
      decisions.set(key, decision);
    },
  };
};
