import { errorSchema } from '@till/shared/errors';
import { Compile } from 'typebox/compile';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { createMemoryLedger } from '../test/memory-ledger.ts';
import type { Ledger } from './ledger.ts';
import { createRouter } from './router.ts';
import { QueueFull, Unavailable } from './unavailable.ts';

const isError = Compile(errorSchema);

const setUp = (ledger: Partial<Ledger> = {}, whyNotReady: string | null = null) => {
  const hits: string[] = [];
  const counted: object[] = [];
  const errors: unknown[] = [];
  const router = createRouter({
    ledger: { ...createMemoryLedger().ledger, ...ledger },
    traffic: {
      hit: () => hits.push('hit'),
      answered: ({ seconds, ...request }) => {
        assert.ok(seconds >= 0);
        counted.push(request);
      },
    },
    status: () => {
      throw new Error('a secret of /home/somebody');
    },
    whyNotReady: () => whyNotReady,
    metrics: { contentType: 'text/plain', text: async () => '' },
    onError: (error) => errors.push(error),
  });
  const ask = async (path: string, init: RequestInit = {}) => router.fetch(new Request(`http://till${path}`, init));
  return { router, ask, hits, counted, errors };
};

const order = (headers: Record<string, string> = {}): RequestInit => ({
  method: 'POST',
  headers,
  body: new TextEncoder().encode('{"name":"Tux","quantity":1}'),
});

const failing = (error: Error) => async () => {
  throw error;
};

const reasonOf = async (response: Response): Promise<string> => {
  const body: unknown = await response.json();
  assert.ok(isError.Check(body));
  assert.is(body.error.code, response.status);
  return body.error.reason;
};

test('what the cache has is answered without a promise, and only counted', () => {
  const { router, hits, counted } = setUp({ lookup: () => ({ kind: 'hit', version: 1, body: '{"data":1}' }) });
  for (const path of ['/products/Tux', '/stocks/tux']) {
    const response = router.fetch(new Request(`http://till${path}`));
    assert.not(response instanceof Promise);
  }
  assert.is(hits.length, 2);
  assert.is(counted.length, 0);
});

test('what the cache has is answered so on any path to it', async () => {
  const { ask } = setUp({ lookup: (name) => ({ kind: 'hit', version: 1, body: `"${name}"` }) });
  for (const path of ['/products/TUX', '/products/%54ux', '/products/Tux/', '/stocks/tux?a']) {
    const response = await ask(path);
    assert.is(response.status, 200);
    assert.is(response.headers.get('content-type'), 'application/json; charset=utf-8');
    assert.is(await response.text(), '"tux"');
  }
});

test('requests are counted by the route that they took', async () => {
  const { ask, counted } = setUp();
  await ask('/products/Tux');
  await ask('/products/Dodo/');
  await ask('/orders', order());
  await ask('/orders/5');
  await ask('/no/where');
  await ask('/healthz', { method: 'HEAD' });
  assert.equal(counted, [
    { route: '/products/:name', method: 'GET', status: 200 },
    { route: '/products/:name', method: 'GET', status: 404 },
    { route: '/orders', method: 'POST', status: 200 },
    { route: '/orders/:number', method: 'GET', status: 404 },
    { route: 'unknown', method: 'GET', status: 404 },
    { route: '/healthz', method: 'HEAD', status: 200 },
  ]);
});

test('an order that cannot be decided is answered 503 with a key to repeat it with', async () => {
  const keys: string[] = [];
  const { ask } = setUp({
    place: async (key) => {
      keys.push(key);
      throw new Unavailable('no_in_sync_replica');
    },
  });
  const made = await ask('/orders', order());
  assert.is(made.status, 503);
  assert.is(made.headers.get('retry-after'), '1');
  assert.is(made.headers.get('idempotency-key'), keys[0]);
  assert.is(await reasonOf(made), 'no_in_sync_replica');
  const given = await ask('/orders', order({ 'idempotency-key': 'k-1' }));
  assert.is(given.headers.get('idempotency-key'), 'k-1');
  assert.is(keys[1], 'k-1');
});

test('a key that is still in flight is answered 409', async () => {
  const { ask } = setUp({ place: failing(new Unavailable('no_answer', true)) });
  const response = await ask('/orders', order({ 'idempotency-key': 'k-1' }));
  assert.is(response.status, 409);
  assert.is(response.headers.get('retry-after'), '1');
  assert.is(await reasonOf(response), 'in_flight');
});

test('too many waiting is answered 429', async () => {
  const full = failing(new QueueFull());
  const { ask } = setUp({ place: full, find: full, product: full, products: full });
  const reads = await Promise.all(
    ['/orders/1', '/orders?key=k', '/products/Tux', '/products'].map((path) => ask(path)),
  );
  for (const response of [await ask('/orders', order()), ...reads]) {
    assert.is(response.status, 429);
    assert.is(response.headers.get('retry-after'), '1');
    assert.is(await reasonOf(response), 'queue_full');
  }
});

test('reads that cannot be answered are 503', async () => {
  const away = failing(new Unavailable('catalog_away'));
  const { ask, errors } = setUp({ product: away, products: away, find: away });
  for (const path of ['/products/Tux', '/products/Tux/', '/products', '/orders/1', '/orders?key=k']) {
    const response = await ask(path);
    assert.is(response.status, 503, path);
    assert.is(response.headers.get('retry-after'), '1');
    assert.is(await reasonOf(response), 'catalog_away');
  }
  assert.is(errors.length, 0);
});

test('readiness has a reason', async () => {
  const { ask } = setUp({}, 'leader_not_serving');
  const response = await ask('/readyz');
  assert.is(response.status, 503);
  assert.is(await reasonOf(response), 'leader_not_serving');
});

test('our own mistakes are 500, told to us and to nobody else', async () => {
  const { ask, errors, counted } = setUp({ lookup: () => ({ kind: 'fetch', token: { name: 'x', since: 0 } }) });
  const response = await ask('/cluster');
  assert.is(response.status, 500);
  assert.not.match(await response.text(), 'secret');
  assert.is(errors.length, 1);
  assert.equal(counted, [{ route: '/cluster', method: 'GET', status: 500 }]);
});

test('a replay is told only to who gave the key', async () => {
  const { ask } = setUp({ place: async () => ({ status: 'accepted', number: 7, replayed: true }) });
  assert.is((await ask('/orders', order())).headers.get('idempotent-replayed'), null);
  assert.is((await ask('/orders', order({ 'idempotency-key': 'k' }))).headers.get('idempotent-replayed'), 'true');
});

test('a body that breaks off is a bad request and not our mistake', async () => {
  const { ask, errors } = setUp();
  const body = new ReadableStream({ start: (controller) => controller.error(new Error('gone')) });
  const response = await ask('/orders', { method: 'POST', body, duplex: 'half' } as RequestInit);
  assert.is(response.status, 400);
  assert.is(await reasonOf(response), 'unreadable_body');
  assert.is(errors.length, 0);
});

test.run();
