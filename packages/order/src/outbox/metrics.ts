/** What the outbox counts, for Prometheus. Only the leader has something to tell of its sinks. */
import type { Metrics } from '@till/shared/metrics';
import type { SinkStatus } from './delivery.ts';

export type OutboxMetrics = {
  /** An attempt to deliver an event ended: `delivered`, `refused`, `unavailable`, or `open` if the sink was not even asked. */
  attempt(sink: string, result: 'delivered' | 'refused' | 'unavailable' | 'open'): void;
  /** An event is settled: `delivered` or `dead`. */
  settled(sink: string, result: 'delivered' | 'dead'): void;
  /** A product was left out of a delivery, since the sink does not know it. */
  skipped(): void;
  /** Where the numbers of the sinks come from. */
  watch(sinks: () => Pick<SinkStatus, 'sink' | 'lag' | 'dead'>[]): void;
};

export const createOutboxMetrics = (metrics: Metrics): OutboxMetrics => {
  let sinks: () => Pick<SinkStatus, 'sink' | 'lag' | 'dead'>[] = () => [];
  const attempts = metrics.counter({
    name: 'till_outbox_attempts_total',
    help: 'Attempts to deliver an event',
    labelNames: ['sink', 'result'],
  });
  const deliveries = metrics.counter({
    name: 'till_outbox_deliveries_total',
    help: 'Events that were delivered or given up',
    labelNames: ['sink', 'result'],
  });
  const skipped = metrics.counter({
    name: 'till_outbox_skipped_products_total',
    help: 'Products left out of a delivery, since the shop does not know them',
  });
  metrics.gauge({
    name: 'till_outbox_lag',
    help: 'Committed movements after the last one up to which every event is settled',
    labelNames: ['sink'],
    collect() {
      this.reset();
      for (const { sink, lag } of sinks()) this.set({ sink }, lag);
    },
  });
  metrics.gauge({
    name: 'till_outbox_dead_letters',
    help: 'Events that were given up',
    labelNames: ['sink'],
    collect() {
      this.reset();
      for (const { sink, dead } of sinks()) this.set({ sink }, dead.length);
    },
  });
  return {
    attempt: (sink, result) => attempts.inc({ sink, result }),
    settled: (sink, result) => deliveries.inc({ sink, result }),
    skipped: () => skipped.inc(),
    watch(given) {
      sinks = given;
    },
  };
};
