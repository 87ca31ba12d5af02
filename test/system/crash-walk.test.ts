/**
 * Every service is killed or stopped while clients order; PM2 brings the killed ones back. No client that retries sees a
 * failure, and at the end the files prove that nothing was lost or made twice.
 */
import { sleep } from '@till/shared/clock';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { createConnection } from '../../bin/lib/client-connection.ts';
import { countOrders } from './ledger.ts';
import { startLoad } from './load.ts';
import { PLENTY, products } from './products.ts';
import { acknowledgedOf, assertFlawless, assertProven } from './proof.ts';
import { scenario } from './scenario.ts';
import { openPm2Till, openTill, type Till } from './till.ts';
import { until } from './until.ts';

const LASTING = products('Lasting', { count: 20, quantity: PLENTY });
const TOYS = products('Toy', { count: 4, quantity: 20, restock: true });

/** Sells to the shop and orders several products at once, until told to stop: what bin/client does not do. */
const startTrader = (till: Till) => {
  const connection = createConnection({ url: till.url, retryForMs: 10_000, onRetry: () => {} });
  let trading = true;
  let acknowledged = 0;
  const trade = async (): Promise<void> => {
    while (trading) {
      const body =
        acknowledged % 2 === 0
          ? { name: 'Lasting-1', quantity: 7, type: 'sell' }
          : { items: ['Lasting-2', 'Lasting-3', 'Lasting-2'].map((name) => ({ name, quantity: 3 })) };
      const key = `trader-${acknowledged}`;
      const answer = await connection.send({ method: 'POST', path: '/orders', body, key });
      assert.is(answer.status, 200, JSON.stringify(answer.body));
      acknowledged += 1;
      await sleep(50);
    }
  };
  const ended = trade().finally(() => connection.close());
  ended.catch(() => {});
  return {
    async finish(): Promise<number> {
      trading = false;
      await ended;
      return acknowledged;
    },
  };
};

scenario(
  'each service is killed or stopped under load, one after the other',
  () =>
    openPm2Till({
      seed: [...LASTING, ...TOYS],
      settings: { RESTOCK_EVERY_MS: '1000', RESTOCK_LEVEL: '20' },
    }),
  async (till) => {
    await till.run.start(till.names);
    await till.ready();
    const load = startLoad(till, { thinkMs: 100 });
    const trader = startTrader(till);

    for (const name of ['order-3', 'order-1', 'catalog', 'front']) {
      await load.goesOn();
      const { term } = await till.cluster();
      await till.kill(name);
      await load.goesOn();
      // PM2 has started it again, and it takes its part again: order-3 leads again in a later term.
      await till.ready();
      if (name === 'order-3') assert.ok((await till.cluster()).term > term);
    }

    await till.run.stop('order-3');
    await load.goesOn();
    await till.ready([1, 2]);
    await till.run.stop('order-2');
    await load.goesOn();
    await till.ready([1]);
    assert.is(await till.run.pidOf('order-2'), null);
    assert.is(await till.run.pidOf('order-3'), null);

    await till.run.start(['order-2', 'order-3']);
    await load.goesOn();
    await till.ready();
    await load.goesOn();

    const end = await load.finish();
    assertFlawless(end);
    const traded = await trader.finish();
    assert.ok(traded > 0);
    // Each acknowledged order is there, and there is none that was not acknowledged: an order that was asked for twice
    // has one key.
    assert.is(await assertProven(till), acknowledgedOf(end) + traded);
  },
);

scenario(
  'the leader is killed in the middle of a client run',
  () => openTill({ seed: LASTING }),
  async (till) => {
    await till.run.start(till.names);
    await till.ready();
    const client = till.client(['--clients', '8', '--requests', '300', '--probability', '1']);
    await until('the first orders', () => countOrders(till.dataFolder) > 100);
    await till.kill('order-3');
    assert.ok(client.isRunning());
    assert.ok(countOrders(till.dataFolder) < 2400);

    const end = await client.ended;
    assertFlawless(end);
    assert.is(acknowledgedOf(end), 2400);
    await till.run.start(['order-3']);
    await till.ready();
    assert.is(await assertProven(till), 2400);
  },
);

test.run();
