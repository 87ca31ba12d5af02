/** What the leader is asked: to decide, to look up, about its outbox. Batched, bounded, sent again when the leader changes. */
import type { Client } from '@till/shared/client';
import type { orderContract, ResponseOf } from '@till/shared/contract';
import { limits } from '@till/shared/limits';
import type { Line, Outcome, Placed, StoredCheckout, StoredOrder } from '@till/shared/movement';
import type { OrderLog } from '@till/shared/order-log';
import { type Answered, type Batcher, type BatcherStats, createBatcher, type Sent } from './batcher.ts';
import type { Cluster, Leader } from './cluster-view.ts';
import { loggedPlace } from './logged-orders.ts';

export type OrderReplica = Pick<
  Client<typeof orderContract>,
  'orders' | 'find' | 'outbox' | 'outboxEvent' | 'outboxReplay'
>;
export type OrderQuery = { number: number } | { key: string };
/** Everything that can be looked up. */
export type Query = OrderQuery | { checkout: string };

type Done<Route extends keyof typeof orderContract> = Extract<ResponseOf<(typeof orderContract)[Route]>, { ok: true }>;
export type Found = Done<'find'>['found'][number];
export type SinkStatus = Done<'outbox'>['sinks'][number];
export type OutboxEvent = Pick<Done<'outboxEvent'>, 'event' | 'sinks'>;

/**
 * Every method throws `QueueFull` or `Unavailable`. `waitMs` is for callers that have less time than `requestWaitMs`.
 */
export type OrderClient = {
  /** Callers with the same key and content share one decision. */
  place(placed: Placed, waitMs?: number): Promise<Answered<Outcome>>;
  /** null: there is no such order. */
  find(query: OrderQuery, waitMs?: number): Promise<StoredOrder | null>;
  checkout(id: string): Promise<StoredCheckout | null>;
  outbox(): Promise<SinkStatus[]>;
  outboxEvent(sequence: number): Promise<OutboxEvent>;
  /** The sinks for which it was a dead letter; it is sent to them again. */
  replay(sequence: number, sink: string | null): Promise<string[]>;
  stats(): { orders: BatcherStats; queries: BatcherStats };
  close(): void;
};

export type OrderClientOptions = {
  cluster: Cluster;
  replica(id: number): OrderReplica;
  requestWaitMs: number;
  queueLengthMax?: number;
  onOrderBatch?(length: number): void;
  orderLog?: OrderLog | null;
};

