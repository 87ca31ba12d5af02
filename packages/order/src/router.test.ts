import { orderContract } from '@till/shared/contract';
import type { PlacedOrder } from '@till/shared/movement';
import { decodeWithLines, encodeWithLines } from '@till/shared/with-lines';
import { Compile } from 'typebox/compile';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { accepted, append, create, member, placed, probe, record } from '../test/lab.ts';
import type { Driver } from './driver.ts';
import { createOrderMetrics } from './metrics.ts';
import type { Outbox } from './outbox/delivery.ts';
import { peerContract } from './peer-contract.ts';
import { toSend } from './peer-messages.ts';
import { statusOf } from './replica/state.ts';
import type { Message } from './replica/types.ts';
import { createRouter } from './router.ts';

const replica = create({ id: 3, log: 't1 m' });
const metrics = createOrderMetrics(replica);

const createOutbox = (calls: unknown[][]): Outbox => ({
  status(term) {
    calls.push(['outbox', term]);
    return { term, ok: true, sinks: [] };
  },
  event(term, sequence) {
    calls.push(['outboxEvent', term, sequence]);
    return { term, ok: true, event: null, sinks: [] };
  },
  async replay(term, sequence, sink) {
    calls.push(['outboxReplay', term, sequence, sink]);
    return { term, ok: false, reason: 'not_leader' };
  },
  async close() {},
});

const createWorld = (over: Partial<Driver> = {}) => {
  const calls: unknown[][] = [];
  const errors: unknown[] = [];
  const state: { whyNotReady: string | null } = { whyNotReady: null };
  const driver: Driver = {
    health(told) {
      calls.push(['health', told]);
      return statusOf(replica);
    },
    async place(term, orders) {
      calls.push(['place', term, orders]);
      return { ok: true, outcomes: orders.map(({ key }, at) => accepted(key, at + 1)) };
    },
    find(term, queries) {
      calls.push(['find', term, queries]);
      return { ok: false, reason: 'not_leader' };
    },
    peers: {
      send() {},
      async answer(from, message) {
        calls.push(['answer', from, message]);
        return message.type === 'probe' ? { type: 'refuse', term: 7 } : null;
      },
      sweep() {},
      async close() {},
    },
    outbox: {
      leading: () => null,
      storeId: () => 'store',
      committedSequence: () => 0,
      movements: () => [],
      noteOf: () => null,
      place: async () => ({ ok: false, reason: 'not_leader' }),
    },
    async leave() {},
    async close() {},
    ...over,
  };
  const router = createRouter({
    driver,
    outbox: createOutbox(calls),
    metrics,
    whyNotReady: () => state.whyNotReady,
    onError: (error) => errors.push(error),
  });
  const ask = async (method: string, path: string, body?: unknown) => {
    const text = typeof body === 'string' ? body : JSON.stringify(body);
    const response = await router.fetch(
      new Request(`http://localhost${path}`, { method, ...(body === undefined ? {} : { body: text }) }),
    );
    const answer = await response.text();
    const isJson = response.headers.get('content-type')?.startsWith('application/json') === true;
    return { status: response.status, headers: response.headers, body: isJson ? JSON.parse(answer) : answer };
  };
  return { ask, calls, errors, state };
};

test('a health check takes the record and what was refused, and says how the replica is', async () => {
  const { ask, calls } = createWorld();
  const told = { record: record({ leader: member(1) }), refused: { proposal: 2, version: 5 } };
  const { status, body } = await ask('POST', '/health', told);
  assert.is(status, 200);
  assert.ok(Compile(orderContract.health.response).Check(body));
  assert.equal(body, statusOf(replica));
  await ask('POST', '/health', { record: null, refused: null });
  assert.equal(calls, [
    ['health', told],
    ['health', { record: null, refused: null }],
  ]);
});

test('a health check says what harm is switched on, if there is any', async () => {
  const driver = { health: () => statusOf(replica) } as unknown as Driver;
  const router = createRouter({
    driver,
    outbox: createOutbox([]),
    metrics,
    chaos: 'crashes',
    whyNotReady: () => null,
    onError: () => {},
  });
  const body = JSON.stringify({ record: null, refused: null });
  const response = await router.fetch(new Request('http://localhost/health', { method: 'POST', body }));
  const answer = await response.json();
  assert.equal(answer, { ...statusOf(replica), chaos: 'crashes' });
  assert.ok(Compile(orderContract.health.response).Check(answer));
});

