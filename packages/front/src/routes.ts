/**
 * What the front answers, as data: the schemas that requests are checked with, and for each route what may come back.
 * The description of the interface (openapi.ts) is made from it, so a route that is not here is not promised.
 */
import { sinkStatusSchema, trailEntrySchema } from '@till/shared/contract';
import { limits } from '@till/shared/limits';
import Type from 'typebox';
import { checkoutRoutes } from './checkout/routes.ts';
import {
  customerSchema,
  dataOf,
  failures,
  keySchema,
  lineSchema,
  nameSchema,
  nullable,
  numberSchema,
  orderIdSchema,
  type PublicRoute,
  quantitySchema,
  sequenceSchema,
  typeSchema,
} from './public-route.ts';
import { webhookRoutes } from './webhooks/routes.ts';

/** Whose an order is, beside what is in it. */
const whose = {
  orderId: Type.Optional(
    Type.Union([orderIdSchema, Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER })], {
      description: "The caller's own name of the order, a number is kept as text: the order is made once under it",
    }),
  ),
  customer: Type.Optional(customerSchema),
  idempotencyKey: Type.Optional(keySchema),
};
export const orderBodySchema = Type.Union([
  Type.Object({ name: nameSchema, quantity: quantitySchema, type: Type.Optional(typeSchema), ...whose }),
  Type.Object({ items: Type.Array(lineSchema, { minItems: 1, maxItems: limits.orderLinesMax }), ...whose }),
]);

export const productSchema = Type.Object({ name: Type.String(), price: Type.Number(), quantity: Type.Integer() });
/** What an order that is found has beside its content. */
const standing = {
  orderId: Type.Optional(orderIdSchema),
  cancelled: Type.Optional(Type.Literal(true)),
};
export const orderViewSchema = Type.Union([
  Type.Object({
    number: numberSchema,
    name: Type.String(),
    quantity: quantitySchema,
    type: Type.Optional(typeSchema),
    ...standing,
  }),
  Type.Object({ number: numberSchema, items: Type.Array(lineSchema), ...standing }),
]);
export const orderAnswerSchema = Type.Union([
  Type.Object({ order_number: numberSchema }),
  Type.Object({ transaction_number: numberSchema, 'transaction-number': numberSchema }),
]);
const idSchema = Type.Integer({ minimum: 1 });
export const clusterViewSchema = Type.Object({
  term: Type.Integer(),
  version: Type.Integer(),
  leader: nullable(idSchema),
  inSync: Type.Array(idSchema),
  replicas: Type.Array(
    Type.Object({
      id: idSchema,
      role: Type.String({ description: 'leader, taking_over or follower; unknown while it does not answer' }),
      alive: Type.Boolean(),
      lastIndex: nullable(Type.Integer()),
      commitIndex: nullable(Type.Integer()),
      lag: nullable(Type.Integer({ description: "Entries of the leader's log that it lacks" })),
    }),
  ),
  catalog: Type.Object({ alive: Type.Boolean(), sequence: nullable(Type.Integer()) }),
  cache: Type.Object({
    capacity: Type.Integer(),
    size: Type.Integer(),
    hits: Type.Integer(),
    misses: Type.Integer(),
    bypassing: Type.Boolean(),
  }),
  chaos: Type.Optional(Type.Record(Type.String(), Type.String(), { description: 'Harm on purpose, by service' })),
});

/** What is told to others, for one of them. */
const eventStateSchema = Type.Object({
  sink: Type.String(),
  state: Type.Union([Type.Literal('delivered'), Type.Literal('pending'), Type.Literal('dead')]),
  attempts: Type.Integer(),
  error: nullable(Type.String()),
});

