import type { OrderMovement } from '@till/shared/movement';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type FakeShopify, startFakeShopify } from '../../../../../test/fakes/shopify.ts';
import { createRecordingLogger } from '../../../test/recording-logger.ts';
import type { Result } from '../core/types.ts';
import { outboxLimits } from '../limits.ts';
import { createShopifySink } from './shopify.ts';
import type { Sink } from './sink.ts';

const TOKEN = 'shpat_secret';
let shop: FakeShopify;
let sink: Sink;
/** The sequence of the last movement of each product. */
let versions: Map<string, number>;
let now = 0;
let skipped = 0;
let lines: string[];

const createSink = (token = TOKEN): Sink => {
  const recording = createRecordingLogger();
  lines = recording.lines;
  return createShopifySink({
    url: shop.url,
    token,
    versionOf: async (name) => {
      if (name === 'Slow') now += outboxLimits.callWaitMs + 1;
      if (name === 'Broken') throw new Error('the catalog is away');
      return versions.get(name) ?? null;
    },
    now: () => now,
    onSkipped: () => {
      skipped += 1;
    },
    logger: recording.logger,
  });
};

test.before.each(async () => {
  shop = await startFakeShopify({
    token: TOKEN,
    products: [
      { sku: 'Fox', quantity: 100 },
      { sku: 'fox terrier', quantity: 100 },
      { sku: 'TUX', quantity: 100 },
      { sku: 'Say "hi" \\ OR sku:x', quantity: 100 },
    ],
  });
  versions = new Map();
  now = 0;
  skipped = 0;
  sink = createSink();
});
test.after.each(async () => {
  await sink.close();
  await shop.close();
});

const movement = (sequence: number, stock: Record<string, number>): OrderMovement => ({
  sequence,
  term: 1,
  time: 1_795_250_313_053,
  kind: 'order',
  number: 0,
  key: 'k',
  fingerprint: 'f',
  order: { lines: [{ name: 'Fox', quantity: 1 }] },
  stock: Object.entries(stock).map(([name, after]) => ({ name, before: 100, after })),
});

type Over = { asked?: number; signal?: AbortSignal };
const deliver = (sequence: number, stock: Record<string, number>, { asked, signal }: Over = {}): Promise<Result> =>
  sink.deliver({
    movement: movement(sequence, stock),
    storeId: 'store-1',
    key: asked === undefined ? `${sequence}` : `${sequence}.${asked}`,
    isReplay: asked !== undefined,
    signal: signal ?? new AbortController().signal,
  });
const delivered = { kind: 'delivered' };
const level = (sku: string): number | undefined => shop.levels().get(sku);
const keys = (): string[] => shop.calls().map(({ key }) => key);

test('the quantities of all products of an event are set at once, under the key of its sequence', async () => {
  assert.equal(await deliver(7, { Fox: 3, Tux: 4 }), delivered);
  assert.equal(shop.complaints(), []);
  assert.equal(shop.calls(), [
    {
      key: 'till-store-1-7',
      changes: [
        { sku: 'Fox', quantity: 3 },
        { sku: 'TUX', quantity: 4 },
      ],
      isRepeat: false,
    },
  ]);
  assert.is(level('fox terrier'), 100);
});

test('items and the location are looked up once', async () => {
  for (const sequence of [1, 2, 3]) assert.equal(await deliver(sequence, { Fox: sequence }), delivered);
  assert.equal(Object.fromEntries(shop.requests()), { TillFindItems: 1, TillFindLocation: 1, TillSetQuantities: 3 });
});

test('a name is quoted, whatever it is', async () => {
  assert.equal(await deliver(1, { 'Say "hi" \\ OR sku:x': 5 }), delivered);
  assert.is(level('Say "hi" \\ OR sku:x'), 5);
  assert.equal(shop.complaints(), []);
});

test('many products are looked up in several requests', async () => {
  const names = Array.from({ length: outboxLimits.itemsAskedMax + 1 }, (_, at) => `item-${at}`);
  for (const name of names) shop.addProduct(name, 1);
  assert.equal(await deliver(1, Object.fromEntries(names.map((name) => [name, 9]))), delivered);
  assert.is(shop.requests().get('TillFindItems'), 2);
  for (const name of names) assert.is(level(name), 9);
});

