/**
 * What the services say to each other, as data: one text from which the typed client (client.ts), the checks of the
 * server (handler.ts) and the types derive. The public side of the front is described in the front.
 */
import Type, { type Static, type TSchema } from 'typebox';
import type { ClusterRecord, Proposal, ReplicaStatus } from './cluster.ts';
import { limits } from './limits.ts';
import type { Line, Order, Outcome, PlacedOrder, ProductState, StoredOrder } from './movement.ts';

/** One request that a service answers. `path` may hold `:name` parts, which `params` describes. */
export type Route = {
  method: 'GET' | 'POST';
  path: string;
  params?: TSchema;
  query?: TSchema;
  body?: TSchema;
  response: TSchema;
};
export type Contract = Record<string, Route>;

type Described<Schema> = Schema extends TSchema ? Static<Schema> : never;
export type ParamsOf<R extends Route> = Described<R['params']>;
export type QueryOf<R extends Route> = Described<R['query']>;
export type BodyOf<R extends Route> = Described<R['body']>;
export type ResponseOf<R extends Route> = Static<R['response']>;

const count = (minimum: number) => Type.Integer({ minimum, maximum: Number.MAX_SAFE_INTEGER });
const sequence = count(0);
const text = Type.String();
const nullable = <Schema extends TSchema>(schema: Schema) => Type.Union([schema, Type.Null()]);

// Orders and products.

export const lineSchema = Type.Object({ name: text, quantity: count(1) });
export const orderSchema = Type.Object({
  lines: Type.Array(lineSchema, { minItems: 1 }),
  type: Type.Optional(Type.Union([Type.Literal('buy'), Type.Literal('sell')])),
  many: Type.Optional(Type.Literal(true)),
});
export const placedOrderSchema = Type.Object({
  key: Type.String({ minLength: 1, maxLength: limits.keyLengthMax }),
  fingerprint: Type.String({ minLength: 1, maxLength: 128 }),
  order: orderSchema,
});
export const productStateSchema = Type.Object({
  name: text,
  price: Type.Number(),
  quantity: count(0),
  version: sequence,
});
export const outcomeSchema = Type.Union([
  Type.Object({
    key: text,
    status: Type.Literal('accepted'),
    sequence,
    number: count(0),
    replayed: Type.Boolean(),
  }),
  Type.Object({
    key: text,
    status: Type.Literal('rejected'),
    sequence,
    reason: Type.Literal('out_of_stock'),
    message: text,
    replayed: Type.Boolean(),
  }),
  Type.Object({ key: text, status: Type.Literal('conflict') }),
  Type.Object({ key: text, status: Type.Literal('unknown_product'), name: text }),
]);
export const storedOrderSchema = Type.Object({ number: count(0), key: text, sequence, order: orderSchema });

// The cluster.

const memberSchema = Type.Object({ id: count(1), incarnation: count(0) });
export const clusterRecordSchema = Type.Object({
  storeId: text,
  term: count(0),
  version: count(0),
  leader: nullable(memberSchema),
  inSync: Type.Array(memberSchema),
  registered: Type.Array(Type.Object({ id: count(1), incarnation: count(0), boot: text })),
});
export const proposalSchema = Type.Object({
  id: count(0),
  term: count(0),
  version: count(0),
  leader: memberSchema,
  inSync: Type.Array(memberSchema),
  handOverTo: nullable(memberSchema),
});
export const replicaStatusSchema = Type.Object({
  id: count(1),
  boot: text,
  incarnation: nullable(count(0)),
  storeId: nullable(text),
  clean: Type.Boolean(),
  leaving: Type.Boolean(),
  role: Type.Union([Type.Literal('follower'), Type.Literal('taking_over'), Type.Literal('leader')]),
  serving: Type.Boolean(),
  term: count(0),
  lastIndex: count(0),
  commitIndex: count(0),
  record: nullable(clusterRecordSchema),
  proposal: nullable(proposalSchema),
});

// The catalog.

/** What the catalog answers to a batch of orders and to a fence. The reasons: order/src/replica/types.ts. */
export const catalogAnswerSchema = Type.Union([
  Type.Object({
    kind: Type.Literal('decided'),
    outcomes: Type.Array(outcomeSchema),
    lines: Type.Array(text),
    more: Type.Boolean(),
  }),
  Type.Object({ kind: Type.Literal('old_term'), term: count(0) }),
  Type.Object({ kind: Type.Literal('behind'), sequence }),
  Type.Object({ kind: Type.Literal('busy') }),
]);
export type CatalogDecision = Static<typeof catalogAnswerSchema>;

