import { createMetrics } from '@till/shared/metrics';
import type { Movement, SeedProduct, TrailEntry } from '@till/shared/movement';
import { decodeWithLines, LINES_TYPE } from '@till/shared/with-lines';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { createChanges } from './changes.ts';
import { createDriver, seedMovements } from './driver.ts';
import { createMeasures } from './measures.ts';
import type { MovementJournal } from './movement-journal.ts';
import { createRouter } from './router.ts';
import { applyMovement, createStock } from './stock/apply.ts';

const seed: SeedProduct[] = [
  { name: 'Fox', kind: 'toy', price: 9.5, quantity: 5, restock: true },
  { name: 'How to Keep a Log / Éd. 2', kind: 'book', price: 34.5, quantity: 7, restock: true },
];

const createWorld = () => {
  const stock = createStock((sequence) => stored[sequence - 1] as Movement);
  const stored: Movement[] = seedMovements(createStock(), seed, 1);
  for (const movement of stored) applyMovement(stock, movement);
  const journal: MovementJournal = {
    append: async (movements) => void stored.push(...movements),
    after: async (after, { linesMax }) => {
      if (after === 666) throw new Error('EIO in /home/secret');
      const lines = stored.slice(after, after + linesMax).map((movement) => JSON.stringify(movement));
      return { lines, more: after + lines.length < stored.length };
    },
    movement: (sequence) => stored[sequence - 1] as Movement,
    close: async () => {},
  };
  const metrics = createMetrics('catalog');
  const measures = createMeasures(metrics);
  const changes = createChanges({
    epoch: 'e',
    sequence: 1,
    beatMs: 60_000,
    backlogBytesMax: 1000,
    onDropped: measures.droppedSubscriber,
  });
  const errors: unknown[] = [];
  const driver = createDriver({
    epoch: 'e',
    journal,
    stock,
    changes,
    now: () => 5,
    onBatch: measures.batch,
    onFailed: (error) => errors.push(error),
  });
  measures.watch({ driver, changes });
  const router = createRouter({ driver, changes, metrics, onError: (error) => errors.push(error) });
  const ask = async (method: string, path: string, body?: unknown) => {
    const text = typeof body === 'string' ? body : JSON.stringify(body);
    const response = await router.fetch(
      new Request(`http://localhost${path}`, { method, ...(body === undefined ? {} : { body: text }) }),
    );
    const answer = await response.text();
    const type = response.headers.get('content-type') ?? '';
    const isJson = type.startsWith('application/json');
    const decoded = type === LINES_TYPE ? decodeWithLines(answer, 'lines') : isJson ? JSON.parse(answer) : answer;
    // biome-ignore lint/suspicious/noExplicitAny: each test knows what it asked for
    return { status: response.status, headers: response.headers, body: decoded as any };
  };
  return { ask, router, driver, changes, errors };
};

const order = (key: string, quantity = 1) => ({
  key,
  fingerprint: 'f',
  order: { lines: [{ name: 'Fox', quantity }] },
});

test('a product is found by name in whatever spelling, with the sequence it stands at', async () => {
  const { ask } = createWorld();
  const fox = { name: 'Fox', price: 9.5, quantity: 5, version: 1 };
  assert.equal((await ask('GET', '/products/FOX')).body, { epoch: 'e', asOf: 1, product: fox });
  const book = await ask('GET', `/products/${encodeURIComponent('how to keep a log / ÉD. 2')}`);
  assert.is(book.body.product.name, 'How to Keep a Log / Éd. 2');
  assert.equal(
    (await ask('GET', '/products/')).body.products.map(({ name }: { name: string }) => name),
    seed.map(({ name }) => name),
  );
});

test('an unknown product is a 404 with a reason; a name that cannot be decoded a 400', async () => {
  const { ask } = createWorld();
  const { status, body } = await ask('GET', '/products/Nobody');
  assert.is(status, 404);
  assert.equal(body, { error: { code: 404, reason: 'unknown_product', message: 'Cannot find product "Nobody"' } });
  assert.is((await ask('GET', '/products/%E0%A4%A')).status, 400);
});

