/**
 * Services that do harm to themselves, as the CHAOS settings ask: late answers, and deaths where they hurt most. Clients
 * that retry see no failure, and the files prove that every order was made once.
 */
import { readdirSync } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type Keeper, startKeeper } from './keeper.ts';
import { PLENTY, products } from './products.ts';
import { acknowledgedOf, assertFlawless, assertProven } from './proof.ts';
import { scenario } from './scenario.ts';
import { type ChildRunner, openTill, type Till } from './till.ts';
import { until } from './until.ts';

const LASTING = products('Lasting', { count: 20, quantity: PLENTY });
const LATENCY = { CHAOS: '1', CHAOS_LATENCY_MS: '3000', CHAOS_LATENCY_EVERY: '25' };
const crash = (at: string, every: number) => ({ CHAOS: '1', CHAOS_CRASH_AT: at, CHAOS_CRASH_EVERY: String(every) });

const ORDERS = 200;

/** Many orders through harm that never ends; returns when they are proven. */
const orderThroughHarm = async (
  till: Till<ChildRunner>,
  harm: Record<string, Record<string, string>>,
  check: (keeper: Keeper) => Promise<void> | void,
): Promise<void> => {
  const keeper = startKeeper(till, (name) => harm[name.split('-')[0] ?? ''] ?? {});
  try {
    await until('the front answers', () => till.cluster());
    await till.ready();
    const words = ['--clients', '5', '--requests', String(ORDERS / 5), '--probability', '1', '--retry-for', '60000'];
    const end = await till.client(words).ended;
    assertFlawless(end);
    assert.is(acknowledgedOf(end), ORDERS);
    await check(keeper);
    await till.ready();
    assert.is(await assertProven(till), ORDERS, 'none is missing, none is there twice');
  } finally {
    keeper.stop();
  }
};

const open = (): Promise<Till<ChildRunner>> => openTill({ seed: LASTING, settings: { RESTOCK_EVERY_MS: '0' } });

/** They died where they were asked to, and said so before. */
const assertDied = (keeper: Keeper, name: string, { point, least }: { point: string; least: number }): void => {
  const said = keeper.said(name).split(`"point":"${point}"`).length - 1;
  assert.ok(keeper.deaths(name) >= least, `${name} died ${keeper.deaths(name)} times`);
  assert.is(said, keeper.deaths(name));
};

scenario(
  'answers that are 3 s late, and replicas that die when an order is committed and not yet answered',
  open,
  (till) =>
    orderThroughHarm(
      till,
      { front: LATENCY, order: { ...crash('before_answer', 10), CHAOS_LATENCY_MS: '3000', CHAOS_LATENCY_EVERY: '40' } },
      async (keeper) => {
        assertDied(keeper, 'order', { point: 'before_answer', least: 3 });
        const late = '1 request in 40 waits 3000 ms, crashes once in 10 times at before_answer';
        assert.equal((await till.cluster()).chaos, {
          front: '1 request in 25 waits 3000 ms',
          'order-1': late,
          'order-2': late,
          'order-3': late,
        });
      },
    ),
);

scenario('a catalog that dies when orders are decided and nobody was told', open, (till) =>
  orderThroughHarm(till, { front: LATENCY, catalog: crash('after_store', 10) }, async (keeper) => {
    assertDied(keeper, 'catalog', { point: 'after_store', least: 3 });
    await until('the catalog says so to the front', async () => (await till.cluster()).chaos?.catalog !== undefined);
  }),
);

scenario('a catalog and replicas that die before they have written', open, (till) =>
  orderThroughHarm(till, { catalog: crash('before_store', 25), order: crash('before_store', 30) }, (keeper) => {
    assertDied(keeper, 'catalog', { point: 'before_store', least: 2 });
    assertDied(keeper, 'order', { point: 'before_store', least: 2 });
  }),
);

scenario('a front that dies when an order is made and not yet answered', open, (till) =>
  orderThroughHarm(till, { front: crash('before_answer', 50) }, (keeper) =>
    assertDied(keeper, 'front', { point: 'before_answer', least: 3 }),
  ),
);

scenario('a front that dies when a cluster record is stored and nobody was told', open, (till) =>
  orderThroughHarm(till, { front: crash('after_store', 2), order: crash('before_answer', 25) }, (keeper) =>
    assertDied(keeper, 'front', { point: 'after_store', least: 2 }),
  ),
);

scenario(
  'harm that is not allowed is refused, by every service',
  () => openTill(),
  async (till) => {
    for (const name of ['catalog', 'order-1', 'front']) {
      const service = till.run.spawn(name, { CHAOS_LATENCY_MS: '5', CHAOS_CRASH_EVERY: '5' });
      assert.equal(await service.ended, { code: 2, signal: null }, service.output());
      assert.match(service.output(), /^ {2}CHAOS_LATENCY_MS: needs CHAOS=1/m);
      assert.match(service.output(), /^ {2}CHAOS_CRASH_EVERY: needs CHAOS=1/m);
    }
    assert.equal(readdirSync(till.dataFolder), ['logs'], 'nothing was made');
  },
);

scenario(
  'without harm nothing is said of it, and harm is only in the services that are named',
  () => openTill({ settings: { CHAOS_ON: 'order-2,catalog', CHAOS_CRASH_EVERY: '1000000', CHAOS: '1' } }),
  async (till) => {
    await till.run.start(till.names);
    await till.ready();
    const { chaos } = await till.cluster();
    assert.equal(Object.keys(chaos ?? {}), ['catalog', 'order-2']);
    assert.is(till.logs().split('chaos is on').length - 1, 2);
    for (const name of ['catalog', 'order-2']) {
      await till.run.stop(name);
      till.environment.CHAOS = '0';
      till.environment.CHAOS_CRASH_EVERY = '0';
      await till.run.start([name]);
    }
    await till.ready();
    await until('nothing is said of harm any more', async () => (await till.cluster()).chaos === undefined);
  },
);

test.run();
