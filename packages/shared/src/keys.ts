/**
 * Identities. Whatever is decided once has a key, and all keys are in one space. An idempotency key comes from a client
 * and is visible ASCII, which has no space; every other identity has one, so that nobody can make it up as a key.
 */

/** Key of an order that has an order id of its caller's: it is known by that, under whatever idempotency key it comes. */
export const orderIdKey = (orderId: string): string => `order ${orderId}`;

/** Key of the cancellation of the order with this order id. */
export const cancelKey = (orderId: string): string => `cancel ${orderId}`;

/** Key of the order that executes a checkout: its one outcome. */
export const checkoutKey = (id: string): string => `checkout ${id}`;

/** Key of a note of a sink's progress. Notes are not remembered under it; it only names the call's outcome. */
export const noteKey = (sink: string): string => `note ${sink}`;

/** The checkout that an order or a rejection under this key is the outcome of, or null. */
export const checkoutOf = (key: string): string | null => (key.startsWith('checkout ') ? key.slice(9) : null);
