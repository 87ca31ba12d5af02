/**
 * What the services say to each other, as data: one text from which the typed client (client.ts), the checks of the
 * server (handler.ts) and the types derive. The public side of the front is described in the front.
 */
import Type, { type Static, type TSchema } from 'typebox';
import type { ClusterRecord, Proposal, ReplicaStatus } from './cluster.ts';
import { limits } from './limits.ts';
import type {
  Line,
  Order,
  Outcome,
  Placed,
  ProductState,
  Progress,
  StoredCheckout,
  StoredOrder,
  TrailEntry,
} from './movement.ts';

/** One request that a service answers. `path` may hold `:name` parts, which `params` describes. */
export type Route = {
  method: 'GET' | 'POST';
  path: string;
  params?: TSchema;
  query?: TSchema;
  body?: TSchema;
  response: TSchema;
  /** Which list of sealed lines in the body, or in the response, travels as it is: with-lines.ts. */
  bodyLines?: string;
  responseLines?: string;
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
  orderId: Type.Optional(text),
  customer: Type.Optional(text),
});
const key = Type.String({ minLength: 1, maxLength: limits.keyLengthMax });
const fingerprint = Type.String({ minLength: 1, maxLength: 128 });
export const checkoutSchema = Type.Object({
  id: text,
  lines: Type.Array(lineSchema, { minItems: 1 }),
  customer: text,
  card: text,
});
const deadLetterSchema = Type.Object({ sequence, attempts: count(0), error: text });
const progress = {
  delivered: sequence,
  dead: Type.Array(deadLetterSchema),
  again: Type.Array(Type.Object({ sequence, asked: sequence })),
};
export const progressSchema = Type.Object(progress);
export const placedSchema = Type.Union([
  Type.Object({
    key,
    fingerprint,
    order: orderSchema,
    alsoKey: Type.Optional(key),
    refusal: Type.Optional(text),
    onlyIfKnown: Type.Optional(Type.Literal(true)),
  }),
  Type.Object({ key, cancel: Type.Object({ of: key }) }),
  Type.Object({ key, fingerprint, checkout: checkoutSchema, onlyIfKnown: Type.Optional(Type.Literal(true)) }),
  Type.Object({ key, note: Type.Object({ sink: text, after: sequence, ...progress }) }),
]);
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
  Type.Object({ key: text, status: Type.Literal('queued'), sequence, id: text, replayed: Type.Boolean() }),
  Type.Object({
    key: text,
    status: Type.Literal('cancelled'),
    sequence,
    number: count(0),
    replayed: Type.Boolean(),
  }),
  Type.Object({ key: text, status: Type.Literal('nothing_to_cancel'), sequence }),
  Type.Object({ key: text, status: Type.Literal('unknown_order') }),
  Type.Object({ key: text, status: Type.Literal('cannot_cancel'), sequence, message: text }),
  Type.Object({ key: text, status: Type.Literal('queue_full') }),
  Type.Object({ key: text, status: Type.Literal('noted'), sequence }),
  Type.Object({ key: text, status: Type.Literal('stale'), sequence }),
  Type.Object({ key: text, status: Type.Literal('not_known') }),
  Type.Object({ key: text, status: Type.Literal('conflict'), alsoKey: Type.Optional(Type.Literal(true)) }),
  Type.Object({ key: text, status: Type.Literal('unknown_product'), name: text }),
]);
export const storedOrderSchema = Type.Object({
  number: count(0),
  key: text,
  sequence,
  order: orderSchema,
  cancelled: Type.Optional(Type.Literal(true)),
});
const stored = { id: text, sequence, checkout: checkoutSchema };
export const storedCheckoutSchema = Type.Union([
  Type.Object({ ...stored, state: Type.Literal('queued') }),
  Type.Object({ ...stored, state: Type.Literal('placed'), number: count(0) }),
  Type.Object({ ...stored, state: Type.Literal('refused'), reason: text, message: text }),
]);
/** One change of one product's stock, and what caused it. */
export const trailEntrySchema = Type.Object({
  sequence,
  term: count(0),
  time: count(0),
  product: text,
  change: Type.Integer(),
  before: count(0),
  after: count(0),
  cause: Type.Union([
    Type.Object({ kind: Type.Literal('seed') }),
    Type.Object({ kind: Type.Literal('order'), order_number: count(0) }),
    Type.Object({ kind: Type.Literal('cancel'), order_number: count(0) }),
    Type.Object({ kind: Type.Literal('restock'), sold_out_by: sequence }),
  ]),
  key: nullable(text),
});

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
  chaos: Type.Optional(text),
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
  /** Decides orders, and whatever else is placed, in this order; and returns the journal's sealed lines after the sequence `after`. */
  movements: {
    method: 'POST',
    path: '/movements',
    body: Type.Object({ term: count(0), after: sequence, orders: Type.Array(placedSchema) }),
    response: catalogAnswerSchema,
    responseLines: 'lines',
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
    responseLines: 'lines',
  },
  history: {
    method: 'GET',
    path: '/movements',
    query: Type.Object({ after: sequence, limit: Type.Optional(count(1)) }),
    response: Type.Object({ lines: Type.Array(text), more: Type.Boolean() }),
    responseLines: 'lines',
  },
  /** The changes of stock after a sequence, of one product or of all. `next`: where to go on; null at the end of the journal. */
  trail: {
    method: 'GET',
    path: '/trail',
    query: Type.Object({ after: sequence, limit: Type.Optional(count(1)), product: Type.Optional(text) }),
    response: Type.Object({
      epoch: text,
      asOf: sequence,
      changes: Type.Array(trailEntrySchema),
      next: nullable(sequence),
    }),
  },
} as const satisfies Contract;

