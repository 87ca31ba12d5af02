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
import { createDecisions, decisionOf, type Keyed } from './decisions.ts';
import { stockQuantityMax } from './limits.ts';
import type { Decisions, Product, Stock, StockState, Target } from './types.ts';

/**
 * A stock as it was left (`state`), or an empty one: what an empty journal tells. `movement` reads the journal behind it, which
 * only a cancellation needs; `decisions` says where keys are remembered.
 */
export const createStock = (
  movement: Stock['movement'] = withoutJournal,
  { decisions = createDecisions(), state = NOTHING }: { decisions?: Decisions; state?: StockState } = {},
): Stock => {
  const products = new Map<string, Product>();
  for (const product of state.products) products.set(foldName(product.name), product);
  const cancellations = new Map<number, number>(state.cancellations);
  const waiting = new Set<string>(state.waiting);
  const notes = new Map<string, number>(state.notes);
  const stock: Stock = {
    sequence: state.sequence,
    number: state.number,
    time: state.time,
    term: state.term,
    products,
    waiting,
    notes,
    cancellations,
    get decisionCount() {
      return decisions.count;
    },
    get waitingCount() {
      return waiting.size;
    },
    product: (foldedName) => products.get(foldedName),
    decision: (key) => decisions.find(key, stock.sequence),
    cancellation: (number) => cancellations.get(number),
    isWaiting: (checkoutId) => waiting.has(checkoutId),
    lastNote: (sink) => notes.get(sink) ?? 0,
    movement,
    putProduct: (foldedName, product) => {
      products.set(foldedName, product);
    },
    putDecision: (key, decision) => decisions.put(key, decision),
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
  return stock;
};

const NOTHING: StockState = {
  sequence: 0,
  number: -1,
  time: 0,
  term: 0,
  products: [],
  waiting: [],
  notes: [],
  cancellations: [],
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
      const { number } = movement;
      assert(number === target.number + 1, () => `Order number ${number} follows ${target.number}`);
      putDecision(target, movement);
      settle(target, movement.key);
      target.number = number;
      return;
    }
    case 'rejection':
      putDecision(target, movement);
      settle(target, movement.key);
      return;
    case 'cancel': {
      const { number, of } = movement;
      const order = target.decision(of);
      assert(
        order?.status === 'accepted' && order.number === number,
        () => `Movement ${sequence} cancels order ${number} under the key "${of}", which is not its key`,
      );
      assert(target.cancellation(number) === undefined, () => `Order ${number} is cancelled twice`);
      putDecision(target, movement);
      target.putCancellation(number, sequence);
      return;
    }
    case 'checkout': {
      const { id } = movement.checkout;
      assert(
        !target.isWaiting(id) && target.decision(checkoutKey(id)) === undefined,
        () => `Checkout "${id}" is queued twice`,
      );
      putDecision(target, movement);
      target.putWaiting(id, true);
      return;
    }
    case 'note':
      target.putNote(movement.sink, sequence);
  }
};

/** Remembers a decision under its key, and under its second one. */
const putDecision = (target: Target, movement: Keyed): void => {
  const { key } = movement;
  const alsoKey = 'alsoKey' in movement ? movement.alsoKey : undefined;
  mustBeNew(target, key);
  if (alsoKey !== undefined) mustBeNew(target, alsoKey);
  const decision = decisionOf(movement);
  target.putDecision(key, decision);
  if (alsoKey !== undefined) target.putDecision(alsoKey, decision);
};

const mustBeNew = (target: Target, key: string): void =>
  assert(target.decision(key) === undefined, () => `Key "${key}" is decided twice`);

/** The decision under a checkout's key is its outcome: it waits no longer. */
const settle = (target: Target, key: string): void => {
  const id = checkoutOf(key);
  if (id !== null && target.isWaiting(id)) target.putWaiting(id, false);
};
