import { CallError } from '@till/shared/client';
import { sleep } from '@till/shared/clock';
import type { PlacedOrder } from '@till/shared/movement';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { createFakeCluster } from '../test/fake-cluster.ts';
import { createMemoryShop } from '../test/memory-shop.ts';
import { createOrderClient, type OrderReplica } from './order-client.ts';
import { QueueFull, Unavailable } from './unavailable.ts';

type Batch = { to: number; term: number; keys: string[] };
type Answer = Awaited<ReturnType<OrderReplica['orders']>>;
/** What the leader does with its next batch of orders; afterwards it decides them. */
type Script = (decide: () => Answer) => Promise<Answer> | Answer;

const closing: (() => void)[] = [];
test.after.each(() => {
  for (const close of closing.splice(0)) close();
});

const setUp = (options: { requestWaitMs?: number; queueLengthMax?: number } = {}) => {
  const shop = createMemoryShop();
  const cluster = createFakeCluster({ id: 3, term: 1 });
  const batches: Batch[] = [];
  const scripts: Script[] = [];
  const finds: number[] = [];
  const asked: string[] = [];
  /** What the leader answers to the next questions about its outbox instead. */
  const refusals: { term: number; ok: false; reason: string }[] = [];
  const client = createOrderClient({
    cluster,
    replica: (to) => ({
      orders: async ({ body }) => {
        const { term, orders } = body;
        batches.push({ to, term, keys: orders.map(({ key }) => key) });
        const decide = (): Answer => ({ term, ok: true, outcomes: shop.place(orders) });
        return (scripts.shift() ?? ((plain) => plain()))(decide);
      },
      find: async ({ body }) => {
        finds.push(body.queries.length);
        return { term: body.term, ok: true, found: body.queries.map((query) => shop.find(query)) };
      },
      outbox: async ({ body }) => {
        asked.push(`outbox of ${to} in ${body.term}`);
        return refusals.shift() ?? { term: body.term, ok: true, sinks: shop.sinks };
      },
      outboxEvent: async ({ body }) => ({ term: body.term, ok: true, ...shop.event(body.sequence) }),
      outboxReplay: async ({ body }) => ({
        term: body.term,
        ok: true,
        sinks: shop.replay(body.sequence, body.sink),
      }),
    }),
    requestWaitMs: options.requestWaitMs ?? 5000,
    ...(options.queueLengthMax === undefined ? {} : { queueLengthMax: options.queueLengthMax }),
  });
  closing.push(() => client.close());
  return { shop, cluster, batches, scripts, finds, asked, refusals, client };
};

const order = (key: string, quantity = 1, name = 'Tux'): PlacedOrder => ({
  key,
  fingerprint: `${name} ${quantity}`,
  order: { lines: [{ name, quantity }] },
});

const numberOf = async (placed: ReturnType<ReturnType<typeof setUp>['client']['place']>): Promise<number> => {
  const { result } = await placed;
  assert.is(result.status, 'accepted');
  return (result as { number: number }).number;
};

const failure = async (promise: Promise<unknown>): Promise<Unavailable> => {
  try {
    await promise;
  } catch (error) {
    if (error instanceof Unavailable) return error;
    throw error;
  }
  throw new Error('an answer where none was expected');
};

/** A promise, and the function that resolves it. */
const gate = () => {
  let open = (): void => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { open, opened };
};

/** A leader that holds each batch until it is let go, in whatever order. */
const holding = (scripts: Script[], batchesMax: number) => {
  const held = Array.from({ length: batchesMax }, () => ({ arrived: gate(), end: gate(), fails: false }));
  for (const one of held) {
    scripts.push(async (decide) => {
      one.arrived.open();
      await one.end.opened;
      if (one.fails) throw new CallError('broken', 'The connection broke');
      return decide();
    });
  }
  const at = (number: number) => held[number] as (typeof held)[number];
  return {
    arrived: (number: number) => at(number).arrived.opened,
    answer: (number: number) => at(number).end.open(),
    fail(number: number) {
      at(number).fails = true;
      at(number).end.open();
    },
  };
};
/** Long enough for whatever could be sent to be sent. */
const someRounds = async (): Promise<void> => {
  for (let round = 0; round < 10; round += 1) await new Promise((resolve) => setImmediate(resolve));
};
const keysOf = (batches: { keys: string[] }[]) => batches.map(({ keys }) => keys);

