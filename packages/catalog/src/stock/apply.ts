/**
 * Takes movements into the stock: after their fsync while running, and from the journal at start.
 *
 * Whatever does not follow from what came before (a gap, a wrong stock before, a key twice) is a broken promise of ours
 * or a foreign journal, never a condition to live with: it stops the process.
 */
import { assert } from '@till/shared/assert';
import type { Movement, OrderMovement, RejectionMovement, StockChange } from '@till/shared/movement';
import { foldName } from '@till/shared/names';
import { stockQuantityMax } from './limits.ts';
import type { Decision, Product, Stock, Target } from './types.ts';

/** An empty stock: what an empty journal tells. */
export const createStock = (): Stock => {
  const products = new Map<string, Product>();
  const decisions = new Map<string, Decision>();
  return {
    sequence: 0,
    number: -1,
    time: 0,
    term: 0,
    products,
    get decisionCount() {
      return decisions.size;
    },
    product: (foldedName) => products.get(foldedName),
    decision: (key) => decisions.get(key),
    putProduct: (foldedName, product) => {
      products.set(foldedName, product);
    },
    putDecision: (key, decision) => {
      decisions.set(key, decision);
    },
  };
};

/** Takes in the next movement of the journal; returns the products that it changed, as they are from now on. */
export const applyMovement = (stock: Stock, movement: Movement): Product[] => {
  if (movement.kind === 'fence') {
    assert(movement.term > stock.term, () => `A fence raises the term: ${stock.term} to ${movement.term}`);
    stock.term = movement.term;
  }
  assert(
    movement.term === stock.term,
    () => `Movement ${movement.sequence} has term ${movement.term}, not ${stock.term}`,
  );
  return recordMovement(stock, movement);
};

/** The same on anything that can take it in; the term of a batch was judged before it was decided. */
export const recordMovement = (target: Target, movement: Movement): Product[] => {
  assert(movement.sequence === target.sequence + 1, () => `Movement ${movement.sequence} follows ${target.sequence}`);
  assert(movement.time >= target.time, () => `Time falls at movement ${movement.sequence}`);
  const changed = changedBy(target, movement);
  if (movement.kind === 'order') {
    assert(movement.number === target.number + 1, () => `Order number ${movement.number} follows ${target.number}`);
    remember(target, movement, {
      status: 'accepted',
      fingerprint: movement.fingerprint,
      sequence: movement.sequence,
      number: movement.number,
    });
    target.number = movement.number;
  }
  if (movement.kind === 'rejection') {
    remember(target, movement, {
      status: 'rejected',
      fingerprint: movement.fingerprint,
      sequence: movement.sequence,
      reason: movement.reason,
      message: movement.message,
    });
  }
  for (const product of changed) target.putProduct(foldName(product.name), product);
  target.sequence = movement.sequence;
  target.time = movement.time;
  return changed;
};

const changedBy = (target: Target, movement: Movement): Product[] => {
  switch (movement.kind) {
    case 'seed':
      return seeded(target, movement);
    case 'order':
      return movement.stock.map((change) => moved(target, movement.sequence, change));
    case 'restock':
      return movement.stock.map((change) => {
        const version = target.product(foldName(change.name))?.version;
        assert(
          version === movement.cause,
          () => `Restock of "${change.name}" for ${movement.cause}, now at ${version}`,
        );
        return moved(target, movement.sequence, change);
      });
    default:
      return [];
  }
};

const seeded = (target: Target, { sequence, products }: Extract<Movement, { kind: 'seed' }>): Product[] => {
  assert(target.sequence === 0, () => `A seed is the first movement, not number ${sequence}`);
  const names = new Set(products.map((product) => foldName(product.name)));
  assert(names.size === products.length, 'A seed names each product once');
  return products.map((product) => ({ ...product, version: sequence }));
};

const moved = (target: Target, sequence: number, { name, before, after }: StockChange): Product => {
  const product = target.product(foldName(name));
  assert(
    product?.quantity === before,
    () => `Movement ${sequence} finds ${before} of "${name}", not ${product?.quantity}`,
  );
  assert(
    Number.isSafeInteger(after) && after >= 0 && after <= stockQuantityMax,
    () => `Movement ${sequence} leaves ${after} of "${name}"`,
  );
  return { ...product, quantity: after, version: sequence };
};

const remember = (target: Target, { key }: OrderMovement | RejectionMovement, decision: Decision): void => {
  assert(target.decision(key) === undefined, () => `Key "${key}" is decided twice`);
  target.putDecision(key, decision);
};