test('a product that the shop does not know is left out, said once, counted, and looked for again later', async () => {
  assert.equal(await deliver(1, { Fox: 3, Owl: 4 }), delivered);
  assert.equal(await deliver(2, { Owl: 3 }), delivered);
  assert.is(skipped, 2);
  assert.is(shop.requests().get('TillFindItems'), 1);
  assert.is(lines.filter((line) => line.includes('no item with this sku')).length, 1);
  shop.addProduct('Owl', 100);
  now = outboxLimits.unknownItemMs;
  assert.equal(await deliver(3, { Owl: 2 }), delivered);
  assert.is(level('Owl'), 2);
  assert.equal(keys(), ['till-store-1-1', 'till-store-1-3']);
});

test('what came twice had its effect once', async () => {
  shop.onlyMutations(true);
  shop.faults.next(1, { hang: true, afterEffect: true });
  const giving = new AbortController();
  const first = deliver(1, { Fox: 3 }, { signal: giving.signal }).catch(() => null);
  while (shop.calls().length === 0) await new Promise((done) => setTimeout(done, 5));
  giving.abort();
  await first;
  assert.equal(await deliver(1, { Fox: 3 }), delivered);
  assert.equal(
    shop.calls().map(({ isRepeat }) => isRepeat),
    [false, true],
  );
});

test('an attempt says word for word what the one before it said, though a product has turned up meanwhile', async () => {
  shop.onlyMutations(true);
  shop.faults.next(1, { drop: true, afterEffect: true });
  assert.is((await deliver(1, { Fox: 3, Owl: 4 })).kind, 'unavailable');
  shop.addProduct('Owl', 100);
  now = outboxLimits.unknownItemMs;
  assert.equal(await deliver(1, { Fox: 3, Owl: 4 }), delivered);
  assert.is(shop.calls()[1]?.isRepeat, true);
});

test('a user error refuses the event', async () => {
  shop.refuse(1, { code: 'INVALID_QUANTITY_TOO_HIGH', message: 'Too many' });
  assert.equal(await deliver(1, { Fox: 3 }), { kind: 'refused', error: 'INVALID_QUANTITY_TOO_HIGH: Too many' });
  assert.equal(await deliver(1, { Fox: 3 }), delivered);
});

test('an item that is another one now is found again', async () => {
  assert.equal(await deliver(1, { Fox: 3 }), delivered);
  shop.renewProduct('Fox');
  assert.equal(await deliver(2, { Fox: 2 }), {
    kind: 'refused',
    error: 'INVALID_INVENTORY_ITEM: There is no such item',
  });
  assert.equal(await deliver(2, { Fox: 2 }), delivered);
  assert.is(level('Fox'), 2);
});

test('too many requests: the shop says in the answer when it can be asked again', async () => {
  const throttleStatus = { maximumAvailable: 1000, currentlyAvailable: 10, restoreRate: 50 };
  shop.fail(1, { code: 'THROTTLED', cost: { requestedQueryCost: 110, throttleStatus } });
  assert.equal(await deliver(1, { Fox: 3 }), {
    kind: 'unavailable',
    error: 'THROTTLED: It did not work out',
    retryAfterMs: 2000,
  });
  shop.fail(1, { code: 'THROTTLED' });
  assert.equal(await deliver(1, { Fox: 3 }), { kind: 'unavailable', error: 'THROTTLED: It did not work out' });
});

test('an error of the whole request is a condition of the shop, or a fault of the request', async () => {
  shop.fail(1, { code: 'INTERNAL_SERVER_ERROR' });
  assert.is((await deliver(1, { Fox: 3 })).kind, 'unavailable');
  shop.fail(1, { code: 'undefinedField' });
  assert.is((await deliver(1, { Fox: 3 })).kind, 'refused');
});

for (const [status, kind] of [
  [400, 'refused'],
  [402, 'unavailable'],
  [404, 'unavailable'],
  [429, 'unavailable'],
  [503, 'unavailable'],
] as const) {
  test(`status ${status}: ${kind}`, async () => {
    shop.faults.next(1, { status, headers: { 'retry-after': '2' } });
    const result = await deliver(1, { Fox: 3 });
    assert.is(result.kind, kind);
    if (status === 429) assert.is('retryAfterMs' in result && result.retryAfterMs, 2000);
  });
}

