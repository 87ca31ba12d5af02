/**
 * Shopify's webhooks. It sends each at least once and in no order, waits 5 s for an answer, and comes again later after
 * anything but a 200. Which order it is, and that it is cancelled, is said by the signed body alone: never by a header or the
 * address, which are not signed.
 */
import { monotonicMs } from '@till/shared/clock';
import { Problem } from '@till/shared/errors';
import { cancelKey, orderIdKey } from '@till/shared/keys';
import { limits } from '@till/shared/limits';
import { json } from '@till/shared/reply';
import { type Fields, readBytes, requireJson } from '../body.ts';
import { decisionAnswer, repeatableOrder, undecided } from '../handlers/decisions.ts';
import { type Handler, REPLAYED } from '../handlers/replies.ts';
import type { Cancellation, Ledger } from '../ledger.ts';
import { placedOrder } from '../orders.ts';
import type { Placement } from '../placement.ts';
import { quote } from '../quote.ts';
import type { Traffic } from '../traffic.ts';
import { QueueFull, Unavailable } from '../unavailable.ts';
import { idOf, orderOfShopify, readPayload, requireCancelled } from './shopify.ts';
import { createSignatureCheck } from './signature.ts';

/** A decision must be there in time for the answer to wait until the cache knows it. */
const DECISION_WAIT_MS = limits.webhookWaitMs - limits.replyHoldMs;

export const createWebhookHandlers = (deps: {
  ledger: Pick<Ledger, 'cancel'>;
  placement: Placement;
  /** Secrets that Shopify may have signed with; without any, every webhook is refused. */
  secrets: readonly string[];
  traffic: Pick<Traffic, 'webhook'>;
}) => {
  const { ledger, placement, traffic } = deps;
  const isSigned = createSignatureCheck(deps.secrets);

  const payloadOf = async (request: Request): Promise<Fields> => {
    const body = await readBytes(request, limits.webhookBodyBytesMax);
    if (!isSigned(body, request.headers.get('x-shopify-hmac-sha256'))) {
      throw new Problem(401, 'bad_signature', 'Cannot accept a webhook without a valid X-Shopify-Hmac-Sha256');
    }
    requireJson(request);
    return readPayload(body);
  };

  const shopifyOrder: Handler = async (request) => {
    const endMs = monotonicMs() + DECISION_WAIT_MS;
    const placed = placedOrder(orderOfShopify(await payloadOf(request)), null);
    try {
      const decision = await placement.place(placed, { waitMs: endMs - monotonicMs(), isRepeat: true });
      return decisionAnswer(decision, placed);
    } catch (error) {
      throw undecided(error, repeatableOrder(placed, null));
    }
  };

  const shopifyCancellation: Handler = async (request) => {
    const endMs = monotonicMs() + DECISION_WAIT_MS;
    const payload = await payloadOf(request);
    const id = idOf(payload);
    requireCancelled(payload);
    const placed = { key: cancelKey(id), cancel: { of: orderIdKey(id) } };
    return cancellationAnswer(await ledger.cancel(placed, endMs - monotonicMs()), id);
  };

  /** Whatever is not answered with 200 comes again, and costs the subscription in the end: so the reasons are counted. */
  const counted =
    (topic: string, handler: Handler): Handler =>
    async (request) => {
      try {
        const response = await handler(request);
        traffic.webhook({ topic, result: 'ok' });
        return response;
      } catch (error) {
        traffic.webhook({ topic, result: reasonOf(error) });
        throw error;
      }
    };

  return {
    shopifyOrder: counted('orders/create', shopifyOrder),
    shopifyCancellation: counted('orders/cancelled', shopifyCancellation),
  };
};

const reasonOf = (error: unknown): string => {
  if (error instanceof Problem || error instanceof Unavailable) return error.reason;
  return error instanceof QueueFull ? 'queue_full' : 'internal';
};

const cancellationAnswer = (cancellation: Cancellation, id: string): Response => {
  switch (cancellation.status) {
    case 'cancelled': {
      const data = { cancelled: true, order_number: cancellation.number };
      return json(200, { data }, cancellation.replayed ? REPLAYED : undefined);
    }
    case 'nothing_to_cancel':
      return json(200, { data: { cancelled: false } });
    case 'unknown_order':
      // Perhaps its webhook is still to come: this one comes again then.
      throw new Problem(404, 'unknown_order', `Cannot find an order with the order id ${quote(id)}`);
    case 'cannot_cancel':
      throw new Problem(409, 'cannot_cancel', cancellation.message);
  }
};
