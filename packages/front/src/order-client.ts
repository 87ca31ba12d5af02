/** Orders and queries on their way to the leader: batched, bounded, sent again when the leader changes. */
import type { Client } from '@till/shared/client';
import type { orderContract } from '@till/shared/contract';
import { limits } from '@till/shared/limits';
import type { Outcome, PlacedOrder, StoredOrder } from '@till/shared/movement';
import { type Answered, type Batcher, type BatcherStats, createBatcher } from './batcher.ts';
import type { Cluster, Leader } from './cluster-view.ts';

export type OrderReplica = Pick<Client<typeof orderContract>, 'orders' | 'find'>;
export type OrderQuery = { number: number } | { key: string };

export type OrderClient = {
  /** Throws `QueueFull` or `Unavailable`. Callers with the same key and fingerprint share one order. */
  place(placed: PlacedOrder): Promise<Answered<Outcome>>;
  /** null: there is no such order. Throws like `place`. */
  find(query: OrderQuery): Promise<StoredOrder | null>;
  stats(): { orders: BatcherStats; queries: BatcherStats };
  close(): void;
};

export type OrderClientOptions = {
  cluster: Cluster;
  replica(id: number): OrderReplica;
  requestWaitMs: number;
  queueLengthMax?: number;
  onOrderBatch?(length: number): void;
};

export const createOrderClient = (options: OrderClientOptions): OrderClient => {
  const { cluster, replica } = options;
  const bounds = {
    cluster,
    waitMs: options.requestWaitMs,
    queueLengthMax: options.queueLengthMax ?? limits.queueLengthMax,
    itemsInBatchMax: limits.ordersInBatchMax,
    batchBytesMax: limits.batchBytesMax,
  };
  const orders: Batcher<PlacedOrder, Outcome> = createBatcher({
    ...bounds,
    ...(options.onOrderBatch && { onBatch: options.onOrderBatch }),
    bytesOf: lengthOf,
    send: async (leader: Leader, batch: PlacedOrder[]) => {
      const answer = await replica(leader.id).orders({ body: { term: leader.term, orders: batch } });
      return answer.ok ? { term: answer.term, ok: true, results: answer.outcomes } : answer;
    },
  });
  const queries: Batcher<OrderQuery, StoredOrder | null> = createBatcher({
    ...bounds,
    bytesOf: () => QUERY_BYTES,
    send: async (leader: Leader, batch: OrderQuery[]) => {
      const answer = await replica(leader.id).find({ body: { term: leader.term, queries: batch } });
      return answer.ok ? { term: answer.term, ok: true, results: answer.found } : answer;
    },
  });
  return {
    place: (placed) => orders.add(placed, `${placed.fingerprint} ${placed.key}`),
    // A query is never shared: the answer to an earlier one may be from before an order that this caller knows of.
    find: async (query) => (await queries.add(query)).result,
    stats: () => ({ orders: orders.stats(), queries: queries.stats() }),
    close: () => {
      orders.close();
      queries.close();
    },
  };
};

const QUERY_BYTES = 300;
const ORDER_BYTES = 400;
const LINE_BYTES = 40;

/** An upper estimate, cheaper than encoding the order twice: a character is at most 6 bytes of JSON. */
const lengthOf = (placed: PlacedOrder): number => {
  let bytes = ORDER_BYTES;
  for (const line of placed.order.lines) bytes += LINE_BYTES + line.name.length * 6;
  return bytes;
};
