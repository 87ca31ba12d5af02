/** What an order does to the stock, or why it does nothing. */
import type { Order, PlacedOrder, StockChange } from '@till/shared/movement';
import { stockQuantityMax } from './limits.ts';
import { findLines, type Sum } from './lines.ts';
import type { Base, Decision, Product, StockRule, Target, Verdict } from './types.ts';
import { conflict, replay, unrecorded } from './verdict.ts';

export const decideOrder = (
  target: Target,
  base: Base,
  { key, fingerprint, ...placed }: PlacedOrder,
  without: ReadonlySet<StockRule>,
): Verdict => {
  // A second name that is the first one is none.
  const alsoKey = placed.alsoKey === key || without.has('secondName') ? undefined : placed.alsoKey;
  const own = target.decision(key);
  const other = alsoKey === undefined ? undefined : target.decision(alsoKey);
  const known = own ?? other;
  if (known !== undefined) {
    if (own !== undefined && !isOrder(own, fingerprint)) return conflict(key);
    // Both names of an order lead to one decision; if they lead to two, the second one is another order's.
    const isSame = other === undefined || (isOrder(other, fingerprint) && other.sequence === known.sequence);
    return isSame ? replay(key, known) : unrecorded({ key, status: 'conflict', alsoKey: true });
  }
  if (placed.onlyIfKnown === true) return unrecorded({ key, status: 'not_known' });

  const found = findLines(target, placed.order.lines);
  if ('unknown' in found) return unrecorded({ key, status: 'unknown_product', name: found.unknown });

  const { sequence } = base;
  const { type } = placed.order;
  const order = { ...placed.order, lines: found.lines };
  const asked = { key, fingerprint, order, ...(alsoKey === undefined ? {} : { alsoKey }) };
  const message = placed.refusal ?? found.sums.map((sum) => refusal(sum, type)).find((text) => text !== null);
  if (message !== undefined) {
    return {
      outcome: { key, status: 'rejected', sequence, reason: 'out_of_stock', message, replayed: false },
      movement: { ...base, kind: 'rejection', ...asked, reason: 'out_of_stock', message },
    };
  }
  const number = target.number + 1;
  const stock = found.sums.map(({ product, total }) => changeOf(product, total, type));
  return {
    outcome: { key, status: 'accepted', sequence, number, replayed: false },
    movement: { ...base, kind: 'order', number, ...asked, stock },
  };
};

/** Whether this is the decision about such an order, and not about another one, a checkout or a cancellation. */
const isOrder = (decision: Decision, fingerprint: string): boolean =>
  (decision.status === 'accepted' || decision.status === 'rejected') && decision.fingerprint === fingerprint;

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
  // What was taken back may lie above the end of the scale.
  const room = Math.max(0, stockQuantityMax - quantity);
  return total > room ? `Cannot sell ${total} of "${name}": room for ${room}` : null;
};