test('orders are placed in the term they name', async () => {
  const { ask, calls } = createWorld();
  const orders: PlacedOrder[] = [placed('a'), placed('b')];
  const { status, body } = await ask('POST', '/orders', { term: 4, orders });
  assert.is(status, 200);
  assert.ok(Compile(orderContract.orders.response).Check(body));
  assert.equal(body, { term: 4, ok: true, outcomes: [accepted('a', 1), accepted('b', 2)] });
  assert.equal(calls, [['place', 4, orders]]);
});

test('why a batch was not decided is an answer too', async () => {
  const { ask } = createWorld({ place: async () => ({ ok: false, reason: 'catalog_away' }) });
  const { status, body } = await ask('POST', '/orders', { term: 4, orders: [] });
  assert.is(status, 200);
  assert.equal(body, { term: 4, ok: false, reason: 'catalog_away' });
});

test('orders are found in the term that is asked for', async () => {
  const order = { number: 0, key: 'a', sequence: 1, order: placed('a').order };
  const queries = [{ number: 0 }, { key: 'b' }];
  const { ask, calls } = createWorld();
  const refused = await ask('POST', '/find', { term: 4, queries });
  assert.equal(refused.body, { term: 4, ok: false, reason: 'not_leader' });
  assert.equal(calls, [['find', 4, queries]]);
  const { ask: askLeader } = createWorld({ find: () => ({ ok: true, found: [order, null] }) });
  const { body } = await askLeader('POST', '/find', { term: 4, queries });
  assert.ok(Compile(orderContract.find.response).Check(body));
  assert.equal(body, { term: 4, ok: true, found: [order, null] });
});

test('the outbox is asked in a term, and so are its events and repeats', async () => {
  const { ask, calls } = createWorld();
  const status = await ask('POST', '/outbox', { term: 4 });
  assert.ok(Compile(orderContract.outbox.response).Check(status.body));
  assert.equal(status.body, { term: 4, ok: true, sinks: [] });
  const event = await ask('POST', '/outbox/show', { term: 4, sequence: 9 });
  assert.ok(Compile(orderContract.outboxEvent.response).Check(event.body));
  assert.equal(event.body, { term: 4, ok: true, event: null, sinks: [] });
  const replay = await ask('POST', '/outbox/replay', { term: 4, sequence: 9, sink: 'shopify' });
  assert.ok(Compile(orderContract.outboxReplay.response).Check(replay.body));
  assert.equal(replay.body, { term: 4, ok: false, reason: 'not_leader' });
  await ask('POST', '/outbox/replay', { term: 4, sequence: 9, sink: null });
  assert.equal(calls, [
    ['outbox', 4],
    ['outboxEvent', 4, 9],
    ['outboxReplay', 4, 9, 'shopify'],
    ['outboxReplay', 4, 9, null],
  ]);
});

test('a message of a peer gets what goes back, or nothing', async () => {
  const { ask, calls } = createWorld();
  const message: Message = probe({ term: 3 });
  const { status, body } = await ask('POST', '/messages', encodeWithLines({ from: 2, message, lines: [] }, 'lines'));
  assert.is(status, 200);
  const said = decodeWithLines(body, 'lines');
  assert.ok(Compile(peerContract.message.response).Check(said));
  assert.equal(said, { message: { type: 'refuse', term: 7 }, lines: [] });
  const refuse = { from: 2, message: { type: 'refuse', term: 1 }, lines: [] };
  const empty = await ask('POST', '/messages', encodeWithLines(refuse, 'lines'));
  assert.equal(decodeWithLines(empty.body, 'lines'), { message: null, lines: [] });
  assert.equal(calls, [
    ['answer', 2, message],
    ['answer', 2, { type: 'refuse', term: 1 }],
  ]);
});

