/** The outbox against servers that really listen, with the log of a replica in memory. */
import { monotonicMs, sleep } from '@till/shared/clock';
import { createMetrics } from '@till/shared/metrics';
import { seededRandom } from '@till/shared/random';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type FakeShopify, startFakeShopify } from '../../../../test/fakes/shopify.ts';
import { startWebhookReceiver, type WebhookReceiver } from '../../../../test/fakes/webhook-receiver.ts';
import { createMemoryHost, type MemoryHost } from '../../test/memory-host.ts';
import { createRecordingLogger } from '../../test/recording-logger.ts';
import type { SinkLimits } from './core/types.ts';
import { createOutbox, type Outbox } from './delivery.ts';
import { outboxLimits, sinkLimits } from './limits.ts';
import { createOutboxMetrics } from './metrics.ts';
import { createShopifySink } from './sinks/shopify.ts';
import type { Sink } from './sinks/sink.ts';
import { createWebhookSink, webhookName } from './sinks/webhook.ts';

const SECRET = 'a-secret';
const TOKEN = 'shpat_secret';
const PRODUCTS = ['Fox', 'Tux', 'Owl'];
const WAIT_MS = 20_000;

let host: MemoryHost;
let shop: FakeShopify;
let receiver: WebhookReceiver;
let outboxes: Outbox[];
let lines: string[];
const registry = createMetrics('order-1');
const metrics = createOutboxMetrics(registry);

test.before.each(async () => {
  host = createMemoryHost();
  outboxes = [];
  lines = [];
  shop = await startFakeShopify({ token: TOKEN, products: PRODUCTS.map((sku) => ({ sku, quantity: 100 })) });
  receiver = await startWebhookReceiver({ secret: SECRET });
});
test.after.each(async () => {
  host.lead(null);
  for (const outbox of outboxes) await outbox.close();
  await shop.close();
  await receiver.close();
});

const quick: Partial<SinkLimits> = { pauseMs: 20, pauseMsMax: 100, noteEveryMs: 50, inheritedWaitMs: 50 };

const calls = { deadlineMs: 300 };
const webhook = (): Sink => createWebhookSink({ url: receiver.url, secret: SECRET, calls });
const start = (sinks?: Sink[], over: Partial<SinkLimits> = {}): Outbox => {
  const recording = createRecordingLogger();
  lines = recording.lines;
  const { logger } = recording;
  const { versionOf } = host;
  const shopify = () =>
    createShopifySink({
      url: shop.url,
      token: TOKEN,
      versionOf,
      now: monotonicMs,
      onSkipped: metrics.skipped,
      logger,
      calls,
    });
  const term = host.leading();
  const outbox = createOutbox({
    // A life of its own: when another one leads, it does not.
    host: { ...host, leading: () => (term === null || host.leading() === term ? host.leading() : null) },
    sinks: sinks ?? [shopify(), webhook()],
    limits: { ...sinkLimits({ outboxAttempts: 60 }), ...quick, ...over },
    now: monotonicMs,
    random: seededRandom(1),
    logger,
    metrics,
  });
  outboxes.push(outbox);
  return outbox;
};

const until = async (what: string, holds: () => boolean): Promise<void> => {
  for (const end = monotonicMs() + WAIT_MS; !holds(); await sleep(5)) {
    if (monotonicMs() > end) throw new Error(`Waited in vain for ${what}`);
  }
};
const statusOf = (outbox: Outbox, sink: string) => {
  const told = outbox.status(host.leading() ?? 0);
  const found = told.ok ? told.sinks.find((one) => one.sink === sink) : undefined;
  assert.ok(found, `no status of ${sink}`);
  return found;
};
const settled = (outbox: Outbox, sink: string) => () => statusOf(outbox, sink).lag === 0;
const hook = () => webhookName(receiver.url);
const received = (): number[] => receiver.events().map(({ data }) => data.sequence);
const firsts = (): number[] => [...new Set(received())];

/** Sells at random; the quantity that each product ends with. */
const sellMany = (count: number, seed = 7): Map<string, number> => {
  const random = seededRandom(seed);
  const ends = new Map<string, number>();
  for (let at = 1; at <= count; at += 1) {
    const some = PRODUCTS.filter(() => random() < 0.5);
    const names = some.length === 0 ? ['Fox'] : some;
    for (const name of names) ends.set(name, 10_000 * seed + at);
    host.sell(Object.fromEntries(names.map((name) => [name, 10_000 * seed + at])));
  }
  return ends;
};
const assertOrder = (): void => {
  const last = new Map<string, number>();
  const seen = new Set<number>();
  for (const { data } of receiver.events()) {
    if (seen.has(data.sequence)) continue;
    seen.add(data.sequence);
    for (const { name } of data.stock) {
      assert.ok((last.get(name) ?? 0) < data.sequence, `${name}: ${data.sequence} after ${last.get(name)}`);
      last.set(name, data.sequence);
    }
  }
};
const assertLevels = (ends: Map<string, number>): void => {
  assert.equal(shop.complaints(), []);
  for (const [name, quantity] of ends) assert.is(shop.levels().get(name), quantity, name);
};