test('a wrong token is no fault of the event, and is in no text', async () => {
  const other = createSink('wrong-token');
  const signal = new AbortController().signal;
  const delivery = { movement: movement(1, { Fox: 3 }), storeId: 's', key: '1', isReplay: false, signal };
  assert.equal(await other.deliver(delivery), { kind: 'unavailable', error: 'shopify answered 401' });
  await other.close();
});

test('an answer that is none leaves open what became of it', async () => {
  for (const body of ['<html>', '7', '{}', '{"data":null}']) {
    shop.faults.next(1, { status: 200, body });
    const { kind } = await deliver(1, { Fox: 3 });
    assert.is(kind, 'unavailable', body);
  }
  shop.faults.next(1, { status: 200, body: '{"data":{"inventoryItems":{"nodes":7}}}' });
  assert.equal(await deliver(1, { Fox: 3 }), delivered);
  assert.is(skipped, 1);
  shop.faults.next(1, { status: 200, body: '{"data":{"inventoryItems":{"nodes":[null,{"id":7,"sku":"Tux"}]}}}' });
  assert.equal(await deliver(2, { Tux: 3 }), delivered);
  assert.is(skipped, 2);
});

test('a shop without a location can be told nothing', async () => {
  assert.equal(await deliver(1, { Fox: 3 }), delivered);
  const other = createSink();
  shop.faults.next(2, {
    status: 200,
    body: '{"data":{"location":null,"inventoryItems":{"nodes":[{"id":"i","sku":"Fox"}]}}}',
  });
  const signal = new AbortController().signal;
  const delivery = { movement: movement(2, { Fox: 3 }), storeId: 's', key: '2', isReplay: false, signal };
  assert.equal(await other.deliver(delivery), { kind: 'unavailable', error: 'The shop has no primary location' });
  await other.close();
});

test('an old event says only what nothing has changed since', async () => {
  versions = new Map([
    ['Fox', 7],
    ['TUX', 9],
  ]);
  assert.equal(await deliver(7, { Fox: 3, TUX: 4 }, { asked: 12 }), delivered);
  assert.equal(shop.calls(), [{ key: 'till-store-1-7.12', changes: [{ sku: 'Fox', quantity: 3 }], isRepeat: false }]);
  versions.set('Fox', 13);
  assert.equal(await deliver(7, { Fox: 3, TUX: 4 }, { asked: 14 }), delivered);
  assert.is(shop.calls().length, 1, 'there was nothing to say');
});

test('an old event that may have arrived is said again word for word', async () => {
  versions = new Map([['Fox', 7]]);
  shop.onlyMutations(true);
  shop.faults.next(1, { drop: true });
  assert.is((await deliver(7, { Fox: 3 }, { asked: 12 })).kind, 'unavailable');
  versions.set('Fox', 13);
  assert.equal(await deliver(7, { Fox: 3 }, { asked: 12 }), delivered);
  assert.is(level('Fox'), 3);
});

test('what took long to find out is not said any more: another one may lead since', async () => {
  versions = new Map([['Slow', 7]]);
  shop.addProduct('Slow', 100);
  const result = await deliver(7, { Slow: 3 }, { asked: 12 });
  assert.is(result.kind === 'unavailable' && result.isUncounted, true);
  assert.equal(shop.calls(), []);
});

test('without the catalog nobody knows what an old event may say', async () => {
  const result = await deliver(7, { Broken: 3 }, { asked: 12 });
  assert.equal(result, { kind: 'unavailable', error: 'The catalog does not answer', isUncounted: true });
});

test('the end of a leader ends its deliveries at once', async () => {
  shop.faults.always({ hang: true });
  const ending = new AbortController();
  const delivering = deliver(1, { Fox: 3 }, { signal: ending.signal });
  while (shop.requests().size === 0) await new Promise((done) => setTimeout(done, 5));
  ending.abort(new Error('no leader any more'));
  const error = await delivering.then(
    () => null,
    (thrown: Error) => thrown,
  );
  assert.is(error?.message, 'no leader any more');
});

test.run();
