/** What a catalog keeps when its process ends, in every way a process can end. */
import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CallError, openStream } from '@till/shared/client';
import { deadline, sleep } from '@till/shared/clock';
import { type CatalogDecision, changeLineSchema, changesPath } from '@till/shared/contract';
import { checkoutKey, noteKey, orderIdKey } from '@till/shared/keys';
import type { Movement, Outcome, Placed, PlacedNote, PlacedOrder } from '@till/shared/movement';
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

/** Decisions that stay: their key gives them again. */
type Kept = Extract<Outcome, { replayed: boolean }>;
/** What has a key of its own. A note has none: it is only known as its sink's last one. */
type Keyed = Exclude<Placed, PlacedNote>;

/** Whatever can be placed, without end, from several callers at once, and what each of them was told. */
const createTraffic = (seed: number) => {
  const random = seededRandom(seed);
  const placed = new Map<string, Keyed>();
  const told = new Map<string, Kept>();
  const heldBack = new Map<string, Keyed>();
  /** Sequence of each sink's last note, as far as its caller was told. */
  const notes = new Map<string, number>();
  const accepted: string[] = [];
  const queued: string[] = [];
  let count = 0;
  const someLines = () => [{ name: randomItem(random, names), quantity: randomInteger(random, { min: 1, max: 3 }) }];

  const someOrder = (): PlacedOrder => {
    const order = { lines: someLines(), type: random() < 0.5 ? ('sell' as const) : ('buy' as const) };
    const own = { key: `k${count}`, fingerprint: `print of k${count}`, order };
    if (random() < 0.1) return { ...own, refusal: 'None in the warehouse' };
    if (random() < 0.8) return own;
    const orderId = String(count);
    return { ...own, key: orderIdKey(orderId), alsoKey: own.key, order: { ...order, orderId } };
  };
  const someKeyed = (): Keyed => {
    count += 1;
    const chance = random();
    if (chance < 0.2 && accepted.length > 0) {
      const of = randomItem(random, accepted);
      return { key: `cancel of ${of}`, cancel: { of } };
    }
    if (chance < 0.3) {
      const checkout = { id: `i${count}`, lines: someLines(), customer: 'Kim', card: '4242' };
      return { key: `c${count}`, fingerprint: `print of c${count}`, checkout };
    }
    if (chance < 0.4 && queued.length > 0) {
      const asked = placed.get(randomItem(random, queued));
      if (asked !== undefined && 'checkout' in asked) {
        const { id, lines, customer } = asked.checkout;
        return { key: checkoutKey(id), fingerprint: `print of ${id}`, order: { lines, customer } };
      }
    }
    return someOrder();
  };
  const next = (): Keyed => {
    const one = someKeyed();
    if (!placed.has(one.key)) placed.set(one.key, one);
    return one;
  };

  const tell = (outcomes: Outcome[]): void => {
    for (const outcome of outcomes) {
      if (!('replayed' in outcome) || told.has(outcome.key)) continue;
      told.set(outcome.key, { ...outcome, replayed: false });
      if (outcome.status === 'accepted') accepted.push(outcome.key);
      if (outcome.status === 'queued') queued.push(outcome.key);
    }
  };
  const call = async ({ client }: CatalogProcess, term: number, sink: string): Promise<void> => {
    while (true) {
      const orders: Keyed[] = Array.from({ length: randomInteger(random, { min: 1, max: 8 }) }, next);
      const after = notes.get(sink) ?? 0;
      const note = { key: noteKey(sink), note: { sink, after, delivered: after, dead: [], again: [] } };
      try {
        const decision = await client.movements({ body: { term, after: 1, orders: [...orders, note] } });
        const outcomes = outcomesOf(decision);
        tell(outcomes);
        const noted = outcomes.at(-1);
        // After a crash nobody knows whether the last note was taken; the answer to the next one tells.
        assert.ok(noted?.status === 'noted' || noted?.status === 'stale', JSON.stringify(noted));
        assert.ok(noted.sequence > after);
        notes.set(sink, noted.sequence);
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
    tell,
    heldBack,
    notes,
    /** Resolves when every caller has lost the catalog. */
    run: (catalog: CatalogProcess, term: number, callers: number): Promise<unknown> =>
      deadline(
        Promise.all(Array.from({ length: callers }, (_, at) => call(catalog, term, `sink ${at}`))),
        WAIT_MS,
        'the traffic',
      ),
  };
};

/** Whatever was told is still so, in the journal and for who asks again with the same key. */
const mustKeep = async (
  catalog: CatalogProcess,
  term: number,
  { told, placed, notes }: Pick<ReturnType<typeof createTraffic>, 'told' | 'placed' | 'notes'>,
) => {
  const { stock, movements } = await readJournal(catalog);
  const keys = [...told.keys()];
  for (let start = 0; start < keys.length; start += 500) {
    const orders = keys.slice(start, start + 500).map((key) => placed.get(key) as Keyed);
    const outcomes = outcomesOf(await catalog.client.movements({ body: { term, after: stock.sequence, orders } }));
    for (const outcome of outcomes) assert.equal(outcome, { ...told.get(outcome.key), replayed: true });
  }
  for (const [sink, sequence] of notes) {
    const last = stock.lastNote(sink);
    assert.ok(last >= sequence, `The note of ${sink} at ${sequence} is gone, the last one is ${last}`);
    const late = { key: noteKey(sink), note: { sink, after: last + 1, delivered: 0, dead: [], again: [] } };
    const [outcome] = outcomesOf(await catalog.client.movements({ body: { term, after: 0, orders: [late] } }));
    assert.equal(outcome, { key: noteKey(sink), status: 'stale', sequence: last });
  }
  const metrics = await (await fetch(`${catalog.url}/metrics`)).text();
  assert.match(metrics, `till_catalog_checkouts_waiting{service="catalog"} ${stock.waitingCount}\n`);
  const cancelled = movements.flatMap((movement) => (movement.kind === 'cancel' ? [movement.number] : []));
  assert.is(new Set(cancelled).size, cancelled.length);
  const { products, asOf } = await catalog.client.products();
  assert.is(asOf, stock.sequence);
  for (const product of products) {
    const { name, price, quantity, version } = stock.product(foldName(product.name)) ?? {};
    assert.equal(product, { name, price, quantity, version });
  }
};

/** The trail of a product, page by page, adds up to what is left of it. */
const mustAddUp = async ({ client }: CatalogProcess, name: string) => {
  let quantity = 0;
  let last = 0;
  for (let after: number | null = 0; after !== null; ) {
    const page: TrailPage = await client.trail({ query: { after, product: name, limit: 50 } });
    for (const { sequence, change, before, after: left } of page.changes) {
      assert.ok(sequence > last);
      assert.is(before, quantity);
      quantity += change;
      assert.is(left, quantity);
      last = sequence;
    }
    after = page.next;
  }
  const { product } = await client.product({ params: { name } });
  assert.equal([product.quantity, product.version], [quantity, last]);
};
type TrailPage = Awaited<ReturnType<CatalogProcess['client']['trail']>>;

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
    await mustKeep(catalog, round, traffic);

    // What nobody was told of is decided now, or was decided already; both stay.
    const orders = [...traffic.heldBack.values()];
    traffic.heldBack.clear();
    traffic.tell(outcomesOf(await catalog.client.movements({ body: { term: round, after: 0, orders } })));
    await mustKeep(catalog, round, traffic);
  }
  const kinds = new Set((await readJournal(catalog)).movements.map(({ kind }) => kind));
  for (const kind of ['order', 'rejection', 'cancel', 'checkout', 'note'] as const) assert.ok(kinds.has(kind), kind);
  for (const name of names) await mustAddUp(catalog, name);
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
  assert.match(again.output(), /"sequence":(\d+),.*"snapshot":\1\b/, 'Nothing had to be taken in again');
  await mustKeep(again, 1, traffic);
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
  await mustKeep(again, 1, traffic);
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
