import { errorSchema, Problem } from '@till/shared/errors';
import { Compile } from 'typebox/compile';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { createMemoryLedger } from '../test/memory-ledger.ts';
import { routerDeps, SECRETS, signatureOf } from '../test/router-deps.ts';
import type { Ledger } from './ledger.ts';
import { createRouter } from './router.ts';
import { QueueFull, Unavailable } from './unavailable.ts';

const isError = Compile(errorSchema);

const setUp = (
  ledger: Partial<Ledger> = {},
  {
    whyNotReady = null,
    ...deps
  }: { whyNotReady?: string | null } & Pick<
    NonNullable<Parameters<typeof routerDeps>[0]>,
    'warehouse' | 'shopifySecrets' | 'requestWaitMs'
  > = {},
) => {
  const hits: string[] = [];
  const counted: object[] = [];
  const errors: unknown[] = [];
  const webhooks: string[] = [];
  const router = createRouter(
    routerDeps({
      ledger: { ...createMemoryLedger().ledger, ...ledger },
      traffic: {
        hit: () => hits.push('hit'),
        answered: ({ seconds, ...request }) => {
          assert.ok(seconds >= 0);
          counted.push(request);
        },
        webhook: ({ topic, result }) => webhooks.push(`${topic} ${result}`),
      },
      status: () => {
        throw new Error('a secret of /home/somebody');
      },
      whyNotReady: () => whyNotReady,
      onError: (error) => errors.push(error),
      ...deps,
    }),
  );
  const ask = async (path: string, init: RequestInit = {}) => router.fetch(new Request(`http://till${path}`, init));
  return { router, ask, hits, counted, errors, webhooks };
};

/** A body that does not say what it is, as a text would. */
const bytes = (text: string): Uint8Array<ArrayBuffer> => new TextEncoder().encode(text);

