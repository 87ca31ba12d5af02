/**
 * What the front answered, in numbers. Requests are counted in plain numbers, which become metrics when somebody asks: a
 * metric with labels costs more than all else that is done for an answer from the cache. Those are not timed either.
 */
import type { Metrics } from '@till/shared/metrics';

export type Traffic = {
  /** A product answered from the cache. */
  hit(): void;
  answered(request: { route: string; method: string; status: number; seconds: number }): void;
  orderBatch(length: number): void;
  /** A webhook was answered: `ok`, or a reason. */
  webhook(webhook: { topic: string; result: string }): void;
};

/** Others are counted together, so that nobody can make series without end. */
const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);
const SECONDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5];
const LENGTHS = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512];

/** `hitRoute`: the route whose requests the cache answers. */
export const createTraffic = (metrics: Pick<Metrics, 'counter' | 'histogram'>, hitRoute: string): Traffic => {
  let hits = 0;
  const counts = new Map<string, { route: string; method: string; status: number; count: number }>();
  metrics.counter({
    name: 'till_http_requests_total',
    help: 'Requests answered, by route, method and status',
    labelNames: ['route', 'method', 'status'],
    collect() {
      if (hits > 0) this.inc({ route: hitRoute, method: 'GET', status: 200 }, hits);
      hits = 0;
      for (const one of counts.values()) {
        const { count, ...labels } = one;
        if (count > 0) this.inc(labels, count);
        one.count = 0;
      }
    },
  });
  const times = metrics.histogram({
    name: 'till_http_request_seconds',
    help: 'Time to answer a request, by route; products answered from the cache are not in it',
    labelNames: ['route'],
    buckets: SECONDS,
  });
  const batches = metrics.histogram({
    name: 'till_order_batch_length',
    help: 'Orders in one call to the leader',
    buckets: LENGTHS,
  });
  const webhooks = metrics.counter({
    name: 'till_webhooks_total',
    help: 'Webhooks of Shopify, by topic and result: ok, or the reason of the error, after which Shopify sends it again',
    labelNames: ['topic', 'result'],
  });
  return {
    hit: () => {
      hits += 1;
    },
    answered: ({ route, method: given, status, seconds }) => {
      const method = METHODS.has(given) ? given : 'other';
      const name = `${method} ${status} ${route}`;
      const known = counts.get(name);
      if (known === undefined) counts.set(name, { route, method, status, count: 1 });
      else known.count += 1;
      times.observe({ route }, seconds);
    },
    orderBatch: (length) => batches.observe(length),
    webhook: (webhook) => webhooks.inc(webhook),
  };
};