export const createOrderClient = (options: OrderClientOptions): OrderClient => {
  const { cluster, replica, orderLog = null } = options;
  const bounds = {
    cluster,
    waitMs: options.requestWaitMs,
    queueLengthMax: options.queueLengthMax ?? limits.queueLengthMax,
    itemsInBatchMax: limits.ordersInBatchMax,
    batchBytesMax: limits.batchBytesMax,
    flightsMax: limits.batchesOnTheWayMax,
  };
  const orders: Batcher<Placed, Outcome> = createBatcher({
    ...bounds,
    ...(options.onOrderBatch && { onBatch: options.onOrderBatch }),
    ...(orderLog && { onPutBack: orderLog.retried }),
    bytesOf: lengthOf,
    // What is not known then will never be decided by anything that was asked for before.
    goesAfterAll: (placed) => 'onlyIfKnown' in placed && placed.onlyIfKnown === true,
    send: async (leader: Leader, batch: Placed[]) => {
      const answer = await replica(leader.id).orders({ body: { term: leader.term, orders: batch } });
      return answer.ok ? { term: answer.term, ok: true, results: answer.outcomes } : answer;
    },
  });
  const queries: Batcher<Query, Found> = createBatcher({
    ...bounds,
    bytesOf: () => QUERY_BYTES,
    send: async (leader: Leader, batch: Query[]) => {
      const answer = await replica(leader.id).find({ body: { term: leader.term, queries: batch } });
      return answer.ok ? { term: answer.term, ok: true, results: answer.found } : answer;
    },
  });
  /** For people, so one after another. Each is safe to send twice: a dead letter that is asked for again is asked for. */
  const outbox: Batcher<OutboxCall, unknown> = createBatcher({
    ...bounds,
    itemsInBatchMax: 1,
    bytesOf: () => QUERY_BYTES,
    send: async (leader: Leader, [call]: OutboxCall[]): Promise<Sent<unknown>> => {
      const answer = await (call as OutboxCall)(replica(leader.id), leader.term);
      return answer.ok ? { term: answer.term, ok: true, results: [answer] } : answer;
    },
  });
  const ask = async <Answer extends OutboxAnswer>(
    call: (replica: OrderReplica, term: number) => Promise<Answer>,
  ): Promise<Extract<Answer, { ok: true }>> => {
    const { result } = await outbox.add(call);
    return result as Extract<Answer, { ok: true }>;
  };
  // A query is never shared: the answer to an earlier one may be from before an order that this caller knows of.
  const find = async (query: Query, waitMs?: number): Promise<Found> =>
    (await queries.add(query, undefined, waitMs)).result;

  return {
    place: loggedPlace((placed, waitMs) => orders.add(placed, shareKeyOf(placed), waitMs), orderLog),
    find: async (query, waitMs) => (await find(query, waitMs)) as StoredOrder | null,
    checkout: async (id) => (await find({ checkout: id })) as StoredCheckout | null,
    outbox: async () => (await ask((leader, term) => leader.outbox({ body: { term } }))).sinks,
    outboxEvent: async (sequence) => {
      const { event, sinks } = await ask((leader, term) => leader.outboxEvent({ body: { term, sequence } }));
      return { event, sinks };
    },
    replay: async (sequence, sink) =>
      (await ask((leader, term) => leader.outboxReplay({ body: { term, sequence, sink } }))).sinks,
    stats: () => ({ orders: orders.stats(), queries: queries.stats() }),
    close: () => {
      orders.close();
      queries.close();
      outbox.close();
    },
  };
};

type OutboxAnswer = { term: number; ok: true } | { term: number; ok: false; reason: string };
type OutboxCall = (replica: OrderReplica, term: number) => Promise<OutboxAnswer>;

/**
 * What must be the same for two callers to have one decision: all that the catalog compares. An order that goes by an
 * order id and by an idempotency key shares with neither alone; that both are one order is for the catalog to say. Who
 * only asks what is known shares with others who ask: it decides nothing for who wants to have it decided.
 */
const shareKeyOf = (placed: Placed): string => {
  if (!('fingerprint' in placed)) return placed.key;
  const alsoKey = 'alsoKey' in placed && placed.alsoKey !== undefined ? `\n${placed.alsoKey}` : '';
  const asked = placed.onlyIfKnown === true ? 'known ' : '';
  return `${asked}${placed.fingerprint} ${placed.key}${alsoKey}`;
};

const QUERY_BYTES = 300;
const PLACED_BYTES = 400;
const LINE_BYTES = 40;
/** A character is at most 6 bytes of JSON. */
const CHARACTER_BYTES = 6;

/** An upper estimate, cheaper than encoding it twice. */
const lengthOf = (placed: Placed): number => {
  if ('order' in placed) {
    const { order, alsoKey = '', refusal = '' } = placed;
    const { orderId = '', customer = '' } = order;
    const texts = placed.key.length + alsoKey.length + refusal.length + orderId.length + customer.length;
    return PLACED_BYTES + texts * CHARACTER_BYTES + lengthOfLines(order.lines);
  }
  if ('checkout' in placed) {
    return PLACED_BYTES + placed.checkout.customer.length * CHARACTER_BYTES + lengthOfLines(placed.checkout.lines);
  }
  return PLACED_BYTES;
};

const lengthOfLines = (lines: Line[]): number => {
  let bytes = 0;
  for (const line of lines) bytes += LINE_BYTES + line.name.length * CHARACTER_BYTES;
  return bytes;
};
