import { monotonicMs, sleep } from '@till/shared/clock';
import { Problem } from '@till/shared/errors';
import { createMetrics } from '@till/shared/metrics';
import type { Line } from '@till/shared/movement';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type FakeWarehouse, startFakeWarehouse } from '../../../test/fakes/warehouse.ts';
import { createWarehouse, type Warehouse } from './warehouse.ts';

const HOUR_MS = 60 * 60 * 1000;
const IN_TIME = { deadlineMs: 20_000 };

const closing: (() => Promise<void>)[] = [];
test.after.each(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

type Setup = {
  fake: FakeWarehouse;
  warehouse: Warehouse;
  clock: { nowMs: number };
  words: string[];
  metrics(): Promise<string[]>;
};
const start = async (stock: Record<string, number>, waitMs = 4000): Promise<Setup> => {
  const clock = { nowMs: 0 };
  const fake = await startFakeWarehouse({ stock });
  const words: string[] = [];
  const metrics = createMetrics('front');
  const log = (fields: object | string, message?: string) => {
    words.push(message ?? String(fields));
  };
  const warehouse = createWarehouse({
    url: fake.url,
    holdMs: HOUR_MS,
    waitMs,
    metrics,
    logger: { info: log, warn: log },
    nowMs: () => clock.nowMs,
  });
  closing.push(fake.close, warehouse.close);
  return {
    fake,
    warehouse,
    clock,
    words,
    metrics: async () => (await metrics.text()).split('\n').filter((line) => line.startsWith('till_warehouse')),
  };
};

const lines = (...pairs: [string, number][]): Line[] => pairs.map(([name, quantity]) => ({ name, quantity }));
const down = async (check: Promise<unknown>): Promise<Problem> => {
  try {
    await check;
  } catch (error) {
    assert.instance(error, Problem, String(error));
    assert.is((error as Problem).status, 503);
    assert.is((error as Problem).reason, 'warehouse_down');
    return error as Problem;
  }
  throw new Error('The check should have failed');
};
const until = async (what: string, condition: () => boolean): Promise<void> => {
  for (const endMs = monotonicMs() + 20_000; !condition(); await sleep(5)) {
    if (monotonicMs() > endMs) throw new Error(`Waited in vain for ${what}`);
  }
};

test('enough of everything: ok, one question per product', async () => {
  const { fake, warehouse } = await start({ Fox: 3, 'Füchsin / 50% & ?': 1, Whale: 10 });
  const asked = lines(['Fox', 1], ['Füchsin / 50% & ?', 1], ['FOX', 2], ['Whale', 10]);
  assert.equal(await warehouse.check(asked, IN_TIME), { ok: true });
  assert.equal(fake.calls().sort(), ['Fox', 'Füchsin / 50% & ?', 'Whale'].sort());
});

test('too few: the lines of a product are added up', async () => {
  const { fake, warehouse } = await start({ Fox: 3, Whale: 0, Tux: -2 });
  assert.equal(await warehouse.check(lines(['Fox', 2], ['fox', 2]), IN_TIME), {
    ok: false,
    short: 'Cannot buy 4 of "Fox": 3 left in the warehouse',
  });
  assert.equal(await warehouse.check(lines(['Fox', 3], ['Whale', 1], ['Fox', 1]), IN_TIME), {
    ok: false,
    short: 'Cannot buy 4 of "Fox": 3 left in the warehouse',
  });
  const owing = { ok: false, short: 'Cannot buy 1 of "Tux": 0 left in the warehouse' };
  assert.equal(await warehouse.check(lines(['Tux', 1]), IN_TIME), owing);
  fake.stock.Fox = 4;
  assert.equal(await warehouse.check(lines(['Fox', 2], ['fox', 2]), IN_TIME), { ok: true });
});

test('unknown, before too few, and it is no failure of the warehouse', async () => {
  const { fake, warehouse } = await start({ Fox: 3 });
  for (let at = 0; at < 20; at += 1) {
    assert.equal(await warehouse.check(lines(['Fox', 4], ['Unicorn', 1], ['Dragon', 1]), IN_TIME), {
      ok: false,
      unknown: 'Unicorn',
    });
  }
  assert.is(fake.calls().length, 60);
  assert.equal(await warehouse.check(lines(['Fox', 3]), IN_TIME), { ok: true });
});

test('all products are asked about at the same time', async () => {
  const { fake, warehouse } = await start({ Fox: 1, Whale: 1, Tux: 1 });
  fake.faults.always({ delayMs: 300 });
  const check = warehouse.check(lines(['Fox', 1], ['Whale', 1], ['Tux', 1]), IN_TIME);
  let answered = false;
  void check.then(() => {
    answered = true;
  });
  await until('three questions', () => fake.calls().length === 3);
  assert.not(answered, 'all were asked before the first was answered');
  assert.equal(await check, { ok: true });
});

test('a failure is tried three times more', async () => {
  const { fake, warehouse } = await start({ Fox: 1 });
  fake.faults.next(3, { status: 500 });
  assert.equal(await warehouse.check(lines(['Fox', 1]), IN_TIME), { ok: true });
  assert.is(fake.calls().length, 4);
  fake.faults.next(4, { status: 503 });
  await down(warehouse.check(lines(['Fox', 1]), IN_TIME));
  assert.is(fake.calls().length, 8);
});

test('down: garbage, statuses and answers to another question are never "out of stock"', async () => {
  const answers = [
    '',
    'garbage',
    'null',
    '[]',
    '{"sku":"Fox"}',
    '{"available":5}',
    '{"sku":"Fox","available":"5"}',
    '{"sku":"Fox","available":1.5}',
    '{"sku":"Fox","available":null}',
    '{"sku":"Whale","available":5}',
  ].map((body) => ({ status: 200, body }));
  const statuses = [204, 301, 400, 401, 403, 429, 500].map((status) => ({ status }));
  const tries = [...answers, ...statuses, { drop: true }].map(async (fault) => {
    const { fake, warehouse } = await start({ Fox: 5, Whale: 5 });
    fake.faults.always(fault);
    await down(warehouse.check(lines(['Fox', 1]), IN_TIME));
  });
  await Promise.all(tries);
});

test('down is remembered: no question during the hold, then exactly one probes', async () => {
  const { fake, warehouse, clock, words, metrics } = await start({ Fox: 5, Whale: 5 });
  const check = () => warehouse.check(lines(['Fox', 1], ['Whale', 1]), IN_TIME);
  fake.faults.always({ status: 500 });
  const first = await down(warehouse.check(lines(['Fox', 1]), IN_TIME));
  assert.is(first.headers?.['retry-after'], '3600');
  assert.is(fake.calls().length, 4);
  clock.nowMs += HOUR_MS - 1500;
  const held = await Promise.all(Array.from({ length: 10 }, () => down(check())));
  assert.is(held[0]?.headers?.['retry-after'], '2');
  assert.is(fake.calls().length, 4);

  clock.nowMs += 1500;
  await Promise.all(Array.from({ length: 10 }, () => down(check())));
  assert.is(fake.calls().length, 5, 'one probe, and it is not repeated');
  clock.nowMs += HOUR_MS - 1;
  await down(check());
  assert.is(fake.calls().length, 5, 'held again');

  clock.nowMs += 1;
  fake.faults.clear();
  const back = await Promise.allSettled(Array.from({ length: 10 }, check));
  assert.equal(
    back.map(({ status }) => status),
    ['fulfilled', ...Array.from({ length: 9 }, () => 'rejected')],
    'who probes gets its whole answer, nobody waits for it',
  );
  assert.is(fake.calls().length, 7);
  assert.equal(await check(), { ok: true });
  assert.equal(words, ['the warehouse is down', 'the warehouse is down', 'the warehouse answers again']);
  const told = await metrics();
  assert.ok(told.includes('till_warehouse_state{service="front"} 0'), told.join('\n'));
  assert.ok(told.includes('till_warehouse_checks_total{result="down",service="front"} 31'), told.join('\n'));
  assert.ok(told.includes('till_warehouse_checks_total{result="ok",service="front"} 2'), told.join('\n'));
});

test('nobody listens, then somebody does', async () => {
  const { fake, warehouse, clock } = await start({ Fox: 5 });
  await fake.refuse();
  await down(warehouse.check(lines(['Fox', 1]), IN_TIME));
  await fake.accept();
  await down(warehouse.check(lines(['Fox', 1]), IN_TIME));
  assert.is(fake.calls().length, 0);
  clock.nowMs += HOUR_MS;
  assert.equal(await warehouse.check(lines(['Fox', 1]), IN_TIME), { ok: true });
});

test('a warehouse that hangs: answered within the deadline, and down', async () => {
  const { fake, warehouse, metrics } = await start({ Fox: 5, Whale: 5 });
  fake.faults.always({ hang: true });
  const startMs = monotonicMs();
  await down(warehouse.check(lines(['Fox', 1], ['Whale', 1]), { deadlineMs: 1500 }));
  assert.ok(monotonicMs() - startMs < 10_000);
  const asked = fake.calls().length;
  const open = await down(warehouse.check(lines(['Fox', 1]), IN_TIME));
  assert.is(open.headers?.['retry-after'], '3600');
  assert.is(fake.calls().length, asked);
  assert.ok((await metrics()).includes('till_warehouse_state{service="front"} 2'));
});

test('a warehouse that hangs is down, however short the time of all callers is', async () => {
  const { fake, warehouse } = await start({ Fox: 1 }, 200);
  fake.faults.always({ hang: true });
  await down(warehouse.check(lines(['Fox', 1]), { deadlineMs: 190 }));
  const calls = fake.calls().length;
  await down(warehouse.check(lines(['Fox', 1]), IN_TIME));
  assert.is(fake.calls().length, calls, 'it is not asked during the hold');
});

test('a caller without time gets no answer, and the warehouse is not down for others', async () => {
  const { fake, warehouse } = await start({ Fox: 5 });
  fake.faults.next(1, { hang: true });
  assert.is((await down(warehouse.check(lines(['Fox', 1]), { deadlineMs: 30 }))).headers?.['retry-after'], '1');
  await down(warehouse.check(lines(['Fox', 1]), { deadlineMs: 0 }));
  assert.is(fake.calls().length, 1);
  assert.equal(await warehouse.check(lines(['Fox', 1]), IN_TIME), { ok: true });
});

test('a slow warehouse is waited for', async () => {
  const { fake, warehouse } = await start({ Fox: 5 });
  fake.faults.always({ delayMs: 400 });
  assert.equal(await warehouse.check(lines(['Fox', 1]), IN_TIME), { ok: true });
});

test('one product that fails ends the check at once; a caller may end it too', async () => {
  const { fake, warehouse } = await start({ Fox: 5, Whale: 5 });
  const reason = new Error('the caller has gone');
  fake.faults.always({ hang: true });
  const leaving = new AbortController();
  const check = warehouse.check(lines(['Fox', 1], ['Whale', 1]), { ...IN_TIME, signal: leaving.signal });
  await until('both questions', () => fake.calls().length === 2);
  leaving.abort(reason);
  try {
    await check;
    assert.unreachable();
  } catch (error) {
    assert.is(error, reason);
  }
  fake.faults.clear();
  assert.equal(await warehouse.check(lines(['Fox', 1]), IN_TIME), { ok: true }, 'nothing was counted');
});

test('too many questions at once are refused, not kept waiting', async () => {
  const { fake, warehouse } = await start({ Fox: 5 });
  fake.faults.always({ hang: true });
  const many = Array.from({ length: 100 }, (_, at): [string, number] => [`product ${at}`, 1]);
  const leaving = new AbortController();
  const waiting = Array.from({ length: 10 }, () =>
    warehouse.check(lines(...many), { ...IN_TIME, signal: leaving.signal }).catch(() => 'ended'),
  );
  try {
    await warehouse.check(lines(['Fox', 1]), IN_TIME);
    assert.unreachable();
  } catch (error) {
    assert.is((error as Problem).status, 429);
    assert.is((error as Problem).reason, 'queue_full');
  }
  leaving.abort();
  await Promise.all(waiting);
  fake.faults.clear();
  assert.equal(await warehouse.check(lines(['Fox', 1]), IN_TIME), { ok: true });
});

test.run();