test('two batches are on their way, and the next one fills meanwhile', async () => {
  const { batches, scripts, client } = setUp();
  const leader = holding(scripts, 2);
  const first = [client.place(order('a')), client.place(order('b'))];
  await leader.arrived(0);
  const second = client.place(order('c'));
  await leader.arrived(1);
  const later = ['d', 'e'].map((key) => client.place(order(key)));
  await someRounds();
  assert.equal(client.stats().orders, { queued: 2, onTheWay: 3, batches: 0, items: 0, putBack: 0 });
  leader.answer(1);
  await second;
  leader.answer(0);
  await Promise.all([...first, ...later]);
  assert.equal(keysOf(batches), [['a', 'b'], ['c'], ['d', 'e']]);
  assert.equal(client.stats().orders, { queued: 0, onTheWay: 0, batches: 3, items: 5, putBack: 0 });
});

test('of two batches that fail, the one that came first goes again first', async () => {
  for (const order_ of [
    [0, 1],
    [1, 0],
  ] as const) {
    const { batches, scripts, client } = setUp();
    const leader = holding(scripts, 2);
    const first = client.place(order('a'));
    await leader.arrived(0);
    const second = client.place(order('b'));
    await leader.arrived(1);
    for (const number of order_) leader.fail(number);
    assert.equal(await Promise.all([first, second].map(numberOf)), [0, 1]);
    assert.equal(keysOf(batches).slice(2).flat(), ['a', 'b']);
  }
});

test('a batch that fails does not hold up another’s answer', async () => {
  const { scripts, client } = setUp();
  const leader = holding(scripts, 2);
  const first = client.place(order('a'));
  await leader.arrived(0);
  const second = client.place(order('b'));
  await leader.arrived(1);
  leader.fail(0);
  leader.answer(1);
  assert.equal(await Promise.all([first, second].map(numberOf)), [1, 0]);
});

test('what waits for a leader goes in the order in which it came, however often it was tried', async () => {
  const { batches, client, cluster } = setUp();
  cluster.lead(null);
  const keys = Array.from({ length: 2000 }, (_, at) => `k-${at}`);
  const placed = keys.map((key) => client.place(order(key)));
  while (client.stats().orders.putBack < 3) await sleep(1);
  cluster.lead({ id: 1, term: 2 });
  await Promise.all(placed);
  assert.equal(keysOf(batches).flat(), keys);
});

for (const kind of ['refused', 'broken', 'timeout', 'status', 'invalid'] as const) {
  test(`a batch whose call is ${kind} is sent again with the same keys`, async () => {
    const { batches, scripts, client, cluster } = setUp();
    scripts.push((decide) => {
      // The worst case: it was decided, and nobody heard of it.
      if (kind !== 'refused') decide();
      throw new CallError(kind, kind);
    });
    assert.equal(await Promise.all([client.place(order('a')), client.place(order('b'))].map(numberOf)), [0, 1]);
    assert.equal(
      batches.map(({ keys }) => keys),
      [
        ['a', 'b'],
        ['a', 'b'],
      ],
    );
    assert.equal(cluster.suspected, kind === 'refused' || kind === 'broken' ? [3] : []);
  });
}

for (const reason of ['not_leader', 'not_ready', 'too_few_in_sync', 'catalog_away', 'busy', 'unknown']) {
  test(`a batch that is answered ${reason} is sent again`, async () => {
    const { scripts, client } = setUp();
    scripts.push(() => ({ term: 1, ok: false, reason }));
    assert.is(await numberOf(client.place(order('a'))), 0);
    assert.is(client.stats().orders.putBack, 1);
  });
}

