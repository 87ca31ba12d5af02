/** Placing orders and looking them up. */
import { Problem, problem } from '@till/shared/errors';
import { fingerprintOf } from '@till/shared/fingerprint';
import { decoded } from '@till/shared/handler';
import { orderIdKey } from '@till/shared/keys';
import type { PlacedOrder } from '@till/shared/movement';
import { json } from '@till/shared/reply';
import { isEmptyBody, orderFields, quote, readFields, typedAnswer } from '../dialect.ts';
import type { Decision, Ledger } from '../ledger.ts';
import type { OrderQuery } from '../order-client.ts';
import { keyOf, keyOfOrder, orderIdOf, orderOf } from '../order-request.ts';
import { orderView, placedOrder } from '../orders.ts';
import type { Placement } from '../placement.ts';
import { Unavailable } from '../unavailable.ts';
import { type Handler, REPLAYED, RETRY_AFTER, unknownProduct, wholeNumberOf } from './replies.ts';

export const createOrderHandlers = (deps: {
  ledger: Pick<Ledger, 'find' | 'decided'>;
  placement: Placement;
  requestWaitMs: number;
}) => {
  const { ledger, placement, requestWaitMs } = deps;

  const placeOrder: Handler = async (request) => {
    const fields = orderFields(await readFields(request));
    const key = keyOfOrder(request.headers.get('idempotency-key'), fields);
    const placed = placedOrder(orderOf(fields), key);
    const isRepeat = key !== null || placed.order.orderId !== undefined;
    try {
      const decision = await placement.place(placed, { waitMs: requestWaitMs, isRepeat });
      if (decision.status === 'conflict') throw await conflictOf(ledger, placed);
      return decisionAnswer(decision, placed.order.type === undefined ? orderAnswer : typedAnswer, isRepeat);
    } catch (error) {
      if (!(error instanceof Unavailable)) throw error;
      return undecided(error, placed, key);
    }
  };

  const found = async (query: OrderQuery, what: string): Promise<Response> => {
    const order = await ledger.find(query);
    if (order !== null) return json(200, { data: orderView(order) });
    throw new Problem(404, 'unknown_order', `Cannot find an order ${what}`);
  };

  const order: Handler = (request) => {
    const { number = '' } = decoded(request.params);
    const whole = wholeNumberOf(number);
    // What is not a number is not the number of an order either.
    if (whole !== null) return found({ number: whole }, number);
    throw new Problem(404, 'unknown_order', `Cannot find an order ${quote(number)}`);
  };

  const orderByName: Handler = (request) => {
    const given = new URL(request.url).searchParams;
    const keys = given.getAll('key');
    const ids = given.getAll('orderId');
    if (keys.length > 0 && ids.length > 0) {
      throw new Problem(400, 'invalid_query', 'Cannot find an order by "key" and "orderId" at once');
    }
    if (ids.length > 0) {
      const id = orderIdOf(ids.join(', '), '"orderId"');
      return found({ key: orderIdKey(id) }, `with the order id ${quote(id)}`);
    }
    if (keys.length === 0) {
      throw new Problem(400, 'missing_field', 'Cannot find an order without a number, a "key" or an "orderId"');
    }
    const key = keyOf(keys.join(', '), '"key"');
    return found({ key }, `made under the key ${quote(key)}`);
  };

  /** `POST /orders/N`, which means the same as `GET` if there is nothing in it. */
  const postedOrder: Handler = async (request) => {
    if (await isEmptyBody(request)) return order(request);
    throw new Problem(405, 'wrong_method', 'Cannot POST a body here: an order is made at "/orders"', {
      allow: 'GET, HEAD, POST, OPTIONS',
    });
  };

  return { handlers: { placeOrder, order, orderByName }, postedOrder };
};

export const orderAnswer = (number: number): { order_number: number } => ({ order_number: number });

/** The answer to an order that was decided, or whose product is unknown. That it was decided before is told to who may repeat it. */
export const decisionAnswer = (
  decision: Exclude<Decision, { status: 'conflict' }>,
  answer: (number: number) => object,
  isRepeat = true,
): Response => {
  if (decision.status === 'unknown_product') throw unknownProduct(decision.name);
  const headers = isRepeat && decision.replayed ? REPLAYED : undefined;
  if (decision.status === 'rejected') return problem(400, decision.reason, decision.message, headers);
  return json(200, { data: answer(decision.number) }, headers);
};

/**
 * Which of an order's two names belongs to another order. The catalog does not say, so it is looked up among what is
 * committed: that stays as it is. If neither name is there yet, the other order is on its way.
 */
export const conflictOf = async (
  ledger: Pick<Ledger, 'find' | 'decided'>,
  { key, alsoKey, order, fingerprint }: PlacedOrder,
): Promise<Problem> => {
  const { orderId } = order;
  if (orderId === undefined) return keyReused(key);
  if (alsoKey === undefined) return duplicateOrder(orderId);
  const [stored, isIdTaken, isKeyTaken] = await Promise.all([
    ledger.find({ key }),
    ledger.decided(key),
    ledger.decided(alsoKey),
  ]);
  const isOther = stored === null ? isIdTaken : fingerprintOf(stored.order) !== fingerprint;
  if (isOther) return duplicateOrder(orderId);
  if (isKeyTaken) return keyReused(alsoKey);
  throw new Unavailable('in_flight', true);
};

const keyReused = (key: string): Problem =>
  new Problem(422, 'key_reused', `Cannot use the key ${quote(key)} again: it belongs to another order`);

const duplicateOrder = (orderId: string): Problem =>
  new Problem(409, 'duplicate_order', `Cannot make the order ${quote(orderId)} again with another content`);

/** Nothing may be assumed of the order: the answer carries the key that it can be repeated with safely. */
export const undecided = (error: Unavailable, { key, order }: PlacedOrder, given: string | null): Response => {
  const headerKey = order.orderId === undefined ? key : given;
  const headers = { ...RETRY_AFTER, ...(headerKey !== null && { 'idempotency-key': headerKey }) };
  const name = order.orderId ?? key;
  if (error.joined) {
    return problem(409, 'in_flight', `Cannot answer yet: the order ${quote(name)} is in flight`, headers);
  }
  const how = order.orderId === undefined ? 'the same Idempotency-Key' : 'the same orderId';
  const message = `Cannot say whether the order was made: ${error.reason}; repeat it with ${how}`;
  return problem(503, error.reason, message, headers);
};
