/** What the front answers about checkouts, as data; a part of `publicRoutes`. */
import { limits } from '@till/shared/limits';
import Type from 'typebox';
import { dataOf, failures, keySchema, lineSchema, numberSchema, type PublicRoute } from '../public-route.ts';

const text = Type.String({ maxLength: limits.checkoutTextLengthMax });

/** What a checkout consists of. What is missing or not valid is a reason to reject it, not an error of the request. */
export const checkoutBodySchema = Type.Object({
  user: Type.Object({ name: text, contact: text }),
  creditCard: Type.Object({
    number: text,
    expirationDate: Type.String({ maxLength: limits.checkoutTextLengthMax, description: 'MM/YY, MM/YYYY or YYYY-MM' }),
    cvv: text,
  }),
  items: Type.Array(lineSchema, { minItems: 1, maxItems: limits.orderLinesMax }),
  billingAddress: Type.Object({ street: text, city: text, state: Type.Optional(text), zip: text, country: text }),
  termsAccepted: Type.Boolean(),
  idempotencyKey: Type.Optional(keySchema),
});

const checkoutAnswer = {
  orderId: Type.String({ description: 'Names the checkout; a rejected one cannot be looked up by it' }),
  status: Type.Union([Type.Literal('Order Approved'), Type.Literal('Order Rejected')]),
  reason: Type.Optional(Type.String({ description: 'Why it was rejected, in words' })),
  suggestedBooks: Type.Array(Type.Object({ bookId: Type.String(), title: Type.String(), author: Type.String() }), {
    maxItems: limits.suggestionsMax,
  }),
};
export const checkoutAnswerSchema = Type.Object(checkoutAnswer);
export const checkoutViewSchema = Type.Union([
  Type.Object({ orderId: Type.String(), status: Type.Literal('queued') }),
  Type.Object({ orderId: Type.String(), status: Type.Literal('placed'), order_number: numberSchema }),
  Type.Object({
    orderId: Type.String(),
    status: Type.Literal('refused'),
    reason: Type.String(),
    message: Type.String(),
  }),
]);

export const checkoutRoutes = {
  postCheckout: {
    method: 'POST',
    paths: ['/checkout'],
    summary: 'Checks a checkout and, if it is approved, queues it to be executed',
    headers: Type.Object({ 'Idempotency-Key': Type.Optional(keySchema) }),
    body: checkoutBodySchema,
    responses: {
      200: Type.Object({ data: checkoutAnswerSchema, ...checkoutAnswer }),
      ...failures(400, 409, 413, 415, 422, 429, 503),
    },
  },
  checkout: {
    method: 'GET',
    paths: ['/checkout/:id'],
    summary: 'What became of an approved checkout',
    params: Type.Object({ id: Type.String() }),
    responses: { 200: dataOf(checkoutViewSchema), ...failures(400, 404, 429, 503) },
  },
} as const satisfies Record<string, PublicRoute>;
