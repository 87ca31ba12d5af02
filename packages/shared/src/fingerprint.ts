/** What tells a repeat of an order from the reuse of its key: a hash of the order in one canonical form. */
import { hash } from 'node:crypto';
import type { Order } from './movement.ts';
import { foldName } from './names.ts';

/**
 * The same for every way to write the same order: names folded; lines, type and form as posted; order id and customer if
 * there is one. 32 hex digits; docs/log-format.md is the promise.
 */
export const fingerprintOf = (order: Order): string => {
  const lines = order.lines.map(({ name, quantity }) => [foldName(name), quantity]);
  const { orderId = null, customer = null } = order;
  const named = orderId === null && customer === null ? [] : [orderId, customer];
  const canonical = JSON.stringify([order.many === true, order.type ?? null, lines, ...named]);
  return hash('sha256', canonical, 'hex').slice(0, 32);
};
