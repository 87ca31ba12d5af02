/**
 * Checkouts while everything dies that they need. What was approved is executed once, whoever was to execute it and
 * whatever became of them.
 */
import { randomInt } from 'node:crypto';
import { sleep } from '@till/shared/clock';
import { type Random, randomItem, seededRandom } from '@till/shared/random';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { books } from './bookshop.ts';
import { assertBought, type Buyers, startBuyers } from './buyers.ts';
import { inSync, leaderOf } from './in-sync.ts';
import { startKeeper } from './keeper.ts';
import { scenario } from './scenario.ts';
import { type ChildRunner, openTill, type Till } from './till.ts';

/** Some are always there, others run out at once, the rest on the way. */
const SEED = [
  ...books('Lasting', { count: 3, quantity: 100_000 }),
  ...books('Short', { count: 3, quantity: 150 }),
  ...books('Rare', { count: 2, quantity: 5 }),
];
const titles = SEED.map(({ name }) => name);

type Harm = 'kill' | 'pause' | 'stop';

/** Returns how to undo it. */
const harm = async (till: Till<ChildRunner>, how: Harm, name: string): Promise<() => Promise<void>> => {
  if (how === 'pause') {
    await till.pause(name);
    return () => till.resume(name);
  }
  await (how === 'kill' ? till.kill(name) : till.run.stop(name));
  return () => till.run.start([name]);
};

/** Buyers buy while whoever leads is harmed, and everybody else once, at moments that nobody chose. */
const buyThroughHarm = async (till: Till<ChildRunner>, plan: { thinkMs: number; buyers: number }, random: Random) => {
  await till.run.start(till.names);
  await till.ready();
  const shop = startBuyers(till, { ...plan, titles, random });
  const round = async (how: Harm, name: string): Promise<void> => {
    await shop.goesOn();
    await sleep(random() * 300);
    const undo = await harm(till, how, name);
    await sleep(random() * 1500);
    await undo();
  };
  const harmLeader = async (how: Harm): Promise<void> => round(how, `order-${await leaderOf(till)}`);

  try {
    for (const how of ['kill', 'pause', 'stop'] as const) await harmLeader(how);
    await round('kill', 'catalog');
    for (let rounds = 0; rounds < 3; rounds += 1) await harmLeader(randomItem(random, ['kill', 'pause', 'stop']));
    await round('kill', 'front');
    await round('pause', 'catalog');
    await harmLeader('kill');
    await shop.goesOn();

    const purchases = await shop.finish();
    await inSync(till);
    return await assertBought(till, purchases);
  } finally {
    await shop.end();
  }
};

const withSeed = async (body: (random: Random) => Promise<void>): Promise<void> => {
  const seed = randomInt(2 ** 31);
  try {
    await body(seededRandom(seed));
  } catch (error) {
    process.stderr.write(`the seed of this run was ${seed}\n`);
    throw error;
  }
};

scenario(
  'leaders, the catalog and the front are killed, hang or stop while checkouts come in',
  () => openTill({ seed: SEED, settings: { RESTOCK_EVERY_MS: '0' } }),
  (till) =>
    withSeed(async (random) => {
      const { placed, refused } = await buyThroughHarm(till, { buyers: 6, thinkMs: 40 }, random);
      assert.ok(placed > 100 && refused > 0, `${placed} placed, ${refused} refused`);
    }),
);

scenario(
  'the same while the lead goes round and a queue builds up',
  () => openTill({ seed: SEED, settings: { RESTOCK_EVERY_MS: '0', ROTATE_LEADER: '1' } }),
  (till) =>
    withSeed(async (random) => {
      const { placed, refused } = await buyThroughHarm(till, { buyers: 4, thinkMs: 250 }, random);
      assert.ok(placed > 20 && refused > 0, `${placed} placed, ${refused} refused`);
    }),
);

const crash = (at: string, every: number) => ({ CHAOS: '1', CHAOS_CRASH_AT: at, CHAOS_CRASH_EVERY: String(every) });

for (const { name, at } of [
  {
    name: 'a catalog that dies when checkouts are decided and nobody was told, under a leader that stays',
    at: { catalog: crash('after_store', 15) },
  },
  {
    name: 'leaders that die before they answer, and a front that does',
    at: { front: crash('before_answer', 40), order: crash('before_answer', 15) },
  },
  {
    name: 'a catalog and replicas that die before they have written',
    at: { catalog: crash('before_store', 25), order: crash('before_store', 30) },
  },
] as { name: string; at: Record<string, Record<string, string>> }[]) {
  scenario(
    name,
    () => openTill({ seed: SEED, settings: { RESTOCK_EVERY_MS: '0' } }),
    async (till) => {
      const keeper = startKeeper(till, (service) => at[service.split('-')[0] ?? ''] ?? {});
      let shop: Buyers | null = null;
      try {
        await inSync(till);
        shop = startBuyers(till, { buyers: 5, thinkMs: 20, titles, random: seededRandom(7) });
        const haveDied = (): boolean => Object.keys(at).every((service) => keeper.deaths(service) >= 2);
        while (shop.count() < 150 || !haveDied()) {
          assert.ok(shop.count() < 3000, 'somebody does not die');
          await shop.goesOn();
        }
        const purchases = await shop.finish();
        await inSync(till);
        const { placed, refused } = await assertBought(till, purchases);
        assert.ok(placed > 0 && refused > 0, `${placed} placed, ${refused} refused`);
      } finally {
        keeper.stop();
        await shop?.end();
      }
    },
  );
}

test.run();
