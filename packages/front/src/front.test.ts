/** The whole front, over HTTP on both sides; only what stands behind it is in memory. */
import { Agent, type IncomingHttpHeaders, request } from 'node:http';
import { monthOf } from '@till/checks/expiry';
import { sleep, wallMs } from '@till/shared/clock';
import { checkoutKey } from '@till/shared/keys';
import { silentLogger } from '@till/shared/logger';
import { createMetrics } from '@till/shared/metrics';
import { serve } from '@till/shared/serve';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { startFakeWarehouse } from '../../../test/fakes/warehouse.ts';
import { soundDetails } from '../../checks/test/sound.ts';
import { createFakeCluster } from '../test/fake-cluster.ts';
import { serveMemoryCatalog } from '../test/memory-catalog.ts';
import { serveMemoryReplica } from '../test/memory-replica.ts';
import { createMemoryShop } from '../test/memory-shop.ts';
import { SECRETS, signatureOf } from '../test/router-deps.ts';
import { until } from '../test/until.ts';
import { createFront, DRAIN_MS } from './front.ts';
import { bodyBytesMaxOf } from './webhooks/routes.ts';

const closing: (() => unknown)[] = [];
test.after.each(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

const setUp = async ({ cacheSize = 10, drainMs = 0, warehouseUrl = null as string | null } = {}) => {
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
    shopifySecrets: SECRETS,
    warehouse: warehouseUrl === null ? null : { url: warehouseUrl, holdMs: 60_000 },
    checks: { verification: null, fraud: null, suggestions: null, waitMs: 2000 },
    metrics: createMetrics('front'),
    logger: silentLogger,
  });
  const server = await serve({
    fetch: front.fetch,
    port: 0,
    hostname: '127.0.0.1',
    bodyBytesMax: bodyBytesMaxOf,
    drainMs,
  });
  const stop = () => front.stop(server);
  closing.push(stop);
  // biome-ignore lint/suspicious/noExplicitAny: what comes back is looked at, not relied on
  const get = async (path: string): Promise<any> => (await fetch(server.url + path)).json();
  await until(async () => (await get('/cluster')).data.catalog.alive, 'a subscription');
  const order = async (body: object, headers: Record<string, string> = {}, path = '/orders') => {
    const init = { method: 'POST', headers: { 'content-type': 'application/json', ...headers } };
    return fetch(server.url + path, { ...init, body: JSON.stringify(body) });
  };
  const webhook = async (topic: string, body: object) => {
    const text = JSON.stringify(body);
    const headers = { 'content-type': 'application/json', 'x-shopify-hmac-sha256': signatureOf(text) };
    return fetch(`${server.url}/webhooks/shopify/orders/${topic}`, { method: 'POST', headers, body: text });
  };
  const restartCatalog = async () => {
    await catalog.close();
    catalog = await serveMemoryCatalog(shop, catalog.port);
  };
  return { shop, cluster, replicas, server, get, order, webhook, stop, restartCatalog, catalog: () => catalog };
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

test('who has the answer to a webhook sees it in the stock at once, and its cancellation too', async () => {
  const { get, webhook } = await setUp();
  for (let id = 1; id <= 20; id += 1) {
    const answer = await webhook('create', { id, line_items: [{ sku: 'Tux', quantity: 7 }] });
    assert.equal(await answer.json(), { data: { order_number: id - 1 } });
    await get('/products/Fox');
    assert.is((await get('/products/tux')).data.quantity, 93);
    assert.equal((await get(`/movements?product=Tux&after=${2 * id - 1}`)).data[0].after, 93);
    assert.is((await webhook('cancelled', { id, cancelled_at: '2026-01-01' })).status, 200);
    assert.is((await get('/products/tux')).data.quantity, 100);
  }
});

test('a leader that dies under a webhook is latency, and the order is made once', async () => {
  const { webhook, cluster, replicas, shop } = await setUp();
  await webhook('create', { id: 1, line_items: [{ sku: 'Tux', quantity: 1 }] });
  await replicas[1].close();
  const order = { id: 2, line_items: [{ sku: 'Tux', quantity: 2 }] };
  const waiting = Promise.all([
    webhook('create', order),
    webhook('create', order),
    webhook('cancelled', { id: 1, cancelled_at: '2026-01-01' }),
  ]);
  await until(() => cluster.suspected.length > 0, 'a suspicion');
  cluster.lead(null);
  cluster.lead({ id: 1, term: 2 });
  const answers = await waiting;
  assert.equal(
    answers.map(({ status }) => status),
    [200, 200, 200],
  );
  assert.equal(
    answers.slice(0, 2).map(({ headers }) => headers.get('idempotent-replayed')),
    [null, 'true'],
  );
  assert.is(shop.stock.number, 1);
});

