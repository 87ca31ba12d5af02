/** The whole front, over HTTP on both sides; only what stands behind it is in memory. */
import { Agent, type IncomingHttpHeaders, request } from 'node:http';
import { sleep } from '@till/shared/clock';
import { silentLogger } from '@till/shared/logger';
import { createMetrics } from '@till/shared/metrics';
import { serve } from '@till/shared/serve';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { createFakeCluster } from '../test/fake-cluster.ts';
import { serveMemoryCatalog } from '../test/memory-catalog.ts';
import { serveMemoryReplica } from '../test/memory-replica.ts';
import { createMemoryShop } from '../test/memory-shop.ts';
import { until } from '../test/until.ts';
import { createFront, DRAIN_MS } from './front.ts';

const closing: (() => unknown)[] = [];
test.after.each(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

const setUp = async ({ cacheSize = 10, drainMs = 0 } = {}) => {
  const shop = createMemoryShop();
  let catalog = await serveMemoryCatalog(shop);
  closing.push(() => catalog.close());
  const replicas = [await serveMemoryReplica(shop), await serveMemoryReplica(shop)] as const;
  for (const replica of replicas) closing.push(() => replica.close());
  const cluster = createFakeCluster({ id: 2, term: 1 });
  const front = createFront({
    cluster,
    catalogUrl: catalog.url,
    orderUrls: new Map(replicas.map(({ url }, at) => [at + 1, url])),
    cacheSize,
    requestWaitMs: 10_000,
    metrics: createMetrics('front'),
    logger: silentLogger,
  });
  const server = await serve({ fetch: front.fetch, port: 0, hostname: '127.0.0.1', drainMs });
  const stop = () => front.stop(server);
  closing.push(stop);
  // biome-ignore lint/suspicious/noExplicitAny: what comes back is looked at, not relied on
  const get = async (path: string): Promise<any> => (await fetch(server.url + path)).json();
  await until(async () => (await get('/cluster')).data.catalog.alive, 'a subscription');
  const order = async (body: object, headers: Record<string, string> = {}) => {
    const init = { method: 'POST', headers: { 'content-type': 'application/json', ...headers } };
    return fetch(`${server.url}/orders`, { ...init, body: JSON.stringify(body) });
  };
  const restartCatalog = async () => {
    await catalog.close();
    catalog = await serveMemoryCatalog(shop, catalog.port);
  };
  return { shop, cluster, replicas, server, get, order, stop, restartCatalog, catalog: () => catalog };
};

for (const cacheSize of [10, 1, 0]) {
  test(`who has an answer to an order sees it in the stock at once (cache of ${cacheSize})`, async () => {
    const { get, order } = await setUp({ cacheSize });
    for (let left = 99; left >= 70; left -= 1) {
      assert.is((await order({ name: 'tux', quantity: 1 })).status, 200);
      await get('/products/Fox');
      assert.equal(await get('/products/tux'), { data: { name: 'Tux', price: 15.99, quantity: left } });
    }
  });
}

test('an order is found by its number and by its key', async () => {
  const { get, order } = await setUp();
  const answer = await order({ name: 'GameStart', quantity: 4, type: 'sell' }, { 'idempotency-key': 'k-1' });
  assert.equal(await answer.json(), { data: { transaction_number: 0, 'transaction-number': 0 } });
  const data = { number: 0, name: 'GameStart', quantity: 4, type: 'sell' };
  assert.equal(await get('/orders/0'), { data });
  assert.equal(await get('/orders?key=k-1'), { data });
});

test('a leader that dies is latency and no error', async () => {
  const { order, cluster, replicas } = await setUp();
  await order({ name: 'Tux', quantity: 1 });
  await replicas[1].close();
  const waiting = Promise.all([1, 2, 3].map((quantity) => order({ name: 'Tux', quantity })));
  await until(() => cluster.suspected.length > 0, 'a suspicion');
  cluster.lead(null);
  cluster.lead({ id: 1, term: 2 });
  const answers = await waiting;
  assert.equal(
    answers.map(({ status }) => status),
    [200, 200, 200],
  );
  assert.ok(cluster.suspected.every((id) => id === 2));
});

test('a catalog that starts again is latency and no error', async () => {
  const { get, order, restartCatalog, catalog } = await setUp();
  await get('/products/Tux');
  await catalog().close();
  const waiting = [get('/products/Fox'), get('/products')];
  await restartCatalog();
  assert.equal(await waiting[0], { data: { name: 'Fox', price: 20, quantity: 3 } });
  assert.is((await waiting[1]).data.length, 4);
  await order({ name: 'Tux', quantity: 1 });
  assert.is((await get('/products/Tux')).data.quantity, 99);
});

test('two hundred at once for three foxes: three get one', async () => {
  const { order, get, shop } = await setUp();
  const answers = await Promise.all(
    Array.from({ length: 200 }, async (_, at) => {
      const key = { 'idempotency-key': `k-${at % 100}` };
      const answer = await order({ name: 'Fox', quantity: 1 }, key);
      return `${answer.status} ${await answer.text()}`;
    }),
  );
  for (let at = 0; at < 100; at += 1) assert.is(answers[at], answers[at + 100], 'one answer for one key');
  assert.is(answers.slice(0, 100).filter((answer) => answer.startsWith('200')).length, 3);
  assert.is(shop.stock.number, 2);
  assert.is((await get('/products/Fox')).data.quantity, 0);
});

test('the pages about the service itself', async () => {
  const { get, order, server } = await setUp();
  await order({ name: 'Tux', quantity: 1 });
  for (let asked = 0; asked < 5; asked += 1) await get('/products/Tux');
  const { data } = await get('/cluster');
  assert.is(data.leader, 2);
  assert.equal(data.catalog, { alive: true, sequence: 2 });
  assert.equal(data.cache, { capacity: 10, size: 1, hits: 4, misses: 1, bypassing: false });
  const metrics = await (await fetch(`${server.url}/metrics`)).text();
  for (const line of [
    'till_http_requests_total{route="/products/:name",method="GET",status="200",service="front"} 5',
    'till_http_requests_total{route="/orders",method="POST",status="200",service="front"} 1',
    'till_http_request_seconds_count{service="front",route="/orders"} 1',
    'till_cache_hits_total{service="front"} 4',
    'till_order_batch_length_sum{service="front"} 1',
    'till_in_sync_replicas{service="front"} 1',
    'till_elections_total{service="front"} 0',
  ]) {
    assert.ok(metrics.includes(`\n${line}\n`), line);
  }
});

test('who still waits when the front stops is answered, on a connection that says that it ends', async () => {
  const { server, cluster, catalog, stop, order } = await setUp({ drainMs: DRAIN_MS });
  assert.is((await order({ name: 'Fox', quantity: 1 })).status, 200);
  catalog().delay = () => new Promise(() => {});
  cluster.lead(null);
  const call = createCaller(server.port);
  const body = JSON.stringify({ name: 'Tux', quantity: 1 });
  const waiting = [
    call('GET', '/products/Tux'),
    call('GET', '/products'),
    call('GET', '/orders/0'),
    call('POST', '/orders', { body, key: 'k-1' }),
    call('POST', '/orders', { body, key: 'k-1' }),
  ];
  const queued = async () => {
    const metrics = await (await fetch(`${server.url}/metrics`)).text();
    return (
      metrics.includes('till_orders_queued{service="front"} 1') && metrics.includes('queries_queued{service="front"} 1')
    );
  };
  await until(queued, 'requests that wait');
  await stop();
  for (const answer of await Promise.all(waiting)) {
    const { status, headers, reason } = answer;
    assert.equal([status, reason, headers?.connection, headers?.['retry-after']], [503, 'stopping', 'close', '1']);
  }
});

test('a front that stops under load cuts nobody off: clients are told to leave, and then refused', async () => {
  const { server, stop, get } = await setUp({ drainMs: DRAIN_MS });
  await get('/products/Tux');
  const ends: Answer[] = [];
  let answered = 0;
  const clients = Array.from({ length: 8 }, async (_, client) => {
    const call = createCaller(server.port);
    for (let turn = 0; ; turn += 1) {
      const isOrder = (client + turn) % 3 === 0;
      const key = `${client}-${turn}`;
      const body = JSON.stringify({ name: 'GameStart', quantity: 1, type: 'sell' });
      const answer = await (isOrder ? call('POST', '/orders', { body, key }) : call('GET', '/products/Tux'));
      if (answer.status !== 200) return ends.push(answer);
      answered += 1;
      if (turn % 5 === 0) await sleep(client);
    }
  });
  await until(() => answered > 200, 'some load');
  await Promise.all([stop(), ...clients]);
  assert.equal(
    ends.map(({ code }) => code),
    clients.map(() => 'ECONNREFUSED'),
  );
});

type Answer = { status?: number; headers?: IncomingHttpHeaders; reason?: string; code?: string };

/** Calls over one kept connection, as a plain HTTP client does: nothing is tried twice. */
const createCaller = (port: number) => {
  const agent = new Agent({ keepAlive: true });
  closing.push(() => agent.destroy());
  return (method: string, path: string, { body, key }: { body?: string; key?: string } = {}): Promise<Answer> =>
    new Promise((resolve) => {
      const headers = { 'content-type': 'application/json', ...(key && { 'idempotency-key': key }) };
      const call = request({ host: '127.0.0.1', port, method, path, headers, agent }, async (response) => {
        let text = '';
        for await (const part of response) text += part;
        const reason: string | undefined = JSON.parse(text).error?.reason;
        resolve({ status: response.statusCode ?? 0, headers: response.headers, ...(reason && { reason }) });
      });
      call.on('error', (error: NodeJS.ErrnoException) => resolve({ code: error.code ?? error.message }));
      call.end(body);
    });
};

test.run();
