/** With no replica that holds every acknowledged order, orders wait for one: an older log never takes over. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { assertProven } from './proof.ts';
import { scenario } from './scenario.ts';
import { openTill } from './till.ts';
import { until } from './until.ts';

scenario(
  'a replica that fell behind never leads; all is there when one that did not is back',
  () => openTill({ settings: { REQUEST_WAIT_MS: '1000' } }),
  async (till) => {
    const { shop } = till;
    await till.run.start(till.names);
    await till.ready();
    assert.equal((await shop.post({ name: 'Tux', quantity: 1 }, 'first')).body, { data: { order_number: 0 } });

    // order-3 is away while orders go on, and then so are the others: it alone comes back.
    await till.kill('order-3');
    await till.ready([1, 2]);
    assert.equal((await shop.post({ name: 'Tux', quantity: 2 }, 'second')).body, { data: { order_number: 1 } });
    await till.kill('order-1');
    await till.ready([2]);
    assert.equal((await shop.post({ name: 'Tux', quantity: 3 }, 'third')).body, { data: { order_number: 2 } });
    await till.kill('order-2');
    await till.run.start(['order-3', 'order-1']);
    await until('order-1 and order-3 answer', async () => {
      const { replicas } = await till.cluster();
      return replicas.every(({ id, alive }) => alive === (id !== 2));
    });

    for (let tries = 0; tries < 3; tries += 1) {
      const refused = await shop.post({ name: 'Tux', quantity: 4 }, 'fourth');
      assert.is(refused.status, 503, JSON.stringify(refused.body));
      assert.is(refused.body.error?.reason, 'no_in_sync_replica');
      assert.ok(Number(refused.headers['retry-after']) >= 0);
      const { leader, inSync } = await till.cluster();
      assert.is(leader, null);
      assert.equal(inSync, [2]);
    }
    assert.is((await shop.get('/orders/0')).body.error?.reason, 'no_in_sync_replica');
    assert.is((await shop.get('/readyz')).body.error?.reason, 'no_in_sync_replica');
    assert.is((await shop.get('/healthz')).status, 200);
    // Lookups need no order replica, and show what was acknowledged.
    assert.is(await shop.quantityOf('Tux'), 94);

    await till.run.start(['order-2']);
    await till.ready();
    for (const [number, quantity] of [1, 2, 3].entries()) {
      assert.equal((await shop.get(`/orders/${number}`)).body, { data: { number, name: 'Tux', quantity } });
    }
    assert.equal((await shop.post({ name: 'Tux', quantity: 4 }, 'fourth')).body, { data: { order_number: 3 } });
    const again = await shop.post({ name: 'Tux', quantity: 3 }, 'third');
    assert.equal(again.body, { data: { order_number: 2 } });
    assert.is(again.headers['idempotent-replayed'], 'true');
    assert.is(await shop.quantityOf('Tux'), 90);
    assert.is(await assertProven(till), 4);
  },
);

scenario(
  'with all replicas killed at once, orders go on when all are back',
  () => openTill({ settings: { REQUEST_WAIT_MS: '1000' } }),
  async (till) => {
    const { shop } = till;
    await till.run.start(till.names);
    await till.ready();
    const replicas = till.names.filter((name) => name.startsWith('order-'));
    for (let round = 0; round < 3; round += 1) {
      const { status } = await shop.post({ name: 'Fox', quantity: 5 }, `round-${round}`);
      assert.is(status, 200);
      await Promise.all(replicas.map((name) => till.kill(name)));
      const refused = await shop.post({ name: 'Fox', quantity: 5 }, `refused-${round}`);
      assert.is(refused.status, 503);
      assert.ok(refused.body.error?.reason, JSON.stringify(refused.body));
      await till.run.start(replicas);
      await till.ready();
    }
    assert.is(await shop.quantityOf('Fox'), 85);
    assert.is(await assertProven(till), 3);
  },
);

test.run();
