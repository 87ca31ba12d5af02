import { setImmediate as nextRound } from 'node:timers/promises';
import { limits } from '@till/shared/limits';
import type { Outcome, PlacedCheckout, StoredCheckout, StoredOrder, TrailEntry } from '@till/shared/movement';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Trail } from './catalog-client.ts';
import { createLedger } from './ledger.ts';
import type { OrderClient, SinkStatus } from './order-client.ts';
import { placedOrder } from './orders.ts';
import { QueueFull } from './unavailable.ts';

const order = placedOrder({ lines: [{ name: 'Tux', quantity: 1 }] }, 'k');
const cancel = { key: 'cancel 1', cancel: { of: 'order 1' } };
const checkout: PlacedCheckout = {
  key: 'k',
  fingerprint: 'f',
  checkout: { id: 'c', lines: [{ name: 'Tux', quantity: 1 }], customer: 'Jo', card: '1111' },
};
const storedOrder: StoredOrder = { number: 4, key: 'k', sequence: 9, order: order.order };
const storedCheckout: StoredCheckout = {
  id: 'c',
  sequence: 9,
  checkout: checkout.checkout,
  state: 'placed',
  number: 4,
};
const sink: SinkStatus = { sink: 's', delivered: 7, lag: 2, dead: [], again: [], trying: [], pausedMs: 0 };
const change = (sequence: number): TrailEntry => ({
  sequence,
  term: 1,
  time: 0,
  product: 'Tux',
  change: -1,
  before: 3,
  after: 2,
  cause: { kind: 'order', order_number: 4 },
  key: 'k',
});

const setUp = (answers: { outcome?: Outcome; joined?: boolean; pages?: (Trail | null)[] } & Partial<OrderClient>) => {
  const { outcome, joined = false, pages = [], ...orders } = answers;
  const holds: number[] = [];
  let release = (): void => {};
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  const waits: (number | undefined)[] = [];
  /** Of each that was placed: whether it was only to be told if it is known. */
  const asked: boolean[] = [];
  const afters: number[] = [];
  const ledger = createLedger({
    orders: {
      place: async (placed, waitMs) => {
        waits.push(waitMs);
        asked.push('onlyIfKnown' in placed);
        return { result: outcome as Outcome, joined };
      },
      find: async () => null,
      checkout: async () => null,
      outbox: async () => [],
      outboxEvent: async () => ({ event: null, sinks: [] }),
      replay: async () => ['s'],
      ...orders,
    },
    catalog: {
      lookup: (name) => ({ kind: 'fetch', token: { name, since: 0 } }),
      fetch: async () => null,
      list: async () => '[]',
      trail: async ({ after }) => {
        afters.push(after);
        return pages.shift() ?? null;
      },
      hold: (sequence) => {
        holds.push(sequence);
        return held;
      },
    },
    requestWaitMs: 60_000,
  });
  return { ledger, holds, release, waits, asked, afters };
};

/** Whether the promise is still open after everything that could run has run. */
const isOpen = async (promise: Promise<unknown>): Promise<boolean> => {
  let open = true;
  promise.then(() => {
    open = false;
  });
  await nextRound();
  return open;
};

const accepted = { key: 'k', status: 'accepted', sequence: 9, number: 4, replayed: false } as const;
const reason = 'out_of_stock';
const rejected = { key: 'k', status: 'rejected', sequence: 9, reason, message: 'none', replayed: true } as const;
const cancelled = { key: 'cancel 1', status: 'cancelled', sequence: 9, number: 4, replayed: false } as const;
const queued = { key: 'k', status: 'queued', sequence: 9, id: 'c', replayed: false } as const;
const LEFT = 'Cannot take back 4 of "Fox": 3 left';
type Held = ReturnType<typeof setUp>['ledger'];