test('an answer under another term is dropped', async () => {
  const { scripts, client } = setUp();
  const wrong = { key: 'a', status: 'accepted', sequence: 9, number: 77, replayed: false } as const;
  scripts.push(() => ({ term: 2, ok: true, outcomes: [wrong] }));
  assert.is(await numberOf(client.place(order('a'))), 0);
});

test('an answer with too few outcomes is dropped', async () => {
  const { scripts, client } = setUp();
  scripts.push(() => ({ term: 1, ok: true, outcomes: [] }));
  assert.is(await numberOf(client.place(order('a'))), 0);
});

test('a batch that a hung leader holds goes to the next leader', async () => {
  const { batches, scripts, client, cluster } = setUp();
  const arrived = gate();
  scripts.push(() => {
    arrived.open();
    return new Promise(() => {});
  });
  const placed = numberOf(client.place(order('a')));
  await arrived.opened;
  cluster.lead(null);
  cluster.lead({ id: 2, term: 2 });
  assert.is(await placed, 0);
  assert.equal(batches, [
    { to: 3, term: 1, keys: ['a'] },
    { to: 2, term: 2, keys: ['a'] },
  ]);
});

test('orders wait for a leader, and then go at once', async () => {
  const { client, cluster, batches } = setUp();
  cluster.lead(null);
  const placed = numberOf(client.place(order('a')));
  await sleep(20);
  assert.is(batches.length, 0);
  cluster.lead({ id: 1, term: 4 });
  assert.is(await placed, 0);
  assert.equal(batches, [{ to: 1, term: 4, keys: ['a'] }]);
});

test('at the deadline an order without an answer fails with the last reason', async () => {
  const { client, cluster } = setUp({ requestWaitMs: 60 });
  cluster.lead(null, 'no_in_sync_replica');
  const error = await failure(client.place(order('a')));
  assert.is(error.reason, 'no_in_sync_replica');
  assert.not(error.joined);
  cluster.lead({ id: 3, term: 2 });
  assert.is(await numberOf(client.place(order('b'))), 0, 'the order that timed out is not sent any more');
});

test('each order has its own deadline', async () => {
  const { client, cluster } = setUp({ requestWaitMs: 100 });
  cluster.lead(null);
  const first = failure(client.place(order('a')));
  await sleep(50);
  const second = failure(client.place(order('b')));
  await Promise.all([first, second]);
  assert.equal(cluster.suspected, []);
});

test("a key whose caller gave up before anything was sent is nobody's, and does not make a repeat join", async () => {
  const { cluster, client } = setUp({ requestWaitMs: 30 });
  cluster.lead(null);
  for (let attempt = 0; attempt < 2; attempt += 1) assert.is((await failure(client.place(order('a')))).joined, false);
});

test('who repeats a key that is in flight joins it, and is told so at the deadline', async () => {
  const { client, scripts, batches } = setUp({ requestWaitMs: 300 });
  const { open, opened } = gate();
  scripts.push(async (decide) => {
    await opened;
    return decide();
  });
  const both = [failure(client.place(order('a'))), failure(client.place(order('a')))];
  assert.equal(
    (await Promise.all(both)).map(({ joined }) => joined),
    [false, true],
  );
  // Nobody waits any more, but it is still in flight.
  const third = client.place(order('a'));
  open();
  const { result, joined } = await third;
  assert.ok(joined);
  assert.equal(result, { key: 'a', status: 'accepted', sequence: 2, number: 0, replayed: false });
  assert.is(batches.length, 1);
});

test('the same key with another order does not join: it is for the catalog to say', async () => {
  const { client } = setUp();
  const [first, second] = await Promise.all([client.place(order('a')), client.place(order('a', 2))]);
  assert.is(first?.result.status, 'accepted');
  assert.is(second?.result.status, 'conflict');
});

