/** What the front answers to webhooks, as data; a part of `publicRoutes`. */
import { limits } from '@till/shared/limits';
import Type from 'typebox';
import { dataOf, failures, nameSchema, numberSchema, type PublicRoute, quantitySchema } from '../public-route.ts';

/** Only what is read of it; Shopify sends far more. */
const idSchema = Type.Union([Type.Integer({ minimum: 1 }), Type.String({ pattern: '^[1-9][0-9]{0,19}$' })], {
  description: "Shopify's id of the order, of 64 bits: the order id that it is known by here",
});
const headers = Type.Object({
  'X-Shopify-Hmac-Sha256': Type.String({ description: 'Base64 of the HMAC-SHA256 of the body' }),
});

export const webhookRoutes = {
  shopifyOrder: {
    method: 'POST',
    paths: ['/webhooks/shopify/orders/create'],
    summary: 'An order that was made at Shopify',
    headers,
    body: Type.Object({
      id: idSchema,
      line_items: Type.Array(Type.Object({ sku: nameSchema, quantity: quantitySchema }), {
        minItems: 1,
        maxItems: limits.orderLinesMax,
      }),
    }),
    responses: {
      200: dataOf(Type.Object({ order_number: numberSchema })),
      ...failures(400, 401, 404, 409, 413, 415, 429, 503),
    },
  },
  shopifyCancellation: {
    method: 'POST',
    paths: ['/webhooks/shopify/orders/cancelled'],
    summary: 'An order that was cancelled at Shopify: what it took is given back, once',
    headers,
    body: Type.Object({
      id: idSchema,
      cancelled_at: Type.String({ minLength: 1, description: 'Says that it is cancelled; null in any other order' }),
    }),
    responses: {
      200: dataOf(
        Type.Union([
          Type.Object({ cancelled: Type.Literal(true), order_number: numberSchema }),
          Type.Object({ cancelled: Type.Literal(false) }),
        ]),
      ),
      ...failures(400, 401, 404, 409, 413, 415, 429, 503),
    },
  },
} as const satisfies Record<string, PublicRoute>;

const BODY_BYTES_MAX: Record<string, number> = Object.fromEntries(
  Object.values(webhookRoutes).flatMap(({ paths }) => paths.map((path) => [path, limits.webhookBodyBytesMax])),
);

/** How large a body may be at a URL: Shopify's orders are longer than ours. */
export const bodyBytesMaxOf = (url: string): number =>
  BODY_BYTES_MAX[new URL(url).pathname.replace(/\/$/, '')] ?? limits.bodyBytesMax;