const order = (headers: Record<string, string> = {}): RequestInit => ({
  method: 'POST',
  headers,
  body: bytes('{"name":"Tux","quantity":1}'),
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
    place: async ({ key }) => {
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
  const { ask } = setUp({}, { whyNotReady: 'leader_not_serving' });
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

test('an order with an id that cannot be decided is to be repeated by its id', async () => {
  const { ask } = setUp({ place: failing(new Unavailable('no_answer')) });
  const body = (more: object) => bytes(JSON.stringify({ name: 'Tux', quantity: 1, orderId: 'A-1', ...more }));
  const plain = await ask('/orders', { method: 'POST', body: body({}) });
  assert.equal([plain.status, plain.headers.get('idempotency-key')], [503, null]);
  assert.match(await plain.text(), 'repeat it with the same orderId');
  const keyed = await ask('/orders', { method: 'POST', body: body({ idempotencyKey: 'k-1' }) });
  assert.equal([keyed.status, keyed.headers.get('idempotency-key')], [503, 'k-1']);
  const joined = setUp({ place: failing(new Unavailable('no_answer', true)) });
  const inFlight = await joined.ask('/orders', { method: 'POST', body: body({}) });
  assert.is(inFlight.status, 409);
  assert.match(await inFlight.text(), 'the order \\"A-1\\" is in flight');
});

test('what was certainly not decided is answered with the key to repeat it with, too', async () => {
  const check = failing(new Problem(503, 'warehouse_down', 'Cannot check the stock', { 'retry-after': '60' }));
  const busy = failing(new Problem(429, 'queue_full', 'Cannot ask the warehouse'));
  for (const [parts, status, retryAfter] of [
    [setUp({}, { warehouse: { check } }), 503, '60'],
    [setUp({}, { warehouse: { check: busy } }), 429, null],
    [setUp({ place: failing(new QueueFull()) }), 429, '1'],
  ] as const) {
    const made = await parts.ask('/orders', order());
    assert.equal([made.status, made.headers.get('retry-after')], [status, retryAfter]);
    assert.match(made.headers.get('idempotency-key') ?? '', /^[\w-]{20,}$/);
    assert.is((await parts.ask('/orders', order({ 'idempotency-key': 'k-1' }))).headers.get('idempotency-key'), 'k-1');
    const named = { method: 'POST', body: bytes('{"name":"Tux","quantity":1,"orderId":7}') };
    assert.is((await parts.ask('/orders', named)).headers.get('idempotency-key'), null);
  }
});

const webhook = (body: string, secret?: string): RequestInit => ({
  method: 'POST',
  headers: { 'content-type': 'application/json', 'x-shopify-hmac-sha256': signatureOf(body, secret) },
  body,
});
const CREATE = '/webhooks/shopify/orders/create';
const CANCEL = '/webhooks/shopify/orders/cancelled';
const shopifyOrder = '{"id":7,"line_items":[{"sku":"Tux","quantity":1}],"email":"jon@example.com"}';

test('a webhook is answered within the time that Shopify waits, however long others may', async () => {
  const waits: number[] = [];
  const note = async (_placed: unknown, waitMs = Number.NaN) => {
    waits.push(waitMs);
    throw new Unavailable('no_in_sync_replica');
  };
  const deadlines: number[] = [];
  const check = async (_lines: unknown, { deadlineMs }: { deadlineMs: number }) => {
    deadlines.push(deadlineMs);
    return { ok: true as const };
  };
  const { ask } = setUp({ place: note, cancel: note }, { requestWaitMs: 60_000, warehouse: { check } });
  for (const [path, body] of [
    [CREATE, shopifyOrder],
    [CANCEL, '{"id":7,"cancelled_at":"2026-01-01T00:00:00Z"}'],
  ] as const) {
    const response = await ask(path, webhook(body));
    assert.is(response.status, 503);
    assert.is(response.headers.get('retry-after'), '1');
    assert.is(response.headers.get('idempotency-key'), null);
    assert.is(await reasonOf(response), 'no_in_sync_replica');
  }
  assert.is(waits.length, 2);
  const holdMs = 500;
  for (const waitMs of waits) assert.ok(waitMs > 0 && waitMs + holdMs <= 4500, `${waitMs} ms`);
  assert.is(deadlines.length, 1);
  for (const deadlineMs of deadlines) assert.ok(deadlineMs > 0 && deadlineMs <= 3000, `${deadlineMs} ms`);
});

test('without secrets no webhook is accepted', async () => {
  const { ask } = setUp({}, { shopifySecrets: [] });
  for (const secret of ['', ...SECRETS]) {
    assert.is((await ask(CREATE, webhook(shopifyOrder, secret))).status, 401);
  }
});

test('a webhook that is refused says nothing of what is in it, nor how it was signed', async () => {
  const { ask, errors } = setUp();
  const answers = [
    await ask(CREATE, webhook(shopifyOrder, 'a guess')),
    await ask(CREATE, webhook(`${shopifyOrder}x`)),
    await ask(CREATE, webhook(`[${shopifyOrder}]`)),
    await ask(CREATE, webhook('{"id":{"email":"jon@example.com"},"line_items":[]}')),
    await ask(CREATE, webhook('{"id":7,"line_items":"jon@example.com"}')),
    await ask(CREATE, webhook('{"id":7,"line_items":["jon@example.com"]}')),
    await ask(CREATE, webhook('{"id":7,"line_items":[{"sku":{"email":"jon@example.com"},"quantity":1}]}')),
    await ask(CREATE, webhook('{"id":7,"line_items":[{"sku":"Tux","quantity":"jon@example.com"}]}')),
    await ask(CANCEL, webhook('{"email":"jon@example.com"}')),
    await ask(CANCEL, webhook('{"id":7,"cancelled_at":{"by":"jon@example.com"}}')),
  ];
  for (const answer of answers) {
    const text = await answer.text();
    assert.ok(answer.status >= 400 && answer.status < 500);
    for (const secret of [...SECRETS, 'jon', signatureOf(shopifyOrder)]) assert.not.ok(text.includes(secret), text);
  }
  assert.equal(errors, []);
});

test('webhooks are counted by what became of them', async () => {
  const { ask, webhooks } = setUp({ cancel: failing(new Unavailable('no_answer')) });
  const many = '{"id":8,"line_items":[{"sku":"Tux","quantity":1000}]}';
  const cancellation = '{"id":7,"cancelled_at":"2026-01-01T00:00:00Z"}';
  for (const body of [shopifyOrder, shopifyOrder, many, '{"id":7,"line_items":[{"sku":"Fox","quantity":1}]}', '{']) {
    await ask(CREATE, webhook(body));
  }
  await ask(CREATE, webhook(shopifyOrder, 'a guess'));
  await ask(CANCEL, webhook(cancellation));
  await ask(CANCEL, webhook(shopifyOrder));
  assert.equal(webhooks, [
    'orders/create ok',
    'orders/create ok',
    'orders/create out_of_stock',
    'orders/create duplicate_order',
    'orders/create malformed_json',
    'orders/create bad_signature',
    'orders/cancelled no_answer',
    'orders/cancelled not_cancelled',
  ]);
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
