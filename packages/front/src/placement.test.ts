import { setImmediate as nextRound } from 'node:timers/promises';
import { Problem } from '@till/shared/errors';
import type { Line, Order } from '@till/shared/movement';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { createMemoryLedger } from '../test/memory-ledger.ts';
import type { Ledger } from './ledger.ts';
import { placedOrder } from './orders.ts';
import { createPlacement } from './placement.ts';
import { Unavailable } from './unavailable.ts';
import type { WarehouseAnswer } from './warehouse.ts';

const down = new Problem(503, 'warehouse_down', 'Cannot check the stock');

const setUp = (ledgerParts: Partial<Ledger> = {}) => {
  const { ledger, shop } = createMemoryLedger();
  const asked: { lines: readonly Line[]; deadlineMs: number }[] = [];
  /** What the warehouse says from now on. */
  const says = { now: { ok: true } as WarehouseAnswer | Error };
  const placement = createPlacement({
    ledger: { ...ledger, ...ledgerParts },
    warehouse: {
      check: async (lines, { deadlineMs }) => {
        asked.push({ lines, deadlineMs });
        if (says.now instanceof Error) throw says.now;
        return says.now;
      },
    },
  });
  const place = (order: Order, key: string | null = null, waitMs = 4000) =>
    placement.place(placedOrder(order, key), { waitMs, isRepeat: key !== null || order.orderId !== undefined });
  return { placement, place, shop, asked, says };
};

const buy = (name: string, quantity: number, more: Partial<Order> = {}): Order => ({
  lines: [{ name, quantity }],
  ...more,
});

const failure = async (promise: Promise<unknown>): Promise<Error> => {
  try {
    await promise;
  } catch (error) {
    return error as Error;
  }
  throw new Error('This should have failed');
};

test('without a warehouse nothing is asked, and the time is handed on', async () => {
  const waits: (number | undefined)[] = [];
  const { ledger } = createMemoryLedger();
  const placement = createPlacement({
    ledger: {
      ...ledger,
      place: (placed, waitMs) => {
        waits.push(waitMs);
        return ledger.place(placed);
      },
    },
    warehouse: null,
  });
  const decision = await placement.place(placedOrder(buy('Fox', 1), null), { waitMs: 70, isRepeat: false });
  assert.equal(decision, { status: 'accepted', number: 0, replayed: false });
  assert.equal(waits, [70]);
});

test('the warehouse is asked before an order is decided, by the names of the catalogue, within a part of the time', async () => {
  const { place, asked, shop } = setUp();
  const lines = [
    { name: 'tux', quantity: 1 },
    { name: 'FOX', quantity: 2 },
    { name: 'Tux', quantity: 3 },
  ];
  assert.is((await place({ lines, many: true })).status, 'accepted');
  assert.equal(
    asked[0]?.lines.map(({ name, quantity }) => `${quantity} ${name}`),
    ['1 Tux', '2 Fox', '3 Tux'],
  );
  const { deadlineMs = 0 } = asked[0] ?? {};
  assert.ok(deadlineMs > 0 && deadlineMs <= 3000, `${deadlineMs} ms`);
  assert.equal(shop.movements.at(-1)?.kind, 'order');
});

test('what the warehouse lacks is refused for good', async () => {
  const { place, says, shop } = setUp();
  says.now = { ok: false, short: 'Cannot buy 2 of "Tux": 1 left in the warehouse' };
  const refused = {
    status: 'rejected',
    reason: 'out_of_stock',
    message: 'Cannot buy 2 of "Tux": 1 left in the warehouse',
  };
  assert.equal(await place(buy('Tux', 2), 'k'), { ...refused, replayed: false });
  assert.equal(shop.movements.at(-1)?.kind, 'rejection');
  says.now = { ok: true };
  assert.equal(await place(buy('Tux', 2), 'k'), { ...refused, replayed: true });
});

test('what was decided is not refused by the warehouse later', async () => {
  const { place, says } = setUp();
  await place(buy('Tux', 2), 'k');
  says.now = { ok: false, short: 'none left' };
  assert.equal(await place(buy('Tux', 2), 'k'), { status: 'accepted', number: 0, replayed: true });
});