/** Where the catalog's stream of changes is: NDJSON, see `ChangeLine`. */
export const changesPath = '/changes';

/** One line of the catalog's stream. `epoch` names one run of the catalog. */
export const changeLineSchema = Type.Union([
  /**
   * First line: everything up to `sequence` is to be read, everything after it will be told. `chaos`: the harm on purpose
   * that is switched on there.
   */
  Type.Object({ type: Type.Literal('hello'), epoch: text, sequence, chaos: Type.Optional(text) }),
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

export const sinkStatusSchema = Type.Object({
  sink: text,
  /** Everything up to this sequence is settled. */
  delivered: sequence,
  /** Committed sequences after it. */
  lag: count(0),
  dead: Type.Array(deadLetterSchema),
  /** Dead letters that are being sent again. */
  again: Type.Array(sequence),
  /** What it tries now or waits to try again. */
  trying: Type.Array(Type.Object({ sequence, attempts: count(0), error: nullable(text) })),
  /** Milliseconds until it may be called again; 0 if it may. */
  pausedMs: count(0),
});

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
    body: Type.Object({ term: count(0), orders: Type.Array(placedSchema) }),
    response: Type.Union([
      Type.Object({ term: count(0), ok: Type.Literal(true), outcomes: Type.Array(outcomeSchema) }),
      refused,
    ]),
  },
  /** What is committed, in the order of the queries; null for what is not there: orders by number or key, checkouts by id. */
  find: {
    method: 'POST',
    path: '/find',
    body: Type.Object({
      term: count(0),
      queries: Type.Array(
        Type.Union([Type.Object({ number: count(0) }), Type.Object({ key: text }), Type.Object({ checkout: text })]),
      ),
    }),
    response: Type.Union([
      Type.Object({
        term: count(0),
        ok: Type.Literal(true),
        found: Type.Array(nullable(Type.Union([storedOrderSchema, storedCheckoutSchema]))),
      }),
      refused,
    ]),
  },
  /** How the outbox does. Only the leader delivers. */
  outbox: {
    method: 'POST',
    path: '/outbox',
    body: Type.Object({ term: count(0) }),
    response: Type.Union([
      Type.Object({ term: count(0), ok: Type.Literal(true), sinks: Type.Array(sinkStatusSchema) }),
      refused,
    ]),
  },
  /** One event of the outbox: what it says, and how it stands with each sink. `event` is null if the sequence is none. */
  outboxEvent: {
    method: 'POST',
    path: '/outbox/show',
    body: Type.Object({ term: count(0), sequence }),
    response: Type.Union([
      Type.Object({
        term: count(0),
        ok: Type.Literal(true),
        event: nullable(Type.Record(Type.String(), Type.Unknown())),
        sinks: Type.Array(
          Type.Object({
            sink: text,
            state: Type.Union([Type.Literal('delivered'), Type.Literal('pending'), Type.Literal('dead')]),
            attempts: count(0),
            error: nullable(text),
          }),
        ),
      }),
      refused,
    ]),
  },
  /** Sends a dead letter again, once this is answered it is recorded. `sinks`: those where it was one. */
  outboxReplay: {
    method: 'POST',
    path: '/outbox/replay',
    body: Type.Object({ term: count(0), sequence, sink: nullable(text) }),
    response: Type.Union([Type.Object({ term: count(0), ok: Type.Literal(true), sinks: Type.Array(text) }), refused]),
  },
} as const satisfies Contract;

// The schemas and the types of movement.ts and cluster.ts must say the same; the compiler compares them here.

type Same<One, Other> = [One, Other] extends [Other, One] ? true : { differs: [One, Other] };
const same = <_Verdict extends true>(): void => {};
same<Same<Static<typeof lineSchema>, Line>>();
same<Same<Static<typeof orderSchema>, Order>>();
same<Same<Static<typeof placedSchema>, Placed>>();
same<Same<Static<typeof progressSchema>, Progress>>();
same<Same<Static<typeof productStateSchema>, ProductState>>();
same<Same<Static<typeof outcomeSchema>, Outcome>>();
same<Same<Static<typeof storedOrderSchema>, StoredOrder>>();
same<Same<Static<typeof storedCheckoutSchema>, StoredCheckout>>();
same<Same<Static<typeof trailEntrySchema>, TrailEntry>>();
same<Same<Static<typeof clusterRecordSchema>, ClusterRecord>>();
same<Same<Static<typeof proposalSchema>, Proposal>>();
same<Same<Static<typeof replicaStatusSchema>, ReplicaStatus>>();