test('every event goes to every sink, in the order of each product, and how far is noted', async () => {
  host.addOther();
  const ends = sellMany(60);
  const outbox = start();
  await until('all deliveries', settled(outbox, 'shopify'));
  await until('all deliveries', settled(outbox, hook()));
  assert.equal(
    received().toSorted((a, b) => a - b),
    Array.from({ length: 60 }, (_, at) => at + 2),
  );
  assertOrder();
  assertLevels(ends);
  await until('the notes', () => ['shopify', hook()].every((sink) => (host.notes(sink).at(-1)?.delivered ?? 0) >= 61));
  const { length } = host.log;
  await sleep(300);
  assert.is(host.log.length, length, 'notes are no reason for notes');
});

test('only who leads delivers, and who does not any more stops at once', async () => {
  host.lead(null);
  const outbox = start([webhook()]);
  host.sell({ Fox: 1 });
  await sleep(200);
  assert.is(receiver.calls(), 0);
  receiver.faults.next(1, { hang: true });
  host.lead(2);
  await until('the first attempt', () => receiver.calls() === 1);
  host.sell({ Tux: 1 });
  host.lead(null);
  await sleep(200);
  const calls = receiver.calls();
  await sleep(200);
  assert.is(receiver.calls(), calls);
  assert.equal(outbox.status(2), { term: 2, ok: false, reason: 'not_leader' });
  host.lead(3);
  await until('the rest', settled(outbox, hook()));
  assert.equal(firsts().toSorted(), [1, 2]);
});

test('one leader after another, with answers that are lost, slow and late: nothing is lost, nothing out of order', async () => {
  const random = seededRandom(3);
  const troubles = [
    { drop: true, afterEffect: true },
    { drop: true },
    { status: 503, afterEffect: true },
    { hang: true, afterEffect: true },
    { delayMs: 100 },
  ];
  let ends = new Map<string, number>();
  for (let term = 1; term <= 6; term += 1) {
    host.lead(term);
    start();
    ends = new Map([...ends, ...sellMany(30, term)]);
    for (const { faults } of [shop, receiver]) {
      // Never so many that the breaker opens, which would be for ten seconds.
      for (const fault of troubles) {
        faults.next(1, fault);
        faults.next(3, {});
      }
    }
    // The leader ends somewhere in the middle.
    const share = random();
    await until('some deliveries', () => firsts().length > 30 * (term - 1 + share));
    host.lead(null);
    await sleep(outboxLimits.tickMs * 2);
  }
  shop.faults.clear();
  receiver.faults.clear();
  host.lead(7);
  const outbox = start();
  await until('all deliveries', settled(outbox, 'shopify'));
  await until('all deliveries', settled(outbox, hook()));
  assertOrder();
  assertLevels(ends);
  const events = host.log.filter(({ kind }) => kind === 'order').map(({ sequence }) => sequence);
  assert.equal(
    firsts().toSorted((a, b) => a - b),
    events,
  );
});

test('an event that is refused becomes a dead letter; it is told, shown, and sent again when asked', async () => {
  const outbox = start([webhook()], { attemptsMax: 3, attemptsInFlightMax: 1 });
  receiver.faults.next(3, { status: 410 });
  const sequence = host.sell({ Fox: 1 });
  await until('the dead letter', () => statusOf(outbox, hook()).dead.length === 1);
  const letter = { sequence, attempts: 3, error: `${hook()} answered 410` };
  assert.equal(statusOf(outbox, hook()).dead, [letter]);
  await until('the note', () => host.notes(hook()).at(-1)?.dead.length === 1);
  assert.ok(lines.some((line) => line.startsWith('error: gave an event up')));
  host.sell({ Fox: 0 });
  await until('the next one', () => received().length === 1);

  const shown = outbox.event(1, sequence);
  assert.ok(shown.ok);
  assert.is(shown.event?.id, `store-1/${sequence}`);
  assert.equal(shown.sinks, [{ sink: hook(), state: 'dead', attempts: 3, error: letter.error }]);

  assert.equal(await outbox.replay(1, sequence, 'nobody'), { term: 1, ok: true, sinks: [] });
  assert.equal(await outbox.replay(1, sequence + 1, null), { term: 1, ok: true, sinks: [] });
  const note = host.notes(hook()).length;
  assert.equal(await outbox.replay(1, sequence, hook()), { term: 1, ok: true, sinks: [hook()] });
  assert.ok(
    host
      .notes(hook())
      .slice(note - 1)
      .some(({ again }) => again.length === 1),
    'answered when it is recorded',
  );
  await until('the repeat', () => received().includes(sequence));
  await until('the end of the dead letter', () => host.notes(hook()).at(-1)?.dead.length === 0);
  assert.equal(statusOf(outbox, hook()).dead, []);
  const after = outbox.event(1, sequence);
  assert.is(after.ok && after.sinks[0]?.state, 'delivered');
});

