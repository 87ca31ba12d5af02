/** What a catalog keeps when its process ends, in every way a process can end. */
import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CallError, openStream } from '@till/shared/client';
import { deadline, sleep } from '@till/shared/clock';
import { type CatalogDecision, changeLineSchema, changesPath } from '@till/shared/contract';
import type { Movement, Outcome, PlacedOrder } from '@till/shared/movement';
import { foldName } from '@till/shared/names';
import { randomInteger, randomItem, seededRandom } from '@till/shared/random';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { applyMovement, createStock } from '../src/stock/apply.ts';
import type { Stock } from '../src/stock/types.ts';
import { type CatalogProcess, endAll, freePortBase, run, runtimes, start } from './catalog-process.ts';

const folders: string[] = [];
test.after.each(async () => {
  await endAll();
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
});
const freshFolder = (): string => {
  const folder = mkdtempSync(join(tmpdir(), 'till-catalog-'));
  folders.push(folder);
  return folder;
};

const names = ['Tux', 'Fox', 'AAPL', 'How to Keep a Log'];
const WAIT_MS = 60_000;
const until = async (what: string, holds: () => boolean | Promise<boolean>): Promise<void> => {
  const wait = async (): Promise<void> => {
    while (!(await holds())) await sleep(5);
  };
  await deadline(wait(), WAIT_MS, what);
};

const outcomesOf = (decision: CatalogDecision): Outcome[] => {
  if (decision.kind !== 'decided') throw new Error(`Not decided: ${JSON.stringify(decision)}`);
  return decision.outcomes;
};

/** The journal as the catalog gives it out, page by page; taking it into a stock checks every step of it. */
const readJournal = async ({ client }: CatalogProcess): Promise<{ stock: Stock; movements: Movement[] }> => {
  const stock = createStock();
  const movements: Movement[] = [];
  for (let more = true; more; ) {
    const page = await client.history({ query: { after: stock.sequence, limit: 1000 } });
    for (const line of page.lines) {
      const movement = JSON.parse(line) as Movement;
      applyMovement(stock, movement);
      movements.push(movement);
    }
    more = page.more;
  }
  return { stock, movements };
};

/** Orders without end from several callers at once, and what each of them was told. */
const createTraffic = (seed: number) => {
  const random = seededRandom(seed);
  const placed = new Map<string, PlacedOrder>();
  const told = new Map<string, Outcome>();
  const heldBack = new Map<string, PlacedOrder>();
  let keyCount = 0;
  const next = (): PlacedOrder => {
    keyCount += 1;
    const key = `k${keyCount}`;
    const lines = [{ name: randomItem(random, names), quantity: randomInteger(random, { min: 1, max: 3 }) }];
    const type = random() < 0.5 ? ('sell' as const) : ('buy' as const);
    const order = { key, fingerprint: `print of ${key}`, order: { lines, type } };
    placed.set(key, order);
    return order;
  };
  const call = async ({ client }: CatalogProcess, term: number): Promise<void> => {
    while (true) {
      const orders = Array.from({ length: randomInteger(random, { min: 1, max: 8 }) }, next);
      try {
        const decision = await client.movements({ body: { term, after: 1, orders } });
        for (const outcome of outcomesOf(decision)) told.set(outcome.key, outcome);
      } catch (error) {
        assert.instance(error, CallError, String(error));
        for (const order of orders) heldBack.set(order.key, order);
        return;
      }
    }
  };
  return {
    placed,
    told,
    heldBack,
    /** Resolves when every caller has lost the catalog. */
    run: (catalog: CatalogProcess, term: number, callers: number): Promise<unknown> =>
      deadline(Promise.all(Array.from({ length: callers }, () => call(catalog, term))), WAIT_MS, 'the traffic'),
  };
};

/** Whatever was told is still so, in the journal and for who asks again with the same key. */
const mustKeep = async (
  catalog: CatalogProcess,
  term: number,
  told: Map<string, Outcome>,
  placed: Map<string, PlacedOrder>,
) => {
  const { stock } = await readJournal(catalog);
  const keys = [...told.keys()];
  for (let start = 0; start < keys.length; start += 500) {
    const orders = keys.slice(start, start + 500).map((key) => placed.get(key) as PlacedOrder);
    const outcomes = outcomesOf(await catalog.client.movements({ body: { term, after: stock.sequence, orders } }));
    for (const outcome of outcomes) assert.equal(outcome, { ...told.get(outcome.key), replayed: true });
  }
  const { products, asOf } = await catalog.client.products();
  assert.is(asOf, stock.sequence);
  for (const product of products) {
    const { name, price, quantity, version } = stock.product(foldName(product.name)) ?? {};
    assert.equal(product, { name, price, quantity, version });
  }
};