for (const [what, answers, ask, answer] of [
  [
    'an accepted order',
    { outcome: accepted },
    (ledger: Held) => ledger.place(order),
    { status: 'accepted', number: 4, replayed: false },
  ],
  [
    'a replay',
    { outcome: { ...accepted, replayed: true } },
    (ledger: Held) => ledger.place(order),
    { status: 'accepted', number: 4, replayed: true },
  ],
  [
    'a rejection',
    { outcome: rejected },
    (ledger: Held) => ledger.place(order),
    { status: 'rejected', reason, message: 'none', replayed: true },
  ],
  [
    'a cancellation',
    { outcome: cancelled },
    (ledger: Held) => ledger.cancel(cancel),
    { status: 'cancelled', number: 4, replayed: false },
  ],
  [
    'an order that is known',
    { outcome: { ...accepted, replayed: true } },
    (ledger: Held) => ledger.known(order),
    { status: 'accepted', number: 4, replayed: true },
  ],
  [
    'a cancellation that cannot be: it says what is left',
    { outcome: { key: 'cancel 1', status: 'cannot_cancel', sequence: 9, message: LEFT } },
    (ledger: Held) => ledger.cancel(cancel),
    { status: 'cannot_cancel', message: LEFT },
  ],
  [
    'a cancellation of what was refused',
    { outcome: { key: 'cancel 1', status: 'nothing_to_cancel', sequence: 9 } },
    (ledger: Held) => ledger.cancel(cancel),
    { status: 'nothing_to_cancel' },
  ],
  [
    'a checkout in the queue',
    { outcome: queued },
    (ledger: Held) => ledger.queue(checkout),
    { status: 'queued', id: 'c', replayed: false },
  ],
  [
    'an order that is found',
    { find: async () => storedOrder },
    (ledger: Held) => ledger.find({ number: 4 }),
    storedOrder,
  ],
  [
    'a checkout that is found',
    { checkout: async () => storedCheckout },
    (ledger: Held) => ledger.checkout('c'),
    storedCheckout,
  ],
  [
    'the trail',
    { pages: [{ changes: [change(5), change(9)], next: null }] },
    (ledger: Held) => ledger.trail({ after: 0, limit: 10 }),
    { changes: [change(5), change(9)], next: null },
  ],
  [
    'the outbox',
    { outbox: async () => [{ ...sink, lag: 0 }, sink] },
    (ledger: Held) => ledger.outbox(),
    [{ ...sink, lag: 0 }, sink],
  ],
  [
    'an event',
    { outboxEvent: async () => ({ event: {}, sinks: [] }) },
    (ledger: Held) => ledger.outboxEvent(9),
    { event: {}, sinks: [] },
  ],
] as const) {
  test(`H47: ${what} is not answered before its sequence may be known`, async () => {
    const { ledger, holds, release } = setUp(answers as Parameters<typeof setUp>[0]);
    const asking = ask(ledger);
    assert.ok(await isOpen(asking));
    assert.equal(holds, [9]);
    release();
    assert.equal(await asking, answer);
  });
}

for (const [outcome, ask] of [
  [{ status: 'unknown_product', name: 'Tux' }, (ledger: Held) => ledger.place(order)],
  [{ status: 'unknown_order' }, (ledger: Held) => ledger.cancel(cancel)],
  [{ status: 'conflict' }, (ledger: Held) => ledger.queue(checkout)],
  [{ status: 'unknown_product', name: 'Tux' }, (ledger: Held) => ledger.queue(checkout)],
  [{ status: 'queue_full' }, (ledger: Held) => ledger.queue(checkout)],
] as const) {
  test(`${outcome.status} reveals no sequence and waits for nothing`, async () => {
    const { ledger, holds } = setUp({ outcome: { key: 'k', ...outcome } });
    assert.equal(await ask(ledger), outcome);
    assert.equal(holds, []);
  });
}

test('a conflict says which name is taken, and waits for nothing', async () => {
  for (const [outcome, alsoKey] of [
    [{ key: 'k', status: 'conflict' }, false],
    [{ key: 'k', status: 'conflict', alsoKey: true }, true],
  ] as const) {
    const { ledger, holds } = setUp({ outcome });
    assert.equal(await ledger.place(order), { status: 'conflict', alsoKey });
    assert.equal(await ledger.known(order), { status: 'conflict', alsoKey });
    assert.equal(holds, []);
  }
});

