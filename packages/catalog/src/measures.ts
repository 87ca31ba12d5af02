/** What the catalog tells Prometheus. */
import type { Metrics } from '@till/shared/metrics';
import type { Changes } from './changes.ts';
import type { BatchMeasures, Driver } from './driver.ts';

export type Measures = {
  /** Registers what is only read when somebody asks. */
  watch(watched: { driver: Driver; changes: Pick<Changes, 'subscriberCount'> }): void;
  batch(measures: BatchMeasures): void;
  droppedSubscriber(): void;
};

export const createMeasures = (metrics: Metrics): Measures => {
  const batchOrders = metrics.histogram({
    name: 'till_catalog_batch_orders',
    help: 'Orders decided together, with one fsync',
    buckets: [1, 2, 4, 8, 16, 32, 64, 128, 256, 512],
  });
  const storeSeconds = metrics.histogram({
    name: 'till_catalog_store_seconds',
    help: 'Time to write one batch of movements and have it on disk',
    buckets: [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.5, 2.5],
  });
  const movementsTotal = metrics.counter({
    name: 'till_catalog_movements_total',
    help: 'Movements recorded by this run, by kind',
    labelNames: ['kind'],
  });
  const droppedTotal = metrics.counter({
    name: 'till_catalog_subscribers_dropped_total',
    help: 'Subscribers of the change stream that were cut off because they read too slowly',
  });
  return {
    watch: ({ driver, changes }) => {
      metrics.gauge({
        name: 'till_catalog_queue_length',
        help: 'Orders that wait to be decided',
        collect() {
          this.set(driver.queueLength());
        },
      });
      metrics.gauge({
        name: 'till_catalog_sequence',
        help: 'Sequence of the last movement on disk',
        collect() {
          this.set(driver.stock.sequence);
        },
      });
      metrics.gauge({
        name: 'till_catalog_term',
        help: 'Highest term that the journal was fenced with',
        collect() {
          this.set(driver.stock.term);
        },
      });
      metrics.gauge({
        name: 'till_catalog_keys',
        help: 'Keys that are remembered: of orders, cancellations and checkouts',
        collect() {
          this.set(driver.stock.decisionCount);
        },
      });
      metrics.gauge({
        name: 'till_catalog_checkouts_waiting',
        help: 'Approved checkouts that have no outcome yet',
        collect() {
          this.set(driver.stock.waitingCount);
        },
      });
      metrics.gauge({
        name: 'till_catalog_subscribers',
        help: 'Open streams of changes',
        collect() {
          this.set(changes.subscriberCount());
        },
      });
      metrics.gauge({
        name: 'till_catalog_stock',
        help: 'Quantity on disk, by product',
        labelNames: ['product'],
        collect() {
          for (const { name, quantity } of driver.stock.products.values()) this.set({ product: name }, quantity);
        },
      });
    },
    batch: ({ orders, movements, storeMs }) => {
      batchOrders.observe(orders);
      storeSeconds.observe(storeMs / 1000);
      for (const { kind } of movements) movementsTotal.inc({ kind });
    },
    droppedSubscriber: () => droppedTotal.inc(),
  };
};