test('the shop gets a dead letter under a key of its own', async () => {
  const outbox = start(undefined, { attemptsMax: 2 });
  shop.refuse(2, { code: 'INVALID_REASON', message: 'no' });
  const sequence = host.sell({ Fox: 1 });
  await until('the dead letter', () => statusOf(outbox, 'shopify').dead.length === 1);
  assert.equal(await outbox.replay(1, sequence, null), { term: 1, ok: true, sinks: ['shopify'] });
  await until('the repeat', () => shop.levels().get('Fox') === 1);
  const asked = host.notes('shopify').flatMap(({ again }) => again)[0]?.asked;
  assert.is(shop.calls().at(-1)?.key, `till-store-1-${sequence}.${asked}`);
});

test('a request that cannot be recorded in time is not known', async () => {
  const outbox = start([webhook()], { attemptsMax: 1 });
  receiver.faults.next(1, { status: 410 });
  const sequence = host.sell({ Fox: 1 });
  await until('the note', () => host.notes(hook()).at(-1)?.dead.length === 1);
  host.failNotes(1000, 'busy');
  assert.equal(await outbox.replay(1, sequence, null), { term: 1, ok: false, reason: 'unknown' });
});

test('what is no event has none, and another term hears nothing', async () => {
  host.addOther();
  host.sell({ Fox: 1 });
  const outbox = start([webhook()]);
  for (const sequence of [0, 1, 3]) {
    assert.equal(outbox.event(1, sequence), { term: 1, ok: true, event: null, sinks: [] });
  }
  const refused = { term: 9, ok: false, reason: 'not_leader' };
  assert.equal(outbox.status(9), refused);
  assert.equal(outbox.event(9, 2), refused);
  assert.equal(await outbox.replay(9, 2, null), refused);
});

test('a note that fails, or whose answer is lost, is made all the same, and once', async () => {
  host.failNotes(1, 'busy');
  host.failNotes(1, 'lost');
  const outbox = start([webhook()]);
  host.sell({ Fox: 1 });
  await until('the delivery', settled(outbox, hook()));
  await until('the note', () => host.notes(hook()).length === 1);
  host.sell({ Fox: 0 });
  await until('the next note', () => host.notes(hook()).length === 2);
  assert.not.ok(lines.some((line) => line.startsWith('error')));
});

test('a note of somebody else is where it begins anew', async () => {
  const outbox = start([webhook()]);
  host.sell({ Fox: 1 });
  await until('the note', () => host.notes(hook()).length === 1);
  const after = host.notes(hook()).at(-1)?.sequence ?? 0;
  const note = { sink: hook(), after, delivered: 1, dead: [{ sequence: 1, attempts: 1, error: 'e' }], again: [] };
  await host.place(1, [{ key: 'note', note }]);
  host.sell({ Fox: 0 });
  await until('the third note', () => host.notes(hook()).length >= 3);
  assert.equal(host.notes(hook()).at(-1)?.dead, note.dead);
  assert.ok(lines.some((line) => line.includes('beginning anew')));
  await until('the end', settled(outbox, hook()));
});

test('a long backlog is caught up with, with few events in mind', async () => {
  const ends = sellMany(2000);
  let underWay = 0;
  let most = 0;
  const levels = new Map<string, number>();
  const own: Sink = {
    name: 'own',
    async deliver({ movement }) {
      underWay += 1;
      most = Math.max(most, underWay);
      await sleep(0);
      for (const { name, after } of movement.stock) levels.set(name, after);
      underWay -= 1;
      return { kind: 'delivered' };
    },
    async close() {},
  };
  const outbox = start([own], { unsettledMax: 50 });
  await until('the end', () => settled(outbox, 'own')() && host.notes('own').length > 0);
  assert.equal(levels, ends);
  assert.ok(most > 1 && most <= 8, `${most} at once`);
});

