/** What an order replica counts, for Prometheus. */
import { createMetrics, type Metrics } from '@till/shared/metrics';
import { createOutboxMetrics, type OutboxMetrics } from './outbox/metrics.ts';
import { type Replica, roleOf } from './replica/state.ts';

export type OrderMetrics = Pick<Metrics, 'text' | 'contentType'> & {
  /** A batch of orders went to the catalog. */
  batch(orders: number): void;
  /** Entries reached the disk. */
  stored(entries: number, tookMs: number): void;
  outbox: OutboxMetrics;
};

export const createOrderMetrics = (replica: Replica): OrderMetrics => {
  const metrics = createMetrics(`order-${replica.id}`);
  const batches = metrics.histogram({
    name: 'till_catalog_batch_orders',
    help: 'Orders in one call to the catalog',
    buckets: [0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048],
  });
  const stores = metrics.histogram({
    name: 'till_log_store_seconds',
    help: 'Time from an append to the end of its fsync',
    buckets: [0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3],
  });
  const entries = metrics.counter({ name: 'till_log_entries_total', help: 'Entries written to the log' });
  const gauge = (name: string, help: string, value: () => number): void => {
    metrics.gauge({
      name,
      help,
      collect() {
        this.set(value());
      },
    });
  };
  gauge('till_term', 'Highest term that this replica has seen', () => replica.durable.term);
  gauge('till_leading', '1 while this replica leads', () => Number(roleOf(replica) === 'leader'));
  gauge('till_log_last_index', 'Last index of the log', () => replica.log.lastIndex());
  gauge('till_log_commit_index', 'Highest index known to be committed', () => replica.commitIndex);
  gauge('till_orders_queued', 'Orders that wait at this leader', () => replica.leadership?.queued ?? 0);
  gauge('till_in_sync_replicas', 'Members of the in-sync set', () => replica.durable.record?.inSync.length ?? 0);
  return {
    text: metrics.text,
    contentType: metrics.contentType,
    outbox: createOutboxMetrics(metrics),
    batch: (orders) => batches.observe(orders),
    stored(count, tookMs) {
      entries.inc(count);
      stores.observe(tookMs / 1000);
    },
  };
};
