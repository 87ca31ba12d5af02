import { createClient } from '@till/shared/client';
import { monotonicMs, sleep } from '@till/shared/clock';
import { catalogContract, changesPath } from '@till/shared/contract';
import { Problem } from '@till/shared/errors';
import { limits } from '@till/shared/limits';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type MemoryCatalog, serveMemoryCatalog } from '../test/memory-catalog.ts';
import { createMemoryShop } from '../test/memory-shop.ts';
import { until } from '../test/until.ts';
import { createCatalogClient } from './catalog-client.ts';
import { QueueFull, Unavailable } from './unavailable.ts';

const closing: (() => unknown)[] = [];
test.after.each(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

const setUp = async (
  options: { cacheSize?: number; requestWaitMs?: number; holdWaitMs?: number; queueLengthMax?: number } = {},
) => {
  const shop = createMemoryShop();
  const losses: string[] = [];
  let catalog = await serveMemoryCatalog(shop);
  closing.push(() => catalog.close());
  const calls = createClient(catalogContract, { url: catalog.url });
  closing.push(() => calls.close());
  const client = createCatalogClient({
    catalog: calls,
    changesUrl: catalog.url + changesPath,
    cacheSize: options.cacheSize ?? 10,
    requestWaitMs: options.requestWaitMs ?? 10_000,
    holdWaitMs: options.holdWaitMs ?? 10_000,
    ...(options.queueLengthMax === undefined ? {} : { queueLengthMax: options.queueLengthMax }),
    onStreamEnd: ({ kind }) => losses.push(kind),
  });
  closing.push(() => client.close());
  await until(() => client.isConnected(), 'a subscription');
  let orders = 0;
  return {
    shop,
    losses,
    client,
    catalog: () => catalog,
    restart: async (): Promise<MemoryCatalog> => {
      await catalog.close();
      catalog = await serveMemoryCatalog(shop, catalog.port);
      return catalog;
    },
    /** Orders one; returns the sequence. */
    order: (name: string): number => {
      orders += 1;
      shop.place([{ key: `k${orders}`, fingerprint: '1', order: { lines: [{ name, quantity: 1 }] } }]);
      return shop.stock.sequence;
    },
    quantity: async (name: string): Promise<number> => {
      const found = client.lookup(name);
      const body = found.kind === 'hit' ? found.body : await client.fetch(found.token);
      return JSON.parse(body ?? '').data.quantity;
    },
  };
};

const failure = async (promise: Promise<unknown>): Promise<Error & { reason?: string }> => {
  try {
    await promise;
  } catch (error) {
    return error as Unavailable;
  }
  throw new Error('an answer where none was expected');
};

test('a product is read once, kept, and raised by what is pushed', async () => {
  const { client, catalog, order, quantity } = await setUp();
  assert.is(await quantity('tux'), 100);
  assert.is(await quantity('tux'), 100);
  const sequence = order('Tux');
  await client.hold(sequence);
  assert.is(await quantity('tux'), 99);
  assert.equal(catalog().reads, ['tux']);
  assert.is(client.stats().applied, sequence);
});

test('the encoded answer has exactly the public fields', async () => {
  const { client } = await setUp();
  const found = client.lookup('čapek: r.u.r. / 1920');
  assert.is(found.kind, 'fetch');
  const body = found.kind === 'fetch' ? await client.fetch(found.token) : null;
  assert.is(body, '{"data":{"name":"Čapek: R.U.R. / 1920","price":8,"quantity":5}}');
});

test('an unknown product is none, and is not kept', async () => {
  const { client } = await setUp();
  const found = client.lookup('dodo');
  assert.is(found.kind === 'fetch' && (await client.fetch(found.token)), null);
  assert.is(client.stats().size, 0);
});

test('the trail of a product, a page at a time', async () => {
  const { client, order } = await setUp();
  for (const name of ['Tux', 'Fox', 'Tux']) order(name);
  const first = await client.trail({ after: 0, limit: 2, product: 'tUX' }, 10_000);
  assert.equal(
    first?.changes.map(({ sequence, change, after }) => [sequence, change, after]),
    [
      [1, 100, 100],
      [2, -1, 99],
    ],
  );
  assert.is(first?.next, 2);
  const second = await client.trail({ after: 2, limit: 2, product: 'tux' }, 10_000);
  assert.equal([second?.changes.map(({ sequence }) => sequence), second?.next], [[4], null]);
  assert.is(await client.trail({ after: 0, limit: 2, product: 'Dodo' }, 10_000), null);
});

test('a trail from before what may be known is read again', async () => {
  const shop = createMemoryShop();
  const catalog = await serveMemoryCatalog(shop);
  closing.push(() => catalog.close());
  const epoch = 'run';
  const older = { epoch, asOf: shop.stock.sequence - 1, changes: [], next: null };
  const pages = [older, older, { ...older, asOf: shop.stock.sequence, next: 7 }];
  const client = createCatalogClient({
    catalog: {
      product: () => Promise.reject(new Error('nobody asks')),
      products: () => Promise.reject(new Error('nobody asks')),
      trail: async () => pages.shift() ?? older,
    },
    changesUrl: catalog.url + changesPath,
    cacheSize: 10,
    requestWaitMs: 10_000,
  });
  closing.push(() => client.close());
  await until(() => client.isConnected(), 'a subscription');
  assert.equal(await client.trail({ after: 0, limit: 1 }, 10_000), { changes: [], next: 7 });
  assert.is((await failure(client.trail({ after: 0, limit: 1 }, 60))).reason, 'catalog_behind');
});

test('a catalog that has too many trails to read is not asked again', async () => {
  const { client, catalog } = await setUp();
  let asked = 0;
  catalog().delay = async () => {
    asked += 1;
    throw new Problem(429, 'busy', 'Cannot read the trail now: too many wait to read it');
  };
  assert.instance(await failure(client.trail({ after: 0, limit: 1 }, 10_000)), QueueFull);
  assert.is(asked, 1);
});

test('a trail that takes too long is given up in the time that its caller has', async () => {
  const { client, catalog } = await setUp();
  catalog().delay = () => new Promise(() => {});
  const { reason } = await failure(client.trail({ after: 0, limit: 1 }, 30));
  assert.is(reason, 'catalog_silent');
});

test('callers share one read', async () => {
  const { catalog, quantity } = await setUp();
  assert.equal(await Promise.all([quantity('tux'), quantity('tux'), quantity('fox')]), [100, 100, 3]);
  assert.equal(catalog().reads.sort(), ['fox', 'tux']);
});

test('an answer that is older than what was pushed is read again', async () => {
  const { client, catalog, order, quantity } = await setUp();
  catalog().delay = async () => {
    catalog().delay = async () => {};
    await client.hold(order('Tux'));
  };
  assert.is(await quantity('tux'), 99);
  assert.equal(catalog().reads, ['tux', 'tux']);
});

test('so is a list', async () => {
  const { client, catalog, order } = await setUp();
  catalog().delay = async () => {
    catalog().delay = async () => {};
    await client.hold(order('Tux'));
  };
  const { data } = JSON.parse(await client.list());
  assert.equal(data[0], { name: 'Tux', price: 15.99, quantity: 99 });
  assert.is(data.length, 4);
});

test('a reply waits for its sequence, and no longer', async () => {
  const { client, shop, order } = await setUp();
  const next = shop.stock.sequence + 1;
  let isOut = false;
  const held = client.hold(next)?.then(() => {
    isOut = true;
  });
  // Several beats go by: they say nothing new.
  await sleep(250);
  assert.not(isOut);
  order('Tux');
  await held;
  assert.is(client.hold(next), undefined);
});

test('a sequence that is not pushed in time breaks the stream and lets the reply go', async () => {
  const { client, catalog, order, quantity } = await setUp({ holdWaitMs: 50 });
  await quantity('tux');
  catalog().pushing = false;
  await client.hold(order('Tux'));
  assert.is(client.stats().holdsExpired, 1);
  assert.is(await quantity('tux'), 99, 'the stale entry is gone');
});

test('a lost change breaks the stream, lets replies go, and the stream is opened again', async () => {
  const { client, catalog, order, quantity } = await setUp();
  await quantity('tux');
  const { subscriptions } = client.stats();
  catalog().loses = (line) => line.startsWith('{"type":"changes"');
  await client.hold(order('Tux'));
  assert.is(await quantity('tux'), 99);
  catalog().loses = () => false;
  await until(() => client.isConnected(), 'a new subscription');
  assert.is(client.stats().subscriptions, subscriptions + 1);
  await client.hold(order('Tux'));
  assert.is(await quantity('tux'), 98);
});

test('a catalog that starts again is latency and no error', async () => {
  const { client, restart, catalog, quantity, order, losses } = await setUp();
  await quantity('tux');
  await catalog().close();
  await until(() => !client.isConnected(), 'the end of the stream');
  const waiting = [quantity('tux'), quantity('fox'), client.list()];
  order('Tux');
  const { subscriptions } = client.stats();
  await until(() => client.stats().subscriptions > subscriptions + 2, 'attempts that fail');
  await restart();
  assert.equal((await Promise.all(waiting)).slice(0, 2), [99, 3]);
  await until(() => client.isConnected(), 'a new subscription');
  assert.is(losses.length, 1, 'one loss is told once');
  await quantity('tux');
  assert.is(client.lookup('tux').kind, 'hit');
});

test('a catalog that stays away is an error at the deadline', async () => {
  const { client, catalog } = await setUp({ requestWaitMs: 100 });
  await catalog().close();
  const found = client.lookup('tux');
  try {
    await client.fetch((found as Extract<typeof found, { kind: 'fetch' }>).token);
    assert.unreachable();
  } catch (error) {
    assert.instance(error, Unavailable);
    assert.is((error as Unavailable).reason, 'catalog_away');
  }
});

test('a catalog that hangs is an error at the deadline, however long its reads may take', async () => {
  const { client, catalog, quantity } = await setUp({ requestWaitMs: 60, cacheSize: 0 });
  catalog().delay = () => new Promise(() => {});
  // Each joins the read of the first one, which goes on.
  for (let time = 0; time < 3; time += 1) {
    const startMs = monotonicMs();
    assert.is((await failure(quantity('tux'))).reason, 'catalog_silent');
    assert.ok(monotonicMs() - startMs < limits.internalWaitMs, 'the deadline ended it, not that of the call');
  }
  assert.is((await failure(client.list())).reason, 'catalog_silent');
  assert.equal(catalog().reads, ['tux']);
});

test('too many that wait are refused at once', async () => {
  const { client, catalog, quantity } = await setUp({ queueLengthMax: 3 });
  let open = (): void => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  catalog().delay = () => opened;
  const waiting = [quantity('tux'), quantity('tux'), quantity('fox')];
  for (const one of [() => quantity('tux'), () => quantity('gamestart'), () => client.list()]) {
    assert.instance(await failure(one()), QueueFull);
  }
  open();
  assert.equal(await Promise.all(waiting), [100, 100, 3]);
  assert.is((await quantity('gamestart')) > 0, true);
});

test('closing answers who waits, and lets held replies go', async () => {
  const { client, shop, catalog, quantity } = await setUp();
  catalog().delay = () => new Promise(() => {});
  const waiting = [quantity('tux'), client.list()].map(failure);
  const held = client.hold(shop.stock.sequence + 1);
  client.close();
  for (const { reason } of await Promise.all(waiting)) assert.is(reason, 'stopping');
  await held;
  assert.is((await failure(quantity('fox'))).reason, 'stopping');
  assert.is((await failure(client.list())).reason, 'stopping');
});

test('a catalog that went back is never believed', async () => {
  const { client, shop, order, quantity, catalog } = await setUp({ requestWaitMs: 100, cacheSize: 0 });
  order('Tux');
  assert.is(await quantity('tux'), 99);
  const product = shop.product;
  shop.product = (name) => {
    const now = product(name);
    return now && { ...now, quantity: 100, version: 1 };
  };
  try {
    await quantity('tux');
    assert.unreachable();
  } catch (error) {
    assert.is((error as Unavailable).reason, 'catalog_behind');
  }
  assert.ok(catalog().reads.length > 2);
  assert.is(client.stats().size, 0);
});

test('a cache of size 0 reads each time and holds nothing', async () => {
  const { client, catalog, order, quantity } = await setUp({ cacheSize: 0 });
  assert.is(await quantity('tux'), 100);
  catalog().pushing = false;
  assert.is(client.hold(order('Tux')), undefined);
  assert.is(await quantity('tux'), 99);
  assert.equal(catalog().reads, ['tux', 'tux']);
  assert.is(client.stats().size, 0);
});

test.run();
