/** Wrong settings: every service tells all that is wrong at once, touches nothing, and ends with 2. */
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { scenario } from './scenario.ts';
import { openTill } from './till.ts';

const WRONG = {
  PORT_BASE: 'http',
  REPLICAS: '9',
  CACHE_SIZE: '-1',
  RESTOCK_EVERY_MS: '10s',
  RESTOCK_LEVEL: '1.5',
  MIN_IN_SYNC: '0',
  RUNTIME: 'perl',
  LOG_LEVEL: 'loud',
  SUSPECT_AFTER_MS: '1',
  REQUEST_WAIT_MS: '99999999',
};

for (const runtime of ['node', 'bun', 'deno'] as const) {
  scenario(
    `every service lists all wrong settings and ends with 2, on ${runtime}`,
    () => openTill({ runtime }),
    async (till) => {
      const services = ['catalog', 'order-1', 'front'].map((name) => till.run.spawn(name, WRONG));
      for (const service of services) {
        assert.equal(await service.ended, { code: 2, signal: null }, service.output());
        for (const [name, value] of Object.entries(WRONG)) {
          assert.match(service.output(), new RegExp(`^  ${name}: "${value}" is not `, 'm'));
        }
        assert.not.match(service.output(), / at .*\.ts/, 'no stack');
      }
      assert.equal(readdirSync(till.dataFolder), ['logs'], 'nothing was made');
    },
  );
}

scenario(
  'settings that only together are wrong',
  () => openTill(),
  async (till) => {
    for (const name of ['catalog', 'order-1', 'front']) {
      const service = till.run.spawn(name, { MIN_IN_SYNC: '3', REPLICAS: '2' });
      assert.is((await service.ended).code, 2);
      assert.match(service.output(), /MIN_IN_SYNC: "3" is more than REPLICAS, "2"/);
    }
    for (const [settings, told] of [
      [{ REPLICA_ID: '' }, /REPLICA_ID: must be given/],
      [{ REPLICA_ID: '3', REPLICAS: '2' }, /REPLICA_ID: "3" is more than REPLICAS, "2"/],
      [{ REPLICA_ID: 'one' }, /REPLICA_ID: "one" is not a whole number/],
    ] as const) {
      const replica = till.run.spawn('order-1', settings);
      assert.is((await replica.ended).code, 2);
      assert.match(replica.output(), told);
    }
  },
);

scenario(
  'a seed file that is none',
  () => openTill(),
  async (till) => {
    const file = join(till.folder, 'wrong.json');
    const product = { name: 'Tux', kind: 'toy', price: 1, quantity: 1, restock: true };
    for (const [text, told] of [
      ['[', /SEED: cannot read/],
      ['{}', /^ {2}SEED: .* is not a list of products/m],
      [JSON.stringify([product, { ...product, name: 'TUX' }]), /^ {2}SEED: "TUX" is named twice/m],
      [
        JSON.stringify([
          { ...product, price: -1 },
          { ...product, name: 'Fox', quantity: 0.5 },
        ]),
        /product 0.*price(?:.|\n)*product 1.*quantity/,
      ],
    ] as const) {
      writeFileSync(file, text);
      const catalog = till.run.spawn('catalog', { SEED: file });
      assert.is((await catalog.ended).code, 2, catalog.output());
      assert.match(catalog.output(), told);
    }
    const absent = till.run.spawn('catalog', { SEED: join(till.folder, 'absent.json') });
    assert.is((await absent.ended).code, 2);
    assert.match(absent.output(), /^ {2}SEED: cannot read .*absent\.json/m);

    // Put right, it starts: nothing was left half done.
    const catalog = till.run.spawn('catalog');
    while (!catalog.output().includes('"ready"')) {
      assert.ok(catalog.isRunning(), catalog.output());
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    process.kill(catalog.pid, 'SIGINT');
    assert.equal(await catalog.ended, { code: 0, signal: null });
  },
);

test.run();