test('a warehouse that has less than the shop', async () => {
  const warehouse = await startFakeWarehouse({ stock: { tux: 3, Fox: 100 } });
  closing.push(() => warehouse.close());
  const { order, webhook } = await setUp({ warehouseUrl: warehouse.url });
  const statusOf = async (answer: Promise<Response>) => {
    const { status, headers } = await answer;
    return `${status}${headers.has('idempotent-replayed') ? ' again' : ''}`;
  };
  const tux = (quantity: number) => ({ name: 'TUX', quantity });
  assert.is(await statusOf(order(tux(2), { 'idempotency-key': 'k-1' })), '200');
  assert.is(await statusOf(order(tux(4), { 'idempotency-key': 'k-2' })), '400');
  assert.is(await statusOf(order({ name: 'GameStart', quantity: 1 })), '404');
  assert.is(await statusOf(order({ name: 'GameStart', quantity: 1, type: 'sell' })), '200');
  const lines = (quantity: number) => [
    { sku: 'Fox', quantity: 1 },
    { sku: 'Tux', quantity },
  ];
  assert.is(await statusOf(webhook('create', { id: 1, line_items: lines(1) })), '200');
  assert.is(await statusOf(webhook('create', { id: 2, line_items: lines(4) })), '400');
  const checkout = async (quantity: number, key: string) => {
    const body = { ...soundDetails(monthOf(wallMs())), items: [{ name: 'TUX', quantity }], idempotencyKey: key };
    const answer = await order(body, {}, '/checkout');
    const { status, error } = (await answer.json()) as { status?: string; error?: { reason: string } };
    return status ?? error?.reason;
  };
  assert.is(await checkout(3, 'c-1'), 'Order Approved');
  assert.is(await checkout(4, 'c-2'), 'Order Rejected');

  await warehouse.refuse();
  const down = await order(tux(1), { 'idempotency-key': 'k-3' });
  assert.is(down.status, 503);
  assert.is(((await down.json()) as { error: { reason: string } }).error.reason, 'warehouse_down');
  const asked = warehouse.calls().length;
  for (const [answer, due] of [
    [order(tux(1)), '503'],
    [order(tux(2), { 'idempotency-key': 'k-1' }), '200 again'],
    [order(tux(4), { 'idempotency-key': 'k-2' }), '400 again'],
    [order(tux(3), { 'idempotency-key': 'k-1' }), '422'],
    [webhook('create', { id: 1, line_items: lines(1) }), '200 again'],
    [webhook('create', { id: 1, line_items: lines(2) }), '409'],
    [webhook('create', { id: 3, line_items: lines(1) }), '503'],
    [webhook('cancelled', { id: 1, cancelled_at: '2026-01-01' }), '200'],
  ] as const) {
    assert.is(await statusOf(answer), due);
  }
  assert.is(await checkout(3, 'c-1'), 'Order Approved');
  assert.is(await checkout(3, 'c-2'), 'warehouse_down');
  assert.is(warehouse.calls().length, asked);
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

test('a checkout is queued, and then executed as an order', async () => {
  const { get, server, shop } = await setUp();
  const book = 'Čapek: R.U.R. / 1920';
  const body = JSON.stringify({ ...soundDetails(monthOf(wallMs())), items: [{ name: book, quantity: 2 }] });
  const post = async () => {
    const headers = { 'content-type': 'application/json', 'idempotency-key': 'k-1' };
    const response = await fetch(`${server.url}/checkout`, { method: 'POST', headers, body });
    return { replayed: response.headers.get('idempotent-replayed'), ...((await response.json()) as { data: object }) };
  };
  const { data, replayed } = (await post()) as { data: { orderId: string; status: string }; replayed: string | null };
  assert.equal([data.status, replayed], ['Order Approved', null]);
  const { orderId } = data;
  assert.equal(await get(`/checkout/${orderId}`), { data: { orderId, status: 'queued' } });
  const lines = [{ name: book, quantity: 2 }];
  shop.place([{ key: checkoutKey(orderId), fingerprint: 'f', order: { lines, many: true } }]);
  assert.equal(await get(`/checkout/${orderId}`), { data: { orderId, status: 'placed', order_number: 0 } });
  assert.is((await post()).replayed, 'true');
  assert.equal(await get('/orders/0'), { data: { number: 0, items: lines } });
});

test('the outbox, and the description of everything', async () => {
  const { get, order, server, shop } = await setUp();
  await order({ name: 'Tux', quantity: 1 });
  const dead = [{ sequence: 2, attempts: 60, error: 'gone' }];
  shop.sinks = [{ sink: 's', delivered: 2, lag: 0, dead, again: [], trying: [], pausedMs: 0 }];
  assert.equal(await get('/outbox'), { data: { sinks: shop.sinks } });
  assert.equal((await get('/outbox/2')).data.sinks, [{ sink: 's', state: 'dead', attempts: 60, error: 'gone' }]);
  const again = await fetch(`${server.url}/outbox/2/replay`, { method: 'POST' });
  assert.equal(await again.json(), { data: { sinks: ['s'] } });
  const description = await get('/openapi.json');
  assert.is(description.openapi, '3.1.1');
  for (const path of ['/orders/{number}', '/checkout', '/webhooks/shopify/orders/create', '/movements']) {
    assert.ok(description.paths[path], path);
  }
});

test('who waits for a warehouse when the front stops is answered', async () => {
  const warehouse = await startFakeWarehouse({ stock: { Tux: 3 } });
  closing.push(() => warehouse.close());
  const { server, stop } = await setUp({ drainMs: DRAIN_MS, warehouseUrl: warehouse.url });
  warehouse.faults.always({ hang: true });
  const body = JSON.stringify({ name: 'Tux', quantity: 1 });
  const waiting = createCaller(server.port)('POST', '/orders', { body });
  await until(() => warehouse.calls().length > 0, 'a question to the warehouse');
  await stop();
  const { status, reason, headers } = await waiting;
  assert.equal([status, reason, headers?.connection], [503, 'warehouse_down', 'close']);
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
