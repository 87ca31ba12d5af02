/** The part of a Shopify shop that sends webhooks: orders as it writes them, signed as it signs them. */
import { createHmac } from 'node:crypto';
import { monotonicMs } from '@till/shared/clock';

export type Topic = 'create' | 'cancelled';
export type WebhookAnswer = {
  status: number;
  isReplay: boolean;
  body: { data?: Record<string, unknown>; error?: { code: number; reason: string; message: string } };
  tookMs: number;
};

/** How long Shopify waits for an answer. */
export const SHOPIFY_WAITS_MS = 5000;

/** What the header `X-Shopify-Hmac-Sha256` says of a body. */
export const shopifySignature = (secret: string, text: string): string =>
  createHmac('sha256', secret).update(text).digest('base64');

/**
 * The order as a webhook's body: the same under both topics, but for when it was cancelled. `id` has more digits than many a
 * reader of JSON holds exactly, so it is a text here.
 */
export const shopifyOrder = (
  id: string,
  lines: { sku: string; quantity: number }[],
  topic: Topic = 'create',
): string => {
  const cancelledAt = topic === 'create' ? null : '2026-11-20T09:30:00-05:00';
  return `{"id":${id},"cancelled_at":${JSON.stringify(cancelledAt)},"line_items":${JSON.stringify(lines)}}`;
};

/** Ids that differ in their last digits only, beyond what a number holds. */
export const shopifyId = (at: number): string => String(820_982_911_946_154_000n + BigInt(at));

type Webhook = { topic: Topic; text: string; signature: string | null };

/** Sends the text as it is. `signature` null: without one. */
export const requestWebhook = (url: string, { topic, text, signature }: Webhook): Promise<Response> =>
  fetch(`${url}/webhooks/shopify/orders/${topic}`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      ...(signature !== null && { 'x-shopify-hmac-sha256': signature }),
    },
    body: text,
  });

export const sendWebhook = async (url: string, webhook: Webhook): Promise<WebhookAnswer> => {
  const startMs = monotonicMs();
  const response = await requestWebhook(url, webhook);
  const body = (await response.json()) as WebhookAnswer['body'];
  const isReplay = response.headers.get('idempotent-replayed') === 'true';
  return { status: response.status, isReplay, body, tookMs: monotonicMs() - startMs };
};