export const catalogContract = {
  product: {
    method: 'GET',
    path: '/products/:name',
    params: Type.Object({ name: text }),
    response: Type.Object({ epoch: text, asOf: sequence, product: productStateSchema }),
  },
  products: {
    method: 'GET',
    path: '/products',
    response: Type.Object({ epoch: text, asOf: sequence, products: Type.Array(productStateSchema) }),
  },
  /** Decides orders, and returns the journal's sealed lines after the sequence `after`. */
  movements: {
    method: 'POST',
    path: '/movements',
    body: Type.Object({ term: count(0), after: sequence, orders: Type.Array(placedOrderSchema) }),
    response: catalogAnswerSchema,
  },
  /**
   * Refuses older terms from now on, and returns the journal from the movement at `after` on, that one included, so that the
   * leader sees whether both tell the same history. `outcomes` is empty.
   */
  fence: {
    method: 'POST',
    path: '/fence',
    body: Type.Object({ term: count(0), after: sequence }),
    response: catalogAnswerSchema,
  },
  history: {
    method: 'GET',
    path: '/movements',
    query: Type.Object({ after: sequence, limit: Type.Optional(count(1)) }),
    response: Type.Object({ lines: Type.Array(text), more: Type.Boolean() }),
  },
} as const satisfies Contract;

/** Where the catalog's stream of changes is: NDJSON, see `ChangeLine`. */
export const changesPath = '/changes';

/** One line of the catalog's stream. `epoch` names one run of the catalog. */
export const changeLineSchema = Type.Union([
  /** First line: everything up to `sequence` is to be read, everything after it will be told. */
  Type.Object({ type: Type.Literal('hello'), epoch: text, sequence }),
  /** The sequences `from` to `to`, both included, and only the products that they changed. */
  Type.Object({
    type: Type.Literal('changes'),
    epoch: text,
    from: sequence,
    to: sequence,
    products: Type.Array(productStateSchema),
  }),
  /** Sign of life, with the last sequence that was told. */
  Type.Object({ type: Type.Literal('beat'), epoch: text, sequence }),
]);
export type ChangeLine = Static<typeof changeLineSchema>;

// The order replicas.

const refused = Type.Object({ term: count(0), ok: Type.Literal(false), reason: text });

export const orderContract = {
  /** The configuration manager tells its record and hears how the replica is. `refused`: the proposal that it turned down. */
  health: {
    method: 'POST',
    path: '/health',
    body: Type.Object({
      record: nullable(clusterRecordSchema),
      refused: nullable(Type.Object({ proposal: count(0), version: count(0) })),
    }),
    response: replicaStatusSchema,
  },
  orders: {
    method: 'POST',
    path: '/orders',
    body: Type.Object({ term: count(0), orders: Type.Array(placedOrderSchema) }),
    response: Type.Union([
      Type.Object({ term: count(0), ok: Type.Literal(true), outcomes: Type.Array(outcomeSchema) }),
      refused,
    ]),
  },
  /** Committed orders by number or key, in the order of the queries; null for one that is not there. */
  find: {
    method: 'POST',
    path: '/find',
    body: Type.Object({
      term: count(0),
      queries: Type.Array(Type.Union([Type.Object({ number: count(0) }), Type.Object({ key: text })])),
    }),
    response: Type.Union([
      Type.Object({ term: count(0), ok: Type.Literal(true), found: Type.Array(nullable(storedOrderSchema)) }),
      refused,
    ]),
  },
} as const satisfies Contract;

// The schemas and the types of movement.ts and cluster.ts must say the same; the compiler compares them here.

type Same<One, Other> = [One, Other] extends [Other, One] ? true : { differs: [One, Other] };
const same = <_Verdict extends true>(): void => {};
same<Same<Static<typeof lineSchema>, Line>>();
same<Same<Static<typeof orderSchema>, Order>>();
same<Same<Static<typeof placedOrderSchema>, PlacedOrder>>();
same<Same<Static<typeof productStateSchema>, ProductState>>();
same<Same<Static<typeof outcomeSchema>, Outcome>>();
same<Same<Static<typeof storedOrderSchema>, StoredOrder>>();
same<Same<Static<typeof clusterRecordSchema>, ClusterRecord>>();
same<Same<Static<typeof proposalSchema>, Proposal>>();
same<Same<Static<typeof replicaStatusSchema>, ReplicaStatus>>();