test('what is not known is told so, and only to who asked only for that', async () => {
  const { ledger, asked, waits, holds } = setUp({ outcome: { key: 'k', status: 'not_known' } });
  assert.is(await ledger.known(order, 300), null);
  assert.is(await ledger.knownCheckout(checkout, 200), null);
  assert.equal([asked, waits, holds], [[true, true], [300, 200], []]);
  for (const ask of [() => ledger.place(order), () => ledger.queue(checkout)]) {
    const error = await ask().catch((caught) => caught);
    assert.match(String(error), 'Cannot use the outcome not_known');
  }
  assert.equal(asked.slice(2), [false, false]);
  const known = setUp({ outcome: { ...queued, replayed: true } });
  known.release();
  assert.equal(await known.ledger.knownCheckout(checkout), { status: 'queued', id: 'c', replayed: true });
  assert.equal(known.holds, [9]);
});

test('the trail is read by a few at a time', async () => {
  const pages = Array.from({ length: limits.trailsReadMax + 1 }, () => ({ changes: [change(9)], next: null }));
  const { ledger, release } = setUp({ pages });
  const query = { after: 0, limit: 1 };
  const reading = Array.from({ length: limits.trailsReadMax }, () => ledger.trail(query));
  const refused = await ledger.trail(query).catch((error) => error);
  assert.instance(refused, QueueFull);
  release();
  await Promise.all(reading);
  assert.equal(await ledger.trail(query), { changes: [change(9)], next: null });
});

test('what is not there waits for nothing either', async () => {
  const { ledger, holds } = setUp({});
  assert.is(await ledger.find({ key: 'k' }), null);
  assert.is(await ledger.checkout('c'), null);
  assert.is(await ledger.trail({ after: 0, limit: 1 }), null);
  assert.equal(await ledger.outbox(), []);
  assert.equal(await ledger.outboxEvent(3), { event: null, sinks: [] });
  assert.equal(await ledger.replay(3, null), ['s']);
  assert.equal(holds, []);
});

test('who joined what was in flight gets a replay', async () => {
  const placing = setUp({ outcome: accepted, joined: true });
  placing.release();
  assert.equal(await placing.ledger.place(order), { status: 'accepted', number: 4, replayed: true });
  const cancelling = setUp({ outcome: cancelled, joined: true });
  cancelling.release();
  assert.equal(await cancelling.ledger.cancel(cancel), { status: 'cancelled', number: 4, replayed: true });
  const queueing = setUp({ outcome: queued, joined: true });
  queueing.release();
  assert.equal(await queueing.ledger.queue(checkout), { status: 'queued', id: 'c', replayed: true });
});

test('an outcome of another kind is our mistake', async () => {
  for (const [outcome, ask] of [
    [queued, (ledger: Held) => ledger.place(order)],
    [accepted, (ledger: Held) => ledger.cancel(cancel)],
    [cancelled, (ledger: Held) => ledger.queue(checkout)],
  ] as const) {
    try {
      await ask(setUp({ outcome }).ledger);
      assert.unreachable();
    } catch (error) {
      assert.match((error as Error).message, `Cannot use the outcome ${outcome.status}`);
    }
  }
});

test('a caller with less time says so', async () => {
  const { ledger, waits, release } = setUp({ outcome: accepted });
  release();
  await ledger.place(order, 300);
  await ledger.place(order);
  assert.equal(waits, [300, undefined]);
});

test('a trail without changes is looked for further on, to the end of the journal', async () => {
  const pages = [
    { changes: [], next: 4000 },
    { changes: [], next: 8000 },
    { changes: [change(8001)], next: 9000 },
  ];
  const { ledger, afters, release, holds } = setUp({ pages });
  release();
  assert.equal(await ledger.trail({ after: 3, limit: 10, product: 'Tux' }), { changes: [change(8001)], next: 9000 });
  assert.equal(afters, [3, 4000, 8000]);
  assert.equal(holds, [8001]);
  const none = setUp({
    pages: [
      { changes: [], next: 7 },
      { changes: [], next: null },
    ],
  });
  assert.equal(await none.ledger.trail({ after: 0, limit: 10 }), { changes: [], next: null });
  assert.equal(none.holds, []);
});

test.run();
