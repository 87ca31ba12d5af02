/** Lookups come from the front's cache, and never show what is older than an acknowledged order. */

import { seededRandom } from '@till/shared/random';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { readJournal } from './ledger.ts';
import { PLENTY, products } from './products.ts';
import { assertProven } from './proof.ts';
import { scenario } from './scenario.ts';
import { lastingRun, restockedRun, runShoppers } from './shoppers.ts';
import { freePort, openSlowLink } from './slow-link.ts';
import { openTill } from './till.ts';
import { until } from './until.ts';

const LASTING = products('Lasting', { count: 12, quantity: PLENTY });
const TOYS = products('Toy', { count: 4, quantity: 20, restock: true });
const RUNS = [
  ...LASTING.map(({ name }) => lastingRun(name, PLENTY)),
  ...TOYS.map(({ name }) => restockedRun(name, 20, 4)),
];
const open = () =>
  openTill({ seed: [...LASTING, ...TOYS], settings: { RESTOCK_EVERY_MS: '100', RESTOCK_LEVEL: '20' } });

scenario('no stale read in 100,000 after an acknowledgement, many of them from the cache', open, async (till) => {
  await till.run.start(till.names);
  await till.ready();
  const counts = await runShoppers({
    ...till,
    runs: RUNS,
    isEnough: ({ readsAfterAcknowledgement }) => readsAfterAcknowledgement >= 100_000,
  });
  assert.ok(counts.readsAfterAcknowledgement >= 100_000);
  assert.ok(counts.orders >= 4000);
  assert.ok(counts.restocks > 0);

  const { cache } = await till.cluster();
  assert.is(await till.shop.metric('till_cache_hits_total'), cache.hits);
  assert.is(await till.shop.metric('till_cache_misses_total'), cache.misses);
  const { lookups, retries } = counts;
  const answered = cache.hits + cache.misses;
  assert.ok(answered <= lookups && answered >= lookups - retries, `${answered} hits and misses, ${lookups} lookups`);
  assert.ok(cache.hits > lookups / 10, `${cache.hits} of ${lookups} from the cache`);
  assert.is(cache.capacity, 10);
  assert.is(cache.size, 10);

  await till.ready();
  assert.is(await assertProven(till), counts.orders);
  const restocks = readJournal(till.dataFolder).filter(({ kind }) => kind === 'restock');
  assert.ok(restocks.length >= counts.restocks);
});

scenario('no stale read while the catalog and replicas are killed and come back', open, async (till) => {
  await till.run.start(till.names);
  await till.ready();
  let harmDone = false;
  let reads = 0;
  const shoppers = runShoppers({
    ...till,
    runs: RUNS,
    isEnough: ({ readsAfterAcknowledgement }) => {
      reads = readsAfterAcknowledgement;
      return harmDone && reads >= 20_000;
    },
  });
  // A failure is told at once, not after all the harm.
  const stopped = shoppers.then(() => {});
  const harm = async (): Promise<void> => {
    for (const name of ['catalog', 'order-3', 'catalog', 'order-1', 'catalog']) {
      const before = reads;
      await till.kill(name);
      await till.run.start([name]);
      await till.ready();
      await until('some more reads', () => reads > before + 500);
    }
    harmDone = true;
  };
  await Promise.race([stopped, harm()]);
  const counts = await shoppers;
  assert.ok(harmDone);
  assert.ok((await till.shop.metric('till_subscriptions_total')) >= 4, 'the stream of changes broke each time');
  await till.ready();
  assert.is(await assertProven(till), counts.orders);
});

scenario(
  'no stale read while changes come late, answers overtake each other and the stream breaks',
  open,
  async (till) => {
    const random = seededRandom(5);
    const target = await freePort();
    // On one box changes nearly always come before the answer that they belong to. Here they do not.
    const link = await openSlowLink({
      port: Number(till.environment.PORT_BASE) + 1,
      target,
      delayMs(requestLine) {
        if (requestLine.startsWith('GET /changes')) return 80;
        return requestLine.startsWith('GET /products') && random() < 0.5 ? random() * 250 : 0;
      },
    });
    try {
      till.run.spawn('catalog', { PORT_BASE: String(target - 1) });
      await till.run.start(till.names.filter((name) => name !== 'catalog'));
      await till.ready();
      let reads = 0;
      let brokenAt = 0;
      let breaks = 0;
      const counts = await runShoppers({
        ...till,
        runs: RUNS,
        isEnough: ({ readsAfterAcknowledgement }) => {
          reads = readsAfterAcknowledgement;
          if (reads > brokenAt + 4000) {
            brokenAt = reads;
            breaks += link.breakOff('GET /changes');
          }
          return reads >= 20_000;
        },
      });
      assert.ok(breaks >= 3, `broke off ${breaks} times`);
      assert.ok(counts.restocks > 0);
      await till.ready();
      assert.is(await assertProven(till), counts.orders);
    } finally {
      await link.close();
    }
  },
);

scenario('lookups need no order replica', open, async (till) => {
  await till.run.start(till.names);
  await till.ready();
  const { shop } = till;
  assert.is((await shop.post({ name: 'Lasting-1', quantity: 5 })).status, 200);
  assert.is((await shop.post({ name: 'Toy-1', quantity: 20 })).status, 200);
  await Promise.all([1, 2, 3].map((id) => till.kill(`order-${id}`)));
  for (let round = 0; round < 3; round += 1) {
    for (const { name } of LASTING) {
      assert.is(await shop.quantityOf(name), name === 'Lasting-1' ? PLENTY - 5 : PLENTY);
    }
  }
  assert.is((await shop.get('/products')).status, 200);
  assert.is((await shop.get('/products/Nothing')).status, 404);
  // What is sold out is refilled all the same, and shown.
  while ((await shop.quantityOf('Toy-1')) === 0) assert.is((await shop.get('/healthz')).status, 200);
  assert.is(await shop.quantityOf('Toy-1'), 20);
  assert.ok((await till.cluster()).cache.hits > 0);
});

test.run();