test('fence, then orders: decided, told, and read again', async () => {
  const { ask } = createWorld();
  const fenced = await ask('POST', '/fence', { term: 1, after: 0 });
  assert.is(fenced.status, 200);
  assert.is(fenced.body.lines.length, 2);
  const { body } = await ask('POST', '/movements', { term: 1, after: 2, orders: [order('a', 2)] });
  assert.equal(body.outcomes, [{ key: 'a', status: 'accepted', sequence: 3, number: 0, replayed: false }]);
  assert.is(body.lines.length, 1);
  const { product, asOf } = (await ask('GET', '/products/fox')).body;
  assert.equal([product.quantity, product.version, asOf], [3, 3, 3]);
});

test('the answers of the union are all 200', async () => {
  const { ask } = createWorld();
  await ask('POST', '/fence', { term: 2, after: 0 });
  assert.equal((await ask('POST', '/movements', { term: 1, after: 0, orders: [] })).body, {
    kind: 'old_term',
    term: 2,
  });
  assert.equal((await ask('POST', '/fence', { term: 3, after: 5 })).body, { kind: 'behind', sequence: 2 });
});

test('the history comes in pages', async () => {
  const { ask } = createWorld();
  await ask('POST', '/fence', { term: 1, after: 0 });
  const page = async (query: string) => {
    const { body } = await ask('GET', `/movements?${query}`);
    return [body.lines.map((line: string) => JSON.parse(line).sequence), body.more];
  };
  assert.equal(await page('after=0'), [[1, 2], false]);
  assert.equal(await page('after=0&limit=1'), [[1], true]);
  assert.equal(await page('after=2'), [[], false]);
});

test('the trail of one product, in whatever spelling, or of all, in pages', async () => {
  const { ask } = createWorld();
  await ask('POST', '/fence', { term: 1, after: 0 });
  const cancel = { key: 'x', cancel: { of: 'a' } };
  await ask('POST', '/movements', { term: 1, after: 2, orders: [order('a', 2), order('b', 1), cancel] });
  const { status, body } = await ask('GET', '/trail?after=1&product=FOX');
  assert.is(status, 200);
  const change = { term: 1, time: 5, product: 'Fox' };
  assert.equal(body, {
    epoch: 'e',
    asOf: 5,
    changes: [
      { ...change, sequence: 3, change: -2, before: 5, after: 3, cause: { kind: 'order', order_number: 0 }, key: 'a' },
      { ...change, sequence: 4, change: -1, before: 3, after: 2, cause: { kind: 'order', order_number: 1 }, key: 'b' },
      { ...change, sequence: 5, change: 2, before: 2, after: 4, cause: { kind: 'cancel', order_number: 0 }, key: 'x' },
    ],
    next: null,
  });
  const page = async (query: string) => {
    const { changes, next } = (await ask('GET', `/trail?${query}`)).body;
    return [changes.map(({ sequence, product }: TrailEntry) => `${sequence} ${product}`), next];
  };
  assert.equal(await page('after=0&limit=1'), [['1 Fox', `1 ${seed[1]?.name}`], 1]);
  assert.equal(await page('after=1&limit=2&product=fox'), [['3 Fox', '4 Fox'], 4]);
  assert.equal(await page('after=4&limit=2&product=fox'), [['5 Fox'], null]);
  assert.equal(await page(`after=1&product=${encodeURIComponent(seed[1]?.name ?? '')}`), [[], null]);
  assert.equal(await page('after=99'), [[], null]);
  const unknown = await ask('GET', '/trail?after=0&product=1984');
  assert.equal([unknown.status, unknown.body.error.reason], [404, 'unknown_product']);
  assert.is((await ask('GET', '/trail')).body.error.reason, 'invalid_query');
  assert.is((await ask('GET', '/trail?after=0&limit=0')).body.error.reason, 'invalid_query');
});

test('what is not what the contract says is a 400', async () => {
  const { ask } = createWorld();
  await ask('POST', '/fence', { term: 1, after: 0 });
  const reasonOf = async (body: unknown, path = '/movements') => {
    const answer = await ask('POST', path, body);
    assert.is(answer.status, 400);
    return answer.body.error.reason;
  };
  assert.is(await reasonOf('{"term":'), 'malformed_json');
  assert.is(await reasonOf({ term: 1, after: 2 }), 'invalid_body');
  assert.is(await reasonOf({ term: 1, after: -1, orders: [] }), 'invalid_body');
  assert.is(await reasonOf({ term: 1, after: 2, orders: [order('a', 0)] }), 'invalid_body');
  assert.is(await reasonOf({ term: 1, after: 2, orders: [order('a', 1.5)] }), 'invalid_body');
  assert.is(await reasonOf({ term: 1, after: 2, orders: [{ ...order('a'), order: { lines: [] } }] }), 'invalid_body');
  assert.is(await reasonOf({ term: 1, after: 2, orders: [{ key: 'x', cancel: {} }] }), 'invalid_body');
  assert.is(await reasonOf({ after: 1 }, '/fence'), 'invalid_body');
  assert.is(await reasonOf({ term: 2, after: 2, orders: [] }), 'not_fenced');
  assert.is((await ask('GET', '/movements')).body.error.reason, 'invalid_query');
  assert.is((await ask('GET', '/movements?after=x')).body.error.reason, 'invalid_query');
});