for (const [path, body] of [
  ['/health', { record: null }],
  ['/health', { record: { storeId: 'store' }, refused: null }],
  ['/orders', { term: -1, orders: [] }],
  ['/orders', { term: 1, orders: [{ ...placed('a'), key: '' }] }],
  ['/find', { term: 1, queries: [{ name: 'Fox' }] }],
  ['/outbox', {}],
  ['/outbox/show', { term: 1, sequence: -1 }],
  ['/outbox/replay', { term: 1, sequence: 2 }],
  ['/messages', { from: 0, message: probe(), lines: [] }],
  ['/messages', { from: 2, message: { type: 'hello', term: 1 }, lines: [] }],
  ['/messages', { from: 2, message: probe() }],
  ['/messages', { from: 2, message: toSend(append([], 0)).message, lines: ['{"index":1}'] }],
] as const) {
  test(`${path} refuses ${JSON.stringify(body)}, and nothing hears of it`, async () => {
    const { ask, calls } = createWorld();
    const answer = await ask('POST', path, body);
    assert.is(answer.status, 400);
    assert.is(answer.body.error.reason, 'invalid_body');
    assert.equal(calls, []);
  });
}

test('a body that is not JSON is refused', async () => {
  const { ask } = createWorld();
  const { status, body } = await ask('POST', '/orders', '{"term":');
  assert.is(status, 400);
  assert.is(body.error.reason, 'malformed_json');
});

for (const path of ['/health', '/orders', '/find', '/messages']) {
  test(`${path} takes no other method, and says which it takes`, async () => {
    const { ask, calls } = createWorld();
    for (const method of ['GET', 'PUT', 'DELETE']) {
      const { status, headers, body } = await ask(method, path);
      assert.is(status, 405);
      assert.is(headers.get('allow'), 'POST');
      assert.is(body.error.code, 405);
      assert.is(body.error.reason, 'wrong_method');
    }
    assert.equal(calls, []);
  });
}

test('there is nothing else', async () => {
  const { ask } = createWorld();
  for (const [method, path] of [
    ['GET', '/'],
    ['POST', '/orders/1'],
    ['GET', '/state.json'],
  ] as const) {
    const { status, body } = await ask(method, path);
    assert.is(status, 404);
    assert.equal(body, { error: { code: 404, message: 'There is nothing here', reason: 'unknown_route' } });
  }
});

test('a mistake of ours is told to the log, not to the caller', async () => {
  const mistake = new Error('EIO in /home/secret');
  const { ask, errors } = createWorld({
    place: () => Promise.reject(mistake),
    health() {
      throw mistake;
    },
  });
  for (const [path, given] of [
    ['/orders', { term: 1, orders: [] }],
    ['/health', { record: null, refused: null }],
  ] as const) {
    const { status, body } = await ask('POST', path, given);
    assert.is(status, 500);
    assert.is(body.error.reason, 'internal');
    assert.not.match(body.error.message, 'secret');
  }
  assert.equal(errors, [mistake, mistake]);
});

test('operators hear whether the replica lives, whether it is ready, and its numbers', async () => {
  const { ask, state } = createWorld();
  assert.equal((await ask('GET', '/healthz')).body, { data: { alive: true } });
  assert.equal((await ask('GET', '/readyz')).body, { data: { ready: true } });
  state.whyNotReady = 'halted';
  const { status, body } = await ask('GET', '/readyz');
  assert.is(status, 503);
  assert.is(body.error.reason, 'halted');
  metrics.batch(2);
  metrics.stored(3, 5);
  const { body: text } = await ask('GET', '/metrics');
  for (const line of [
    'till_term{service="order-3"} 1',
    'till_leading{service="order-3"} 0',
    'till_log_last_index{service="order-3"} 2',
    'till_log_commit_index{service="order-3"} 0',
    'till_orders_queued{service="order-3"} 0',
    'till_in_sync_replicas{service="order-3"} 3',
    'till_catalog_batch_orders_sum{service="order-3"} 2',
    'till_log_entries_total{service="order-3"} 3',
    'till_log_store_seconds_sum{service="order-3"} 0.005',
  ])
    assert.ok(text.split('\n').includes(line), `${line} is missing in\n${text}`);
});

test.run();