export const publicRoutes = {
  product: {
    method: 'GET',
    paths: ['/products/:name', '/stocks/:name'],
    summary: 'One product: its price and how many are left',
    params: Type.Object({ name: nameSchema }),
    responses: { 200: dataOf(productSchema), ...failures(400, 404, 429, 503) },
  },
  products: {
    method: 'GET',
    paths: ['/products'],
    summary: 'All products',
    responses: { 200: dataOf(Type.Array(productSchema)), ...failures(429, 503) },
  },
  movements: {
    method: 'GET',
    paths: ['/movements'],
    summary: 'What became of the stock, of one product or of all: every change after a sequence, with its cause',
    query: Type.Object({
      product: Type.Optional(nameSchema),
      after: Type.Optional(sequenceSchema),
      limit: Type.Optional(Type.Integer({ minimum: 1, maximum: limits.trailEntriesMax })),
    }),
    responses: {
      200: Type.Object({
        data: Type.Array(trailEntrySchema),
        next: nullable(Type.Integer({ minimum: 0, description: 'Goes on after this sequence; null at the end' })),
      }),
      ...failures(400, 404, 429, 503),
    },
  },
  placeOrder: {
    method: 'POST',
    paths: ['/orders'],
    summary: 'Orders a product, or several at once; all or nothing',
    headers: Type.Object({ 'Idempotency-Key': Type.Optional(keySchema) }),
    body: orderBodySchema,
    responses: { 200: dataOf(orderAnswerSchema), ...failures(400, 404, 409, 413, 415, 422, 429, 503) },
  },
  orderByName: {
    method: 'GET',
    paths: ['/orders'],
    summary: 'The order that was made under an idempotency key, or with an order id; one of them must be there',
    query: Type.Object({ key: Type.Optional(keySchema), orderId: Type.Optional(orderIdSchema) }),
    responses: { 200: dataOf(orderViewSchema), ...failures(400, 404, 429, 503) },
  },
  order: {
    method: 'GET',
    paths: ['/orders/:number'],
    summary: 'An order by its number',
    params: Type.Object({ number: numberSchema }),
    responses: { 200: dataOf(orderViewSchema), ...failures(400, 404, 429, 503) },
  },
  ...webhookRoutes,
  ...checkoutRoutes,
  outbox: {
    method: 'GET',
    paths: ['/outbox'],
    summary: 'How far those who are told of changes have been told',
    responses: { 200: dataOf(Type.Object({ sinks: Type.Array(sinkStatusSchema) })), ...failures(429, 503) },
  },
  outboxEvent: {
    method: 'GET',
    paths: ['/outbox/:sequence'],
    summary: 'One event, and how it stands with each of them',
    params: Type.Object({ sequence: sequenceSchema }),
    responses: {
      200: dataOf(
        Type.Object({
          event: Type.Record(Type.String(), Type.Unknown(), { description: 'CloudEvents 1.0' }),
          sinks: Type.Array(eventStateSchema),
        }),
      ),
      ...failures(400, 404, 429, 503),
    },
  },
  replayEvent: {
    method: 'POST',
    paths: ['/outbox/:sequence/replay'],
    summary: 'Sends a dead letter again; the answer names those where it was one',
    params: Type.Object({ sequence: sequenceSchema }),
    query: Type.Object({ sink: Type.Optional(Type.String()) }),
    responses: {
      200: dataOf(Type.Object({ sinks: Type.Array(Type.String(), { minItems: 1 }) })),
      ...failures(400, 404, 409, 429, 503),
    },
  },
  alive: {
    method: 'GET',
    paths: ['/healthz'],
    summary: 'Whether the front runs',
    responses: { 200: dataOf(Type.Object({ alive: Type.Literal(true) })) },
  },
  ready: {
    method: 'GET',
    paths: ['/readyz'],
    summary: 'Whether orders can be decided, and if not, why',
    responses: { 200: dataOf(Type.Object({ ready: Type.Literal(true) })), ...failures(503) },
  },
  cluster: {
    method: 'GET',
    paths: ['/cluster'],
    summary: 'Who leads, who holds what, and how the cache does',
    responses: { 200: dataOf(clusterViewSchema) },
  },
  metrics: {
    method: 'GET',
    paths: ['/metrics'],
    summary: 'Measurements of the front for Prometheus',
    responses: { 200: 'text/plain' },
  },
  openApi: {
    method: 'GET',
    paths: ['/openapi.json'],
    summary: 'This description',
    responses: { 200: Type.Record(Type.String(), Type.Unknown()) },
  },
} as const satisfies Record<string, PublicRoute>;

export type RouteName = keyof typeof publicRoutes;
