/** Placing orders and looking them up. */
import { Problem } from '@till/shared/errors';
import { decoded } from '@till/shared/handler';
import { orderIdKey } from '@till/shared/keys';
import { json } from '@till/shared/reply';
import { isEmptyBody, orderFields, readFields, typedAnswer } from '../dialect.ts';
import type { Ledger } from '../ledger.ts';
import type { OrderQuery } from '../order-client.ts';
import { keyOf, keyOfOrder, orderIdOf, orderOf } from '../order-request.ts';
import { orderView, placedOrder } from '../orders.ts';
import type { Placement } from '../placement.ts';
import { quote } from '../quote.ts';
import { decisionAnswer, orderAnswer, repeatableOrder, undecided } from './decisions.ts';
import { type Handler, wholeNumberOf } from './replies.ts';

export const createOrderHandlers = (deps: {
  ledger: Pick<Ledger, 'find'>;
  placement: Placement;
  requestWaitMs: number;
}) => {
  const { ledger, placement, requestWaitMs } = deps;

  const placeOrder: Handler = async (request) => {
    const fields = orderFields(await readFields(request));
    const key = keyOfOrder(request.headers.get('idempotency-key'), fields);
    const placed = placedOrder(orderOf(fields), key);
    const isRepeat = key !== null || placed.order.orderId !== undefined;
    const answer = placed.order.type === undefined ? orderAnswer : typedAnswer;
    try {
      const decision = await placement.place(placed, { waitMs: requestWaitMs, isRepeat });
      return decisionAnswer(decision, placed, { answer, isRepeat });
    } catch (error) {
      throw undecided(error, repeatableOrder(placed, key));
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
