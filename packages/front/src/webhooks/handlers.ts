/**
 * Shopify's webhooks. It sends each at least once and in no order, waits 5 s for an answer, and comes again later after
 * anything but a 200. Who an order is, is said by the signed body alone, never by a header.
 */
import { monotonicMs } from '@till/shared/clock';
import { Problem } from '@till/shared/errors';
import { cancelKey, orderIdKey } from '@till/shared/keys';
import { limits } from '@till/shared/limits';
import { json } from '@till/shared/reply';
import { type Fields, quote, readBytes, requireJson } from '../dialect.ts';
import { conflictOf, decisionAnswer, orderAnswer, undecided } from '../handlers/orders.ts';
import { type Handler, REPLAYED } from '../handlers/replies.ts';
import type { Cancellation, Ledger } from '../ledger.ts';
import { placedOrder } from '../orders.ts';
import type { Placement } from '../placement.ts';
import { Unavailable } from '../unavailable.ts';
import { idOf, orderOfShopify, readPayload } from './shopify.ts';
import { createSignatureCheck } from './signature.ts';

/** A decision must be there in time for the answer to wait until the cache knows it. */
const DECISION_WAIT_MS = limits.webhookWaitMs - limits.replyHoldMs;

export const createWebhookHandlers = (deps: {
  ledger: Pick<Ledger, 'cancel' | 'find' | 'decided'>;
  placement: Placement;
  /** Secrets that Shopify may have signed with; without any, every webhook is refused. */
  secrets: readonly string[];
}) => {
  const { ledger, placement } = deps;
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
      if (decision.status === 'conflict') throw await conflictOf(ledger, placed);
      return decisionAnswer(decision, orderAnswer);
    } catch (error) {
      if (!(error instanceof Unavailable)) throw error;
      return undecided(error, placed, null);
    }
  };

  const shopifyCancellation: Handler = async (request) => {
    const endMs = monotonicMs() + DECISION_WAIT_MS;
    const id = idOf(await payloadOf(request));
    const placed = { key: cancelKey(id), cancel: { of: orderIdKey(id) } };
    return cancellationAnswer(await ledger.cancel(placed, endMs - monotonicMs()), id);
  };

  return { shopifyOrder, shopifyCancellation };
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
