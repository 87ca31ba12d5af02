/** A process that hangs and comes back to life: nobody waits for it for ever, and what it believes is out of date. */
import { sleep } from '@till/shared/clock';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { startLoad } from './load.ts';
import { PLENTY, products } from './products.ts';
import { acknowledgedOf, assertFlawless, assertProven } from './proof.ts';
import { scenario } from './scenario.ts';
import { openTill, type Runner, type Till } from './till.ts';
import { until } from './until.ts';

const seed = products('Lasting', { count: 20, quantity: PLENTY });
const open = () => openTill({ seed });
/** A busy machine may hold up a healthy replica, too; not for so long. */
const SUSPECT_AFTER_MS = 2500;
const openPatient = () => openTill({ seed, settings: { SUSPECT_AFTER_MS: String(SUSPECT_AFTER_MS) } });
const startAll = async (till: Till<Runner>): Promise<void> => {
  await till.run.start(till.names);
  await till.ready();
};

scenario('the leader hangs: orders go on under another one, and it steps down when it wakes', open, async (till) => {
  await startAll(till);
  const load = startLoad(till, { thinkMs: 20 });
  for (let round = 0; round < 3; round += 1) {
    await load.goesOn();
    const { term } = await till.cluster();
    await till.pause('order-3');
    await load.goesOn();
    await till.ready([1, 2]);
    const during = await till.cluster();
    assert.ok(during.term > term);
    await till.resume('order-3');
    // It takes the new term, is brought level, and leads again by a hand-over: in a later term.
    await till.ready();
    assert.ok((await till.cluster()).term > during.term);
  }
  const end = await load.finish();
  assertFlawless(end);
  assert.is(await assertProven(till), acknowledgedOf(end));
});

scenario('followers hang: they leave the set, and are brought level when they wake', open, async (till) => {
  await startAll(till);
  const load = startLoad(till, { thinkMs: 20 });
  await load.goesOn();
  await till.pause('order-1');
  await till.pause('order-2');
  await till.ready([3]);
  await load.goesOn();
  await till.resume('order-1');
  await till.resume('order-2');
  await till.ready();
  const end = await load.finish();
  assertFlawless(end);
  assert.is(await assertProven(till), acknowledgedOf(end));
});

scenario('the only replica in sync hangs: nobody stands in for it', open, async (till) => {
  await startAll(till);
  const { shop } = till;
  await till.kill('order-1');
  await till.kill('order-2');
  await till.ready([3]);
  assert.is((await shop.post({ name: 'Lasting-1', quantity: 1 }, 'before')).status, 200);
  await till.pause('order-3');
  await till.run.start(['order-1', 'order-2']);
  await until('the others are back', async () => {
    const { replicas } = await till.cluster();
    return replicas.every(({ id, alive }) => alive === (id !== 3));
  });
  const refused = await shop.post({ name: 'Lasting-1', quantity: 2 }, 'meanwhile');
  assert.is(refused.status, 503);
  assert.is(refused.body.error?.reason, 'no_in_sync_replica');
  assert.equal((await till.cluster()).inSync, [3]);
  assert.is(await shop.quantityOf('Lasting-1'), PLENTY - 1);

  await till.resume('order-3');
  await till.ready();
  assert.equal((await shop.post({ name: 'Lasting-1', quantity: 1 }, 'before')).body, { data: { order_number: 0 } });
  assert.equal((await shop.post({ name: 'Lasting-1', quantity: 2 }, 'meanwhile')).body, { data: { order_number: 1 } });
  assert.is(await shop.quantityOf('Lasting-1'), PLENTY - 3);
  assert.is(await assertProven(till), 2);
});

scenario('the catalog hangs: orders wait for it, lookups never show what is old', open, async (till) => {
  await startAll(till);
  const { shop } = till;
  assert.is(await shop.quantityOf('Lasting-1'), PLENTY);
  await till.pause('catalog');
  const waiting = shop.post({ name: 'Lasting-1', quantity: 5 }, 'waits');
  await until('the front has noticed', async () => !(await till.cluster()).catalog.alive);
  assert.is((await till.cluster()).cache.bypassing, true);
  assert.is((await shop.get('/readyz')).body.error?.reason, 'catalog_away');
  const { status, body } = await waiting;
  assert.is(status, 503, JSON.stringify(body));
  assert.is((await shop.get('/products/Lasting-1')).status, 503, 'nobody knows how many are left');

  await till.resume('catalog');
  await till.ready();
  assert.equal((await shop.post({ name: 'Lasting-1', quantity: 5 }, 'waits')).body, { data: { order_number: 0 } });
  assert.is(await shop.quantityOf('Lasting-1'), PLENTY - 5);

  // Shorter than clients retry: they notice nothing but the time.
  const load = startLoad(till, { thinkMs: 20 });
  await load.goesOn();
  await till.pause('catalog');
  await until('the front has noticed', async () => !(await till.cluster()).catalog.alive);
  await till.resume('catalog');
  await load.goesOn();
  const end = await load.finish();
  assertFlawless(end);
  assert.is(await assertProven(till), acknowledgedOf(end) + 1);
});

scenario('the front hangs: when it wakes it suspects nobody, and nothing is lost', openPatient, async (till) => {
  await startAll(till);
  const load = startLoad(till, { thinkMs: 20 });
  for (let round = 0; round < 2; round += 1) {
    await load.goesOn();
    const { term } = await till.cluster();
    await till.pause('front');
    // The length is the point: more silence than a front that runs puts up with.
    await sleep(SUSPECT_AFTER_MS + 500);
    await till.resume('front');
    await load.goesOn();
    await till.ready();
    assert.is((await till.cluster()).term, term, 'nobody was deposed');
  }
  const end = await load.finish();
  assertFlawless(end);
  assert.is(await assertProven(till), acknowledgedOf(end));
});

test.run();
