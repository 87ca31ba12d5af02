/**
 * Takes movements into the stock: after their fsync while running, and from the journal at start.
 *
 * Whatever does not follow from what came before (a gap, a wrong stock before, a key twice) is a broken promise of ours
 * or a foreign journal, never a condition to live with: it stops the process.
 */
import { assert } from '@till/shared/assert';
import { checkoutKey, checkoutOf } from '@till/shared/keys';
import type { Movement, StockChange } from '@till/shared/movement';
import { foldName } from '@till/shared/names';
import { stockQuantityMax } from './limits.ts';
import type { Decision, Product, Stock, Target } from './types.ts';

/** An empty stock: what an empty journal tells. `movement` reads that journal; only a cancellation needs it. */
export const createStock = (movement: Stock['movement'] = withoutJournal): Stock => {
  const products = new Map<string, Product>();
  const decisions = new Map<string, Decision>();
  const cancellations = new Map<number, number>();
  const waiting = new Set<string>();
  const notes = new Map<string, number>();
  return {
    sequence: 0,
    number: -1,
    time: 0,
    term: 0,
    products,
    get decisionCount() {
      return decisions.size;
    },
    get waitingCount() {
      return waiting.size;
    },
    product: (foldedName) => products.get(foldedName),
    decision: (key) => decisions.get(key),
    cancellation: (number) => cancellations.get(number),
    isWaiting: (checkoutId) => waiting.has(checkoutId),
    lastNote: (sink) => notes.get(sink) ?? 0,
    movement,
    putProduct: (foldedName, product) => {
      products.set(foldedName, product);
    },
    putDecision: (key, decision) => {
      decisions.set(key, decision);
    },
    putCancellation: (number, sequence) => {
      cancellations.set(number, sequence);
    },
    putWaiting: (checkoutId, waits) => {
      if (waits) waiting.add(checkoutId);
      else waiting.delete(checkoutId);
    },
    putNote: (sink, sequence) => {
      notes.set(sink, sequence);
    },
  };
};

const withoutJournal = (sequence: number): Movement => {
  assert(false, `There is no journal to read movement ${sequence} from`);
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
  remember(target, movement);
  for (const product of changed) target.putProduct(foldName(product.name), product);
  target.sequence = movement.sequence;
  target.time = movement.time;
  return changed;
};

const changedBy = (target: Target, movement: Movement): Product[] => {
  const { sequence } = movement;
  switch (movement.kind) {
    case 'seed':
      return seeded(target, movement);
    case 'order':
      return movement.stock.map((change) => moved(target, sequence, change, stockQuantityMax));
    case 'cancel':
      return movement.stock.map((change) => moved(target, sequence, change, Number.MAX_SAFE_INTEGER));
    case 'restock':
      return movement.stock.map((change) => {
        const version = target.product(foldName(change.name))?.version;
        assert(
          version === movement.cause,
          () => `Restock of "${change.name}" for ${movement.cause}, now at ${version}`,
        );
        return moved(target, sequence, change, stockQuantityMax);
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

/** `most`: what may be left; what was more before may stay more. */
const moved = (target: Target, sequence: number, { name, before, after }: StockChange, most: number): Product => {
  const product = target.product(foldName(name));
  assert(
    product?.quantity === before,
    () => `Movement ${sequence} finds ${before} of "${name}", not ${product?.quantity}`,
  );
  assert(
    Number.isSafeInteger(after) && after >= 0 && after <= Math.max(most, before),
    () => `Movement ${sequence} leaves ${after} of "${name}"`,
  );
  return { ...product, quantity: after, version: sequence };
};

/** What a movement means for those after it, besides the stock. */
const remember = (target: Target, movement: Movement): void => {
  const { sequence } = movement;
  switch (movement.kind) {
    case 'order': {
      const { number, fingerprint } = movement;
      assert(number === target.number + 1, () => `Order number ${number} follows ${target.number}`);
      putDecision(target, movement, { status: 'accepted', fingerprint, sequence, number });
      settle(target, movement.key);
      target.number = number;
      return;
    }
    case 'rejection': {
      const { fingerprint, reason, message } = movement;
      putDecision(target, movement, { status: 'rejected', fingerprint, sequence, reason, message });
      settle(target, movement.key);
      return;
    }
    case 'cancel': {
      const { number, of } = movement;
      const order = target.decision(of);
      assert(
        order?.status === 'accepted' && order.number === number,
        () => `Movement ${sequence} cancels order ${number} under the key "${of}", which is not its key`,
      );
      assert(target.cancellation(number) === undefined, () => `Order ${number} is cancelled twice`);
      putDecision(target, movement, { status: 'cancelled', sequence, number });
      target.putCancellation(number, sequence);
      return;
    }
    case 'checkout': {
      const { fingerprint, checkout } = movement;
      assert(
        !target.isWaiting(checkout.id) && target.decision(checkoutKey(checkout.id)) === undefined,
        () => `Checkout "${checkout.id}" is queued twice`,
      );
      putDecision(target, movement, { status: 'queued', fingerprint, sequence, id: checkout.id });
      target.putWaiting(checkout.id, true);
      return;
    }
    case 'note':
      target.putNote(movement.sink, sequence);
  }
};

/** Remembers a decision under its key, and under its second one. */
const putDecision = (target: Target, named: { key: string; alsoKey?: string }, decision: Decision): void => {
  const keys = named.alsoKey === undefined ? [named.key] : [named.key, named.alsoKey];
  for (const key of keys) assert(target.decision(key) === undefined, () => `Key "${key}" is decided twice`);
  for (const key of keys) target.putDecision(key, decision);
};

/** The decision under a checkout's key is its outcome: it waits no longer. */
const settle = (target: Target, key: string): void => {
  const id = checkoutOf(key);
  if (id !== null && target.isWaiting(id)) target.putWaiting(id, false);
};