test('a full queue refuses at once', async () => {
  const { client, cluster } = setUp({ requestWaitMs: 200, queueLengthMax: 2 });
  cluster.lead(null);
  const waiting = [client.place(order('a')), client.place(order('b'))].map(failure);
  try {
    await client.place(order('c'));
    assert.unreachable();
  } catch (error) {
    assert.instance(error, QueueFull);
  }
  await Promise.all(waiting);
});

test('who joins a key counts too', async () => {
  const { client, cluster } = setUp({ requestWaitMs: 200, queueLengthMax: 2 });
  cluster.lead(null);
  const waiting = [client.place(order('a')), client.place(order('a'))].map(failure);
  try {
    await client.place(order('a'));
    assert.unreachable();
  } catch (error) {
    assert.instance(error, QueueFull);
  }
  await Promise.all(waiting);
});

test('a batch is bounded in length and in bytes', async () => {
  const { client, batches } = setUp();
  await Promise.all(Array.from({ length: 600 }, (_, at) => client.place(order(`k${at}`, 1, 'GameStart'))));
  const long = (key: string): PlacedOrder => ({
    key,
    fingerprint: key,
    order: { lines: Array.from({ length: 100 }, () => ({ name: 'x'.repeat(200), quantity: 1 })), many: true },
  });
  await Promise.all(Array.from({ length: 20 }, (_, at) => client.place(long(`l${at}`))));
  assert.equal(
    batches.map(({ keys }) => keys.length),
    [512, 88, 8, 8, 4],
  );
});

test('two names of one order are shared only when both are the same', async () => {
  const { client, batches } = setUp();
  const named = { ...order('order 7'), alsoKey: 'k-1' };
  const answers = await Promise.all(
    [named, { ...named }, order('order 7'), { ...named, alsoKey: 'k-2' }].map((placed) => client.place(placed)),
  );
  assert.equal(
    answers.map(({ result, joined }) => [(result as { number: number }).number, joined]),
    [
      [0, false],
      [0, true],
      [0, false],
      [0, false],
    ],
  );
  assert.equal(
    batches.map(({ keys }) => keys),
    [['order 7', 'order 7', 'order 7']],
  );
});

test('cancellations and checkouts are placed with the orders, each once', async () => {
  const { client, batches } = setUp();
  const cancel = { key: 'cancel 7', cancel: { of: 'order 7' } };
  const lines = [{ name: 'Tux', quantity: 1 }];
  const checkout = { key: 'k', fingerprint: 'c', checkout: { id: 'c-1', lines, customer: 'Jo', card: '1111' } };
  const answers = await Promise.all(
    [order('order 7'), cancel, cancel, checkout, checkout].map((placed) => client.place(placed)),
  );
  assert.equal(
    answers.map(({ result, joined }) => [result.status, joined]),
    [
      ['accepted', false],
      ['cancelled', false],
      ['cancelled', true],
      ['queued', false],
      ['queued', true],
    ],
  );
  assert.is(batches.length, 1);
  assert.is((await client.checkout('c-1'))?.state, 'queued');
  assert.is(await client.checkout('c-2'), null);
  assert.equal((await client.find({ key: 'order 7' }))?.cancelled, true);
});

test('who only asks what is known never decides for who wants a decision, nor the other way round', async () => {
  const { client, batches } = setUp();
  const asking: PlacedOrder = { ...order('a'), onlyIfKnown: true };
  const answers = await Promise.all([asking, order('a'), asking, order('a')].map((placed) => client.place(placed)));
  assert.equal(
    answers.map(({ result: { status }, joined }) => [status, joined]),
    [
      ['not_known', false],
      ['accepted', false],
      ['not_known', true],
      ['accepted', true],
    ],
  );
  assert.equal(
    batches.map(({ keys }) => keys),
    [['a', 'a']],
  );
  const lines = [{ name: 'Tux', quantity: 1 }];
  const checkout = { key: 'c', fingerprint: 'c', checkout: { id: 'c-1', lines, customer: 'Jo', card: '1111' } };
  const both = await Promise.all([client.place(checkout), client.place({ ...checkout, onlyIfKnown: true })]);
  assert.equal(
    both.map(({ result: { status }, joined }) => [status, joined]),
    [
      ['queued', false],
      ['queued', false],
    ],
  );
});

