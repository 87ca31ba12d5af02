/** Orders between the outside and the inside: their identity and the form in which they are answered. */
import { hash } from 'node:crypto';
import type { Order, StoredOrder } from '@till/shared/movement';
import { foldName } from '@till/shared/names';

/** The same for every way to write the same order: names folded; lines, type and form as posted. */
export const fingerprintOf = (order: Order): string => {
  const lines = order.lines.map(({ name, quantity }) => [foldName(name), quantity]);
  const canonical = JSON.stringify([order.many === true, order.type ?? null, lines]);
  return hash('sha256', canonical, 'hex').slice(0, 32);
};

/** What `GET /orders/N` says: in the form in which the order was posted. */
export const orderView = ({ number, order }: StoredOrder) => {
  const items = order.lines.map(({ name, quantity }) => ({ name, quantity }));
  const type = order.type === undefined ? {} : { type: order.type };
  return order.many === true ? { number, items, ...type } : { number, ...items[0], ...type };
};
