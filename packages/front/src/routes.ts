/**
 * What the front answers, as data: the schemas that requests are checked with, and for each route what may come back.
 * The description of the interface is made from it, so a route that is not here is not promised.
 */
import { errorSchema } from '@till/shared/errors';
import { limits } from '@till/shared/limits';
import Type, { type TSchema } from 'typebox';

export const nameSchema = Type.String({
  minLength: 1,
  maxLength: limits.nameLengthMax,
  description: 'Name of a product, without regard to case',
});
export const quantitySchema = Type.Integer({ minimum: 1, maximum: limits.quantityMax });
export const typeSchema = Type.Union([Type.Literal('buy'), Type.Literal('sell')]);
export const keySchema = Type.String({
  minLength: 1,
  maxLength: limits.keyLengthMax,
  pattern: '^[\\x21-\\x7e]+$',
  description: 'Makes an order repeatable: visible ASCII characters',
});

const lineSchema = Type.Object({ name: nameSchema, quantity: quantitySchema });
export const orderBodySchema = Type.Union([
  Type.Object({ name: nameSchema, quantity: quantitySchema, type: Type.Optional(typeSchema) }),
  Type.Object({ items: Type.Array(lineSchema, { minItems: 1, maxItems: limits.orderLinesMax }) }),
]);

const numberSchema = Type.Integer({ minimum: 0, description: 'From 0, without gaps, never reused' });
export const productSchema = Type.Object({ name: Type.String(), price: Type.Number(), quantity: Type.Integer() });
export const orderViewSchema = Type.Union([
  Type.Object({ number: numberSchema, name: Type.String(), quantity: quantitySchema, type: Type.Optional(typeSchema) }),
  Type.Object({ number: numberSchema, items: Type.Array(lineSchema) }),
]);
export const orderAnswerSchema = Type.Union([
  Type.Object({ order_number: numberSchema }),
  Type.Object({ transaction_number: numberSchema, 'transaction-number': numberSchema }),
]);
const idSchema = Type.Integer({ minimum: 1 });
const nullable = (schema: TSchema) => Type.Union([schema, Type.Null()]);
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
});

export type PublicRoute = {
  method: 'GET' | 'POST';
  /** Several paths mean the same. */
  paths: readonly string[];
  summary: string;
  params?: TSchema;
  query?: TSchema;
  headers?: TSchema;
  body?: TSchema;
  /** Content of the answer by status; a string is a media type that is not JSON. */
  responses: Readonly<Record<number, TSchema | string>>;
};

const dataOf = (schema: TSchema) => Type.Object({ data: schema });

/** Anything may be answered so: malformed paths, a queue that is full, a service that is away. */
const failures = (...statuses: number[]): Record<number, TSchema> =>
  Object.fromEntries(statuses.map((status) => [status, errorSchema]));

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
  placeOrder: {
    method: 'POST',
    paths: ['/orders'],
    summary: 'Orders a product, or several at once; all or nothing',
    headers: Type.Object({ 'Idempotency-Key': Type.Optional(keySchema) }),
    body: orderBodySchema,
    responses: { 200: dataOf(orderAnswerSchema), ...failures(400, 404, 409, 413, 415, 422, 429, 503) },
  },
  orderByKey: {
    method: 'GET',
    paths: ['/orders'],
    summary: 'The order that was made under an idempotency key',
    query: Type.Object({ key: keySchema }),
    responses: { 200: dataOf(orderViewSchema), ...failures(400, 404, 429, 503) },
  },
  order: {
    method: 'GET',
    paths: ['/orders/:number'],
    summary: 'An order by its number',
    params: Type.Object({ number: numberSchema }),
    responses: { 200: dataOf(orderViewSchema), ...failures(400, 404, 429, 503) },
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
} as const satisfies Record<string, PublicRoute>;

export type RouteName = keyof typeof publicRoutes;
