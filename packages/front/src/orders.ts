/** Orders between the outside and the inside: the names that they go by, and the form in which they are answered. */
import { fingerprintOf } from '@till/shared/fingerprint';
import { orderIdKey } from '@till/shared/keys';
import type { Order, PlacedOrder, StoredOrder } from '@till/shared/movement';
import { randomName } from '@till/shared/random';

/**
 * An order under the one name that it is decided by: its order id if it has one, for which an idempotency key is then a
 * second name; else its idempotency key, or one that is made up.
 */
export const placedOrder = (order: Order, idempotencyKey: string | null): PlacedOrder => {
  const fingerprint = fingerprintOf(order);
  if (order.orderId === undefined) return { key: idempotencyKey ?? randomName(), fingerprint, order };
  const key = orderIdKey(order.orderId);
  return idempotencyKey === null ? { key, fingerprint, order } : { key, fingerprint, order, alsoKey: idempotencyKey };
};

/** What `GET /orders/N` says: in the form in which the order was posted. Who it is for is nobody's business. */
export const orderView = ({ number, order, cancelled }: StoredOrder) => {
  const items = order.lines.map(({ name, quantity }) => ({ name, quantity }));
  const named = {
    ...(order.type !== undefined && { type: order.type }),
    ...(order.orderId !== undefined && { orderId: order.orderId }),
    ...(cancelled === true && { cancelled }),
  };
  return order.many === true ? { number, items, ...named } : { number, ...items[0], ...named };
};