test('an unexpected error is told to us and not to the caller', async () => {
  const { ask, errors } = createWorld();
  const { status, body } = await ask('GET', '/movements?after=666');
  assert.is(status, 500);
  assert.not.match(JSON.stringify(body), 'secret');
  assert.match(String(errors), 'secret');
});

test('another method is a 405 that says which, another path a 404', async () => {
  const { ask } = createWorld();
  for (const [method, path, allow] of [
    ['POST', '/products', 'GET'],
    ['DELETE', '/products/Fox', 'GET'],
    ['PUT', '/movements', 'POST, GET'],
    ['GET', '/fence', 'POST'],
    ['POST', '/trail', 'GET'],
    ['POST', '/changes', 'GET'],
  ] as const) {
    const { status, headers, body } = await ask(method, path);
    assert.is(status, 405, path);
    assert.is(headers.get('allow'), allow);
    assert.is(body.error.code, 405);
  }
  assert.is((await ask('GET', '/nothing')).body.error.reason, 'unknown_route');
});

test('the stream of changes is NDJSON', async () => {
  const { ask, router, changes } = createWorld();
  const response = await router.fetch(new Request('http://localhost/changes'));
  assert.is(response.headers.get('content-type'), 'application/x-ndjson; charset=utf-8');
  await ask('POST', '/fence', { term: 1, after: 0 });
  changes.close();
  assert.equal(
    (await response.text())
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line)),
    [
      { type: 'hello', epoch: 'e', sequence: 1 },
      { type: 'changes', epoch: 'e', from: 2, to: 2, products: [] },
    ],
  );
});

test('health, readiness and metrics', async () => {
  const { ask, driver } = createWorld();
  await ask('POST', '/fence', { term: 1, after: 0 });
  const lines = [{ name: 'Fox', quantity: 9 }];
  const checkout = { id: 'i', lines, customer: 'Kim', card: '4242' };
  const note = { sink: 's', after: 0, delivered: 1, dead: [], again: [] };
  await ask('POST', '/movements', {
    term: 1,
    after: 2,
    orders: [
      order('a', 2),
      { key: 'c', fingerprint: 'f', checkout },
      { key: 'n', note },
      { key: 'x', cancel: { of: 'a' } },
    ],
  });
  const { status, body } = await ask('GET', '/metrics');
  assert.is(status, 200);
  for (const line of [
    'till_catalog_stock{product="Fox",service="catalog"} 5',
    'till_catalog_movements_total{kind="order",service="catalog"} 1',
    'till_catalog_movements_total{kind="cancel",service="catalog"} 1',
    'till_catalog_movements_total{kind="checkout",service="catalog"} 1',
    'till_catalog_movements_total{kind="note",service="catalog"} 1',
    'till_catalog_sequence{service="catalog"} 6',
    'till_catalog_queue_length{service="catalog"} 0',
    'till_catalog_term{service="catalog"} 1',
    'till_catalog_keys{service="catalog"} 3',
    'till_catalog_checkouts_waiting{service="catalog"} 1',
    'till_catalog_subscribers{service="catalog"} 0',
    'till_catalog_store_seconds_count{service="catalog"} 2',
    'till_catalog_batch_orders_count{service="catalog"} 2',
  ]) {
    assert.ok(body.includes(`${line}\n`), line);
  }
  assert.is((await ask('GET', '/healthz')).status, 200);
  assert.is((await ask('GET', '/readyz')).status, 200);
  await driver.drain();
  const stopped = await ask('GET', '/readyz');
  assert.equal([stopped.status, stopped.body.error.reason], [503, 'stopping']);
  const refused = await ask('POST', '/movements', { term: 1, after: 2, orders: [] });
  assert.equal([refused.status, refused.headers.get('retry-after')], [503, '1']);
  assert.is((await ask('GET', '/products/fox')).status, 200);
});

test.run();