test('kill -9 in the middle of the traffic, again and again: nothing told is lost, keys repeat their answer', async () => {
  const options = { dataDir: freshFolder(), portBase: await freePortBase() };
  const traffic = createTraffic(8211);
  let catalog = await start(options);
  for (let round = 1; round <= 4; round += 1) {
    outcomesOf(await catalog.client.fence({ body: { term: round, after: 0 } }));
    let streamed = 0;
    const stream = openStream(`${catalog.url}${changesPath}`, {
      schema: changeLineSchema,
      idleMs: WAIT_MS,
      onLine: (line) => {
        streamed = line.type === 'changes' ? line.to : line.sequence;
      },
      onEnd: () => {},
    });
    const before = traffic.told.size;
    const running = traffic.run(catalog, round, 6);
    await until('some answers', () => traffic.told.size > before + 200 * round);
    await catalog.kill('SIGKILL');
    await running;
    stream.close();
    if (round === 2) appendFileSync(join(options.dataDir, 'catalog/journal.jsonl'), '{"sequence":99999,"ter');

    catalog = await start(options);
    if (round === 2) assert.match(catalog.output(), 'Cut off the unfinished end');
    const { stock } = await readJournal(catalog);
    assert.ok(streamed > 1 && streamed <= stock.sequence, `Told up to ${streamed}, kept up to ${stock.sequence}`);
    await mustKeep(catalog, round, traffic.told, traffic.placed);

    // What nobody was told of is decided now, or was decided already; both stay.
    const orders = [...traffic.heldBack.values()];
    traffic.heldBack.clear();
    for (const outcome of outcomesOf(await catalog.client.movements({ body: { term: round, after: 0, orders } }))) {
      traffic.told.set(outcome.key, 'replayed' in outcome ? { ...outcome, replayed: false } : outcome);
    }
    await mustKeep(catalog, round, traffic.told, traffic.placed);
  }
});

test('SIGTERM in the middle of the traffic ends in order, with everything kept and the lock given back', async () => {
  const options = { dataDir: freshFolder(), portBase: await freePortBase() };
  const traffic = createTraffic(17);
  const catalog = await start(options);
  outcomesOf(await catalog.client.fence({ body: { term: 1, after: 0 } }));
  const running = traffic.run(catalog, 1, 6);
  await until('some answers', () => traffic.told.size > 100);
  assert.equal(await catalog.kill('SIGTERM'), { code: 0, signal: null }, catalog.output());
  await running;
  assert.match(catalog.output(), '"stopped"');
  const again = await start(options);
  await mustKeep(again, 1, traffic.told, traffic.placed);
});

test('a term that was fenced stays fenced after kill -9', async () => {
  const options = { dataDir: freshFolder(), portBase: await freePortBase() };
  const catalog = await start(options);
  outcomesOf(await catalog.client.fence({ body: { term: 7, after: 0 } }));
  await catalog.kill('SIGKILL');
  const { client } = await start(options);
  const late = { key: 'late', fingerprint: 'f', order: { lines: [{ name: 'Fox', quantity: 1 }] } };
  assert.equal(await client.movements({ body: { term: 6, after: 0, orders: [late] } }), { kind: 'old_term', term: 7 });
  assert.is((await client.product({ params: { name: 'fox' } })).product.quantity, 100);
});

test('a sold-out product is refilled exactly once for its cause, however often the catalog is killed', async () => {
  const options = {
    dataDir: freshFolder(),
    portBase: await freePortBase(),
    environment: { RESTOCK_EVERY_MS: '2', RESTOCK_LEVEL: '100' },
  };
  const rounds = 6;
  for (let round = 1; round <= rounds; round += 1) {
    const catalog = await start(options);
    outcomesOf(await catalog.client.fence({ body: { term: round, after: 0 } }));
    const quantity = async () => (await catalog.client.product({ params: { name: 'Fox' } })).product.quantity;
    await until('the refill', async () => (await quantity()) === 100);
    const all = { key: `all ${round}`, fingerprint: 'f', order: { lines: [{ name: 'Fox', quantity: 100 }] } };
    const [outcome] = outcomesOf(await catalog.client.movements({ body: { term: round, after: 0, orders: [all] } }));
    assert.is(outcome?.status, 'accepted');
    await sleep(round - 1);
    await catalog.kill('SIGKILL');
  }
  const catalog = await start(options);
  await until(
    'the last refill',
    async () => (await catalog.client.product({ params: { name: 'fox' } })).product.quantity > 0,
  );
  await sleep(50);
  const { movements } = await readJournal(catalog);
  const soldOut = movements.filter(({ kind }) => kind === 'order').map(({ sequence }) => sequence);
  const causes = movements.flatMap((movement) => (movement.kind === 'restock' ? [movement.cause] : []));
  assert.is(soldOut.length, rounds);
  assert.equal(causes, soldOut);
});

