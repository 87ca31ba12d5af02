/** Services that are asked to stop, restarted one by one, or started twice. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { startLoad } from './load.ts';
import { PLENTY, products } from './products.ts';
import { acknowledgedOf, assertFlawless, assertProven } from './proof.ts';
import { scenario } from './scenario.ts';
import { openPm2Till, openTill } from './till.ts';

const seed = products('Lasting', { count: 20, quantity: PLENTY });

scenario(
  'a rolling restart with PM2, one app after the other, under load',
  () => openPm2Till({ seed }),
  async (till) => {
    await till.run.start(till.names);
    await till.ready();
    const load = startLoad(till, { thinkMs: 50 });
    for (const name of till.names) {
      await load.goesOn();
      const pid = await till.run.pidOf(name);
      await till.run.pm2(['restart', name]);
      assert.is.not(await till.run.pidOf(name), pid);
      await till.ready();
      await load.goesOn();
      // PM2 kills what takes too long to stop; that would not have come to its last word.
      const log = readFileSync(join(till.dataFolder, `logs/${name}.log`), 'utf8');
      assert.is(log.split(/"msg":"stopped"/).length, 2, log);
    }
    const end = await load.finish();
    assertFlawless(end);
    assert.is(await assertProven(till), acknowledgedOf(end));
  },
);

scenario(
  'a leader that is asked to stop hands over first, and every service ends with 0',
  () => openTill({ seed }),
  async (till) => {
    await till.run.start(till.names);
    await till.ready();
    const load = startLoad(till, { thinkMs: 50 });
    await load.goesOn();
    for (const [name, others] of [
      ['order-3', [1, 2]],
      ['order-2', [1]],
    ] as const) {
      const { term } = await till.cluster();
      // Ends only with 0: anything else is an error here. A service gives up on itself before PM2 would kill it.
      await till.run.stop(name);
      await till.ready([...others]);
      assert.ok((await till.cluster()).term > term);
      await load.goesOn();
    }
    // The last one that holds every order stops like any other; there is nobody to hand over to.
    const end = await load.finish();
    assertFlawless(end);
    for (const name of ['order-1', 'catalog', 'front']) await till.run.stop(name);
    assert.is((await till.verify()).consistent, true);

    await till.run.start(till.names);
    await till.ready();
    assert.is(await assertProven(till), acknowledgedOf(end));
  },
);

for (const runtime of ['node', 'bun', 'deno'] as const) {
  scenario(
    `a second copy of a service refuses to start while the first one lives, paused or not, on ${runtime}`,
    () => openTill({ seed, runtime }),
    async (till) => {
      await till.run.start(till.names);
      await till.ready();
      const { shop } = till;
      assert.is((await shop.post({ name: 'Lasting-1', quantity: 1 })).status, 200);
      for (const name of ['catalog', 'order-2', 'front']) {
        const pid = await till.run.pidOf(name);
        const assertRefused = async (): Promise<void> => {
          const second = till.run.spawn(name);
          const { code } = await second.ended;
          assert.is(code, 1, second.output());
          const place = `Cannot use ${join(till.dataFolder, name)}: process ${pid} has locked it`;
          assert.ok(second.output().includes(place), second.output());
        };
        await assertRefused();
        await till.pause(name);
        await assertRefused();
        await till.resume(name);
        await till.ready();
      }
      assert.is((await shop.post({ name: 'Lasting-1', quantity: 1 })).status, 200);

      for (const name of till.names) {
        await till.kill(name);
        await till.run.start([name]);
        await till.ready();
      }
      assert.equal((await shop.post({ name: 'Lasting-1', quantity: 1 })).body, { data: { order_number: 2 } });
      assert.is(await assertProven(till), 3);
    },
  );
}

test.run();
