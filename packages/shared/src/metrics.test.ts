import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { createMetrics } from './metrics.ts';

test('what is counted is in the text, with the service and its labels', async () => {
  const metrics = createMetrics('order-2');
  const orders = metrics.counter({ name: 'till_orders_total', help: 'Orders', labelNames: ['status'] });
  orders.inc({ status: 'accepted' }, 2);
  metrics.gauge({ name: 'till_in_sync', help: 'In-sync replicas' }).set(3);
  metrics.histogram({ name: 'till_append_seconds', help: 'Appends', buckets: [0.1, 1] }).observe(0.5);
  const text = await metrics.text();
  assert.match(text, /^till_orders_total\{.*status="accepted".*service="order-2".*\} 2$/m);
  assert.match(text, /^till_in_sync\{service="order-2"\} 3$/m);
  assert.match(text, /^till_append_seconds_bucket\{le="1".*\} 1$/m);
  assert.match(metrics.contentType, 'text/plain');
});

test('two services in one process do not mix', async () => {
  const [one, other] = [createMetrics('one'), createMetrics('other')];
  for (const metrics of [one, other]) metrics.counter({ name: 'till_same_total', help: 'Same' }).inc();
  assert.not.match(await one.text(), 'service="other"');
  assert.match(await other.text(), 'till_same_total{service="other"} 1');
});

test('the text is there again and again, on every runtime', async () => {
  const metrics = createMetrics('x');
  metrics.counter({ name: 'till_any_total', help: 'Any' }).inc();
  for (let time = 0; time < 3; time += 1) assert.match(await metrics.text(), 'till_any_total');
  if (!('Bun' in globalThis) && !('Deno' in globalThis))
    assert.match(await metrics.text(), 'process_cpu_seconds_total');
});

test.run();
