/** What tells a repeat of an order or a checkout from the reuse of its key: a hash of it in one canonical form. */
import { hash } from 'node:crypto';
import type { Checkout, Line, Order } from './movement.ts';
import { foldName } from './names.ts';

/**
 * The same for every way to write the same order: names folded; lines, type and form as posted; order id and customer if
 * there is one. 32 hex digits; docs/log-format.md is the promise.
 */
export const fingerprintOf = (order: Order): string => {
  const { orderId = null, customer = null } = order;
  const named = orderId === null && customer === null ? [] : [orderId, customer];
  return hashOf([order.many === true, order.type ?? null, foldedLines(order.lines), ...named]);
};

/** The same for a repeat of the same checkout: its items, whom it is for and the card's last four digits. */
export const fingerprintOfCheckout = ({ lines, customer, card }: Omit<Checkout, 'id'>): string =>
  hashOf([foldedLines(lines), customer, card]);

const foldedLines = (lines: Line[]): [string, number][] =>
  lines.map(({ name, quantity }) => [foldName(name), quantity]);

const hashOf = (canonical: unknown): string => hash('sha256', JSON.stringify(canonical), 'hex').slice(0, 32);