const unknown: WarehouseAnswer = { ok: false, unknown: 'Tux' };
for (const [what, answer, said] of [
  ['does not know', unknown, { status: 'unknown_product', name: 'Tux' }],
  ['is down for', down, down],
] as const) {
  test(`what the warehouse ${what} is not decided`, async () => {
    const { place, says, shop } = setUp();
    says.now = answer;
    for (const key of [null, 'k']) assert.equal(await place(buy('Tux', 2), key).catch((error) => error), said);
    assert.is(shop.movements.length, 1);
    says.now = { ok: true };
    assert.is((await place(buy('Tux', 2), 'k')).status, 'accepted');
  });

  test(`what the warehouse ${what} by now is still what was decided under its name`, async () => {
    const { place, says, shop } = setUp();
    await place(buy('Tux', 2), 'k');
    await place(buy('Tux', 1, { orderId: '7' }));
    await place(buy('Tux', 1, { orderId: '8' }), 'l');
    says.now = answer;
    assert.equal(await place(buy('Tux', 2), 'k'), { status: 'accepted', number: 0, replayed: true });
    assert.equal(await place(buy('Tux', 1, { orderId: '7' })), { status: 'accepted', number: 1, replayed: true });
    assert.equal(await place(buy('Tux', 1, { orderId: '8' }), 'l'), { status: 'accepted', number: 2, replayed: true });
    // Another order under a name that is taken is a conflict, and never a new order.
    assert.equal(await place(buy('Tux', 3), 'k'), { status: 'conflict', alsoKey: false });
    assert.equal(await place(buy('Tux', 1, { orderId: '9' }), 'l'), { status: 'conflict', alsoKey: true });
    assert.is(shop.movements.length, 4);
  });

  test(`what the warehouse ${what} by now is not refused while the first answer is on its way`, async () => {
    const { ledger } = createMemoryLedger();
    const { promise: committed, resolve: commit } = Promise.withResolvers<void>();
    // Decided in the catalog's journal, and not yet committed in the log: nobody has an answer, nobody finds the order.
    const slow: Ledger['place'] = async (placed, waitMs) => {
      const decision = await ledger.place(placed, waitMs);
      await committed;
      return decision;
    };
    const { place, says } = setUp({ ...ledger, place: slow });
    const first = place(buy('Tux', 2), 'k');
    await nextRound();
    says.now = answer;
    assert.equal(await place(buy('Tux', 2), 'k'), { status: 'accepted', number: 0, replayed: true });
    commit();
    assert.equal(await first, { status: 'accepted', number: 0, replayed: false });
  });
}

test('whether it is known is asked in the time that is left, and only of what may be a repeat', async () => {
  const waits: (number | undefined)[] = [];
  const { ledger } = createMemoryLedger();
  const { place, says } = setUp({
    known: (placed, waitMs) => {
      waits.push(waitMs);
      return ledger.known(placed, waitMs);
    },
  });
  says.now = down;
  await failure(place(buy('Tux', 1), null));
  assert.equal(waits, []);
  await failure(place(buy('Tux', 1), 'k', 500));
  assert.ok(waits.length === 1 && (waits[0] ?? 0) > 0 && (waits[0] ?? 0) <= 500);
});

test('what stands against lines, for who decides nothing yet', async () => {
  const { placement, says, asked, shop } = setUp();
  const lines = [{ name: 'tux', quantity: 2 }];
  assert.is(await placement.obstacle(lines, 4000), null);
  assert.equal(
    asked.map((one) => one.lines),
    [[{ name: 'Tux', quantity: 2 }]],
  );
  says.now = { ok: false, short: 'Cannot buy 2 of "Tux": 1 left in the warehouse' };
  assert.equal(await placement.obstacle(lines, 4000), { short: 'Cannot buy 2 of "Tux": 1 left in the warehouse' });
  says.now = unknown;
  assert.equal(await placement.obstacle(lines, 4000), { unknown: 'Tux' });
  says.now = down;
  assert.is(await failure(placement.obstacle(lines, 4000)), down);
  assert.is(await placement.obstacle([{ name: 'Dodo', quantity: 1 }], 4000), null, 'that is for the catalog to say');
  assert.is(shop.movements.length, 1);
  const without = createPlacement({ ledger: createMemoryLedger().ledger, warehouse: null });
  assert.is(await without.obstacle(lines, 4000), null);
});

test('what is sold to us is not asked for', async () => {
  const { place, says, asked } = setUp();
  says.now = down;
  assert.is((await place(buy('Tux', 2, { type: 'sell' }))).status, 'accepted');
  assert.is((await failure(place(buy('Tux', 2, { type: 'buy' })))).message, down.message);
  assert.is(asked.length, 1);
});

test('what the catalogue does not know is not asked for either', async () => {
  const { place, asked } = setUp();
  assert.equal(await place(buy('Dodo', 1)), { status: 'unknown_product', name: 'Dodo' });
  assert.equal(asked, []);
});

test('our mistakes are not the warehouse', async () => {
  const { place, says } = setUp();
  says.now = new TypeError('a mistake');
  assert.instance(await failure(place(buy('Tux', 1), 'k')), TypeError);
});

test('a catalog that does not answer takes no more time than there is', async () => {
  const { place, asked } = setUp({ product: () => new Promise(() => {}) });
  const error = await failure(place(buy('Tux', 1), null, 30));
  assert.instance(error, Unavailable);
  assert.is((error as Unavailable).reason, 'catalog_silent');
  assert.equal(asked, []);
});

test('the catalogue is asked once for each name', async () => {
  let reads = 0;
  const { ledger } = createMemoryLedger();
  const { place } = setUp({
    product: (token) => {
      reads += 1;
      return ledger.product(token);
    },
  });
  for (const name of ['Tux', 'tux', 'TUX', 'Fox']) await place(buy(name, 1));
  assert.is(reads, 2);
});

test.run();