test('a sink that throws refuses, and the log says what it was', async () => {
  const broken: Sink = {
    name: 'broken',
    deliver: async () => {
      throw new Error('our own mistake');
    },
    async close() {},
  };
  const outbox = start([broken], { attemptsMax: 2, deadMax: 1 });
  host.sell({ Fox: 1 });
  host.sell({ Tux: 1 });
  await until('a dead letter', () => statusOf(outbox, 'broken').dead.length === 1);
  assert.ok(lines.some((line) => line.includes('something unexpected')));
  await until('the complaint', () => lines.some((line) => line.includes('too many dead letters')));
  assert.is(statusOf(outbox, 'broken').trying.length, 1);
});

test('a sink that takes nothing is paused, which is told once, and so is its return', async () => {
  const outbox = start([webhook()]);
  receiver.faults.next(3, { status: 503 });
  for (const name of PRODUCTS) host.sell({ [name]: 1 });
  await until('the pause', () => statusOf(outbox, hook()).pausedMs > 0);
  await until('the end', settled(outbox, hook()));
  assert.is(lines.filter((line) => line.includes('takes nothing')).length, 1);
  assert.is(lines.filter((line) => line.includes('takes events again')).length, 1);
});

test('an orderly end notes what has been delivered, and nothing goes out after it', async () => {
  const outbox = start([webhook()], { noteEveryMs: 60_000 });
  host.sell({ Fox: 1 });
  await until('the delivery', settled(outbox, hook()));
  assert.is(host.notes(hook()).length, 0);
  await outbox.close();
  assert.is(host.notes(hook()).at(-1)?.delivered, 1);
  host.sell({ Fox: 0 });
  await sleep(200);
  assert.equal(received(), [1]);
  assert.is(outbox.status(1).ok, false);
});

test('an orderly end waits a little for what is under way, and no longer', async () => {
  const outbox = start([webhook()], { noteEveryMs: 60_000 });
  receiver.faults.next(1, { delayMs: 100 });
  host.sell({ Fox: 1 });
  await until('the attempt', () => receiver.calls() === 1);
  await outbox.close();
  assert.is(host.notes(hook()).at(-1)?.delivered, 1);
  const other = start([webhook()]);
  receiver.faults.next(1, { hang: true });
  host.sell({ Fox: 0 });
  await until('the attempt', () => receiver.calls() === 2);
  await other.close();
});

test('nothing of secrets and addresses is in any log line', async () => {
  const outbox = start(undefined, { attemptsMax: 2 });
  for (const { faults } of [shop, receiver]) {
    faults.next(1, { status: 503 });
    faults.next(1, { drop: true });
    faults.next(1, { status: 410 });
  }
  for (const name of PRODUCTS) host.sell({ [name]: 1 });
  await until('the end', settled(outbox, hook()));
  await until('the end', settled(outbox, 'shopify'));
  assert.ok(lines.length > 0);
  for (const secret of [SECRET, TOKEN, 'in-the-address', '127.0.0.1']) {
    assert.not.ok(
      lines.some((line) => line.includes(secret)),
      secret,
    );
  }
});

test('numbers for Prometheus: attempts, deliveries, lag and dead letters of each sink', async () => {
  const outbox = start([webhook()], { attemptsMax: 1, attemptsInFlightMax: 1 });
  receiver.faults.next(1, { status: 410 });
  host.sell({ Fox: 1 });
  host.sell({ Tux: 1 });
  await until('the end', settled(outbox, hook()));
  await until('the dead letter', () => statusOf(outbox, hook()).dead.length === 1);
  const text = await registry.text();
  const numberOf = (name: string, labels: string) =>
    new RegExp(`^${name}\\{${labels},?service="order-1"\\} (\\d+)$`, 'm').exec(text)?.[1];
  const sink = `sink="${hook()}"`;
  assert.is(numberOf('till_outbox_attempts_total', `${sink},result="refused"`), '1');
  assert.is(numberOf('till_outbox_attempts_total', `${sink},result="delivered"`), '1');
  assert.is(numberOf('till_outbox_deliveries_total', `${sink},result="dead"`), '1');
  assert.is(numberOf('till_outbox_deliveries_total', `${sink},result="delivered"`), '1');
  assert.is(numberOf('till_outbox_dead_letters', sink), '1');
  assert.is(numberOf('till_outbox_lag', sink), '0');
});

test.run();