test('when the disk takes no more the process ends, and nothing told is lost', async () => {
  const options = { dataDir: freshFolder(), portBase: await freePortBase() };
  const traffic = createTraffic(5);
  const catalog = await start({ ...options, fileKibibytesMax: 64 });
  outcomesOf(await catalog.client.fence({ body: { term: 1, after: 0 } }));
  await traffic.run(catalog, 1, 4);
  assert.equal(await catalog.end(), { code: 1, signal: null }, catalog.output());
  assert.match(catalog.output(), 'Cannot write');
  assert.ok(traffic.told.size > 20, `Only ${traffic.told.size} were decided`);
  const again = await start(options);
  await mustKeep(again, 1, traffic.told, traffic.placed);
});

test('a second catalog on the same folder refuses to start, and the first goes on', async () => {
  const dataDir = freshFolder();
  const first = await start({ dataDir, portBase: await freePortBase() });
  const second = run({ dataDir, portBase: await freePortBase() });
  assert.is((await second.end()).code, 1);
  assert.match(second.output(), /process \d+ has locked it/);
  assert.is((await first.client.products()).asOf, 1);
});

test('settings and seeds that cannot be used are listed, with exit code 2', async () => {
  const dataDir = freshFolder();
  const portBase = await freePortBase();
  const wrong = run({ dataDir, portBase, environment: { RESTOCK_LEVEL: 'many', CACHE_SIZE: '-1' } });
  assert.is((await wrong.end()).code, 2);
  assert.match(wrong.output(), 'RESTOCK_LEVEL');
  assert.match(wrong.output(), 'CACHE_SIZE');
  const seed = join(dataDir, 'seed.json');
  writeFileSync(seed, '[{"name":"Fox"}]');
  const seedless = run({ dataDir, portBase, environment: { SEED: seed } });
  assert.is((await seedless.end()).code, 2);
  assert.match(seedless.output(), 'SEED: product 0');
});

test('a journal that is damaged before its end stops the start, and stays as it is', async () => {
  const options = { dataDir: freshFolder(), portBase: await freePortBase() };
  const catalog = await start(options);
  outcomesOf(await catalog.client.fence({ body: { term: 1, after: 0 } }));
  await catalog.kill('SIGTERM');
  const path = join(options.dataDir, 'catalog/journal.jsonl');
  appendFileSync(path, 'rubbish\nand more\n');
  const damaged = run(options);
  assert.is((await damaged.end()).code, 1);
  assert.match(damaged.output(), /Cannot use .*journal\.jsonl: line 3 /);
});

for (const runtime of Object.keys(runtimes) as (keyof typeof runtimes)[]) {
  test(`on ${runtime}: decides, tells, survives kill -9, stops in order`, async () => {
    const options = { dataDir: freshFolder(), portBase: await freePortBase(), runtime };
    const catalog = await start(options);
    const lines: string[] = [];
    const stream = openStream(`${catalog.url}${changesPath}`, {
      schema: changeLineSchema,
      idleMs: WAIT_MS,
      onLine: (line) => void lines.push(line.type),
      onEnd: () => {},
    });
    await until('hello', () => lines.includes('hello'));
    outcomesOf(await catalog.client.fence({ body: { term: 1, after: 0 } }));
    const order = { key: 'k', fingerprint: 'f', order: { lines: [{ name: 'fox', quantity: 3 }] } };
    const body = { term: 1, after: 2, orders: [order] };
    const decision = await catalog.client.movements({ body });
    assert.equal(outcomesOf(decision), [{ key: 'k', status: 'accepted', sequence: 3, number: 0, replayed: false }]);
    assert.is(decision.kind === 'decided' && decision.lines.length, 1);
    await until('changes and beats', () => lines.includes('changes') && lines.includes('beat'));
    const subscribers = async () =>
      /subscribers\{.*\} (\d)/.exec(await (await fetch(`${catalog.url}/metrics`)).text())?.[1];
    assert.is(await subscribers(), '1');
    stream.close();
    await until('the stream to be forgotten', async () => (await subscribers()) === '0');
    await catalog.kill('SIGKILL');

    const again = await start(options);
    assert.equal(outcomesOf(await again.client.movements({ body })), [
      { key: 'k', status: 'accepted', sequence: 3, number: 0, replayed: true },
    ]);
    assert.is((await again.client.product({ params: { name: 'Fox' } })).product.quantity, 97);
    // A subscriber does not hold up the end.
    const open = openStream(`${again.url}${changesPath}`, {
      schema: changeLineSchema,
      idleMs: WAIT_MS,
      onLine: () => {},
      onEnd: () => {},
    });
    await until('the subscriber', async () =>
      (await (await fetch(`${again.url}/metrics`)).text()).includes('subscribers{service="catalog"} 1'),
    );
    assert.equal(await again.kill('SIGTERM'), { code: 0, signal: null }, again.output());
    open.close();
  });
}

test.run();
