/** Taking an order back: the reverse of what it did to the stock, on top of what happened since, once. */
import { assert } from '@till/shared/assert';
import type { PlacedCancel, StockChange } from '@till/shared/movement';
import { foldName } from '@till/shared/names';
import type { Base, StockRule, Target, Verdict } from './types.ts';
import { conflict, replay, unrecorded } from './verdict.ts';

export const decideCancel = (
  target: Target,
  base: Base,
  { key, cancel: { of } }: PlacedCancel,
  without: ReadonlySet<StockRule>,
): Verdict => {
  const known = target.decision(key);
  const order = target.decision(of);
  if (known !== undefined) {
    const isSame = known.status === 'cancelled' && order?.status === 'accepted' && order.number === known.number;
    return isSame ? replay(key, known) : conflict(key);
  }
  if (order?.status === 'rejected') return unrecorded({ key, status: 'nothing_to_cancel', sequence: order.sequence });
  if (order?.status !== 'accepted') return unrecorded({ key, status: 'unknown_order' });

  const { number } = order;
  // Asked for under another key, what is done already is done: an order is taken back once, whoever asks.
  const done = without.has('cancelOnce') ? undefined : target.cancellation(number);
  if (done !== undefined) return replay(key, { status: 'cancelled', sequence: done, number });

  const movement = target.movement(order.sequence);
  assert(movement.kind === 'order', () => `Movement ${order.sequence} is no order but a ${movement.kind}`);
  const stock = movement.stock.map((change) => reversed(target, change));
  const message = stock.map(obstacle).find((text) => text !== null);
  if (message !== undefined) return unrecorded({ key, status: 'cannot_cancel', sequence: target.sequence, message });
  return {
    outcome: { key, status: 'cancelled', sequence: base.sequence, number, replayed: false },
    movement: { ...base, kind: 'cancel', key, of: movement.key, number, stock },
  };
};

const reversed = (target: Target, { name, before, after }: StockChange): StockChange => {
  const product = target.product(foldName(name));
  assert(product !== undefined, () => `"${name}" was ordered and is in no catalogue`);
  return { name, before: product.quantity, after: product.quantity + before - after };
};

/**
 * Why this cannot be taken back, or null. What was sold to the shop may have been bought since. Upwards the end is only what
 * a number holds exactly: the shop's own limit refuses new orders, not the end of old ones.
 */
const obstacle = ({ name, before, after }: StockChange): string | null => {
  if (after < 0) return `Cannot take back ${before - after} of "${name}": ${before} left`;
  const room = Number.MAX_SAFE_INTEGER - before;
  return after - before > room ? `Cannot give back ${after - before} of "${name}": room for ${room}` : null;
};