test('who asks what is known is sent after all that came before, also when that is sent again', async () => {
  const { batches, client, cluster, scripts } = setUp();
  const leader = holding(scripts, 1);
  const first = client.place(order('a'));
  await leader.arrived(0);
  const asking = client.place({ ...order('a'), onlyIfKnown: true });
  const later = client.place(order('b'));
  await someRounds();
  assert.equal(keysOf(batches), [['a']]);
  cluster.lead({ id: 2, term: 2 });
  await later;
  assert.equal(keysOf(batches).slice(1).flat(), ['a', 'a', 'b']);
  assert.is((await first).result.status, 'accepted');
  const { result } = await asking;
  assert.ok(result.status === 'accepted' && result.replayed);
});

test('who has less time is answered sooner, and the others are not', async () => {
  const { client, cluster } = setUp();
  cluster.lead(null, 'no_in_sync_replica');
  const waiting = client.place(order('a'));
  const hurried = await failure(client.place(order('a'), 20));
  assert.equal([hurried.reason, hurried.joined], ['no_in_sync_replica', true]);
  assert.is((await failure(client.place(order('b'), 0))).joined, false);
  cluster.lead({ id: 3, term: 1 });
  assert.is(await numberOf(waiting), 0);
});

test('the leader is asked about its outbox, and the next one if it does not lead any more', async () => {
  const { client, cluster, shop, asked, refusals } = setUp();
  const dead = [{ sequence: 2, attempts: 60, error: 'gone' }];
  shop.sinks = [{ sink: 's', delivered: 2, lag: 0, dead, again: [], trying: [], pausedMs: 0 }];
  await client.place(order('a'));
  refusals.push({ term: 1, ok: false, reason: 'not_leader' });
  const asking = client.outbox();
  cluster.lead({ id: 2, term: 2 });
  assert.equal(await asking, shop.sinks);
  assert.is(asked.at(-1), 'outbox of 2 in 2');
  assert.equal(await client.outboxEvent(2), shop.event(2));
  assert.is((await client.outboxEvent(1)).event, null);
  assert.equal(await client.replay(2, null), ['s']);
  assert.equal(await client.replay(2, 'other'), []);
});

test('a leader that goes on refusing questions about its outbox is a reason', async () => {
  const { client, refusals } = setUp({ requestWaitMs: 60 });
  for (let times = 0; times < 100; times += 1) refusals.push({ term: 1, ok: false, reason: 'not_ready' });
  assert.is((await failure(client.outbox())).reason, 'not_ready');
});

test('queries are batched, and are never answered from before they were asked', async () => {
  const { client, finds } = setUp();
  await client.place(order('a'));
  const found = await Promise.all([client.find({ number: 0 }), client.find({ number: 0 }), client.find({ key: 'no' })]);
  assert.equal(
    found.map((one) => one?.key ?? null),
    ['a', 'a', null],
  );
  assert.equal(finds, [3]);
});

test('closing answers who waits', async () => {
  const { client, cluster } = setUp();
  cluster.lead(null);
  const waiting = [client.place(order('a')), client.place(order('a'))].map(failure);
  client.close();
  for (const { reason, joined } of await Promise.all(waiting))
    assert.equal({ reason, joined }, { reason: 'stopping', joined: false });
  assert.is((await failure(client.find({ number: 0 }))).reason, 'stopping');
});

test.run();
