/** What is answered to whoever wants something decided: the decision, or why there is none and how to ask again. */
import { Problem } from '@till/shared/errors';
import type { PlacedOrder } from '@till/shared/movement';
import { json } from '@till/shared/reply';
import type { Decision } from '../ledger.ts';
import { quote } from '../quote.ts';
import { QueueFull, Unavailable } from '../unavailable.ts';
import { queueFull, REPLAYED, RETRY_AFTER, unknownProduct } from './replies.ts';

export const orderAnswer = (number: number): { order_number: number } => ({ order_number: number });

/**
 * The answer to an order that was accepted; throws the `Problem` of any other. `isRepeat`: whoever asks may repeat it, and is told
 * that it was decided before.
 */
export const decisionAnswer = (
  decision: Decision,
  placed: PlacedOrder,
  { answer = orderAnswer, isRepeat = true }: { answer?: (number: number) => object; isRepeat?: boolean } = {},
): Response => {
  if (decision.status === 'unknown_product') throw unknownProduct(decision.name);
  if (decision.status === 'conflict') throw conflictOf(placed, decision.alsoKey);
  const headers = isRepeat && decision.replayed ? REPLAYED : undefined;
  if (decision.status === 'rejected') throw new Problem(400, decision.reason, decision.message, headers);
  return json(200, { data: answer(decision.number) }, headers);
};

const conflictOf = ({ key, alsoKey, order: { orderId } }: PlacedOrder, isSecondName: boolean): Problem => {
  if (orderId === undefined) return keyReused(key);
  if (isSecondName && alsoKey !== undefined) return keyReused(alsoKey);
  return new Problem(409, 'duplicate_order', `Cannot make the order ${quote(orderId)} again with another content`);
};

export const keyReused = (key: string): Problem =>
  new Problem(422, 'key_reused', `Cannot use the key ${quote(key)} again: it belongs to another order`);

/** What was asked for, and how to ask for the same again. */
export type Repeatable = {
  what: 'order' | 'checkout';
  /** What it goes by for its caller. */
  name: string;
  /** For people: what it is to be repeated with. */
  repeatedWith: string;
  /** The key that the answer has to carry; null for none. */
  key: string | null;
};

/** How an order is repeated: by its order id if it has one, else by its key. `given`: the key that it came with, if any. */
export const repeatableOrder = ({ key, order: { orderId } }: PlacedOrder, given: string | null): Repeatable =>
  orderId === undefined
    ? { what: 'order', name: key, repeatedWith: 'the same Idempotency-Key', key }
    : { what: 'order', name: orderId, repeatedWith: 'the same orderId', key: given };

/** Why there is no decision, with the key to ask again with. What says nothing of that is as it was. */
export const undecided = (error: unknown, { what, name, repeatedWith, key }: Repeatable): unknown => {
  const keyed = key === null ? {} : { 'idempotency-key': key };
  if (error instanceof QueueFull) return queueFull(keyed);
  if (error instanceof Problem && (error.status === 429 || error.status === 503)) {
    return new Problem(error.status, error.reason, error.message, { ...error.headers, ...keyed });
  }
  if (!(error instanceof Unavailable)) return error;
  const headers = { ...RETRY_AFTER, ...keyed };
  if (error.joined) {
    return new Problem(409, 'in_flight', `Cannot answer yet: the ${what} ${quote(name)} is in flight`, headers);
  }
  const message = `Cannot say whether the ${what} was made: ${error.reason}; repeat it with ${repeatedWith}`;
  return new Problem(503, error.reason, message, headers);
};
