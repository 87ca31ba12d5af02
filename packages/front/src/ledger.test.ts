import { setImmediate as nextRound } from 'node:timers/promises';
import type { Outcome, StoredOrder } from '@till/shared/movement';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { createLedger } from './ledger.ts';

const order = { lines: [{ name: 'Tux', quantity: 1 }] };
const stored: StoredOrder = { number: 4, key: 'k', sequence: 9, order };

const setUp = (outcome: Outcome, options: { joined?: boolean; found?: StoredOrder | null } = {}) => {
  const holds: number[] = [];
  let release = (): void => {};
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  const placed: string[] = [];
  const ledger = createLedger({
    orders: {
      place: async ({ key, fingerprint }) => {
        placed.push(`${key} ${fingerprint.length}`);
        return { result: outcome, joined: options.joined ?? false };
      },
      find: async () => options.found ?? null,
    },
    catalog: {
      lookup: (name) => ({ kind: 'fetch', token: { name, since: 0 } }),
      fetch: async () => null,
      list: async () => '[]',
      hold: (sequence) => {
        holds.push(sequence);
        return held;
      },
    },
  });
  return { ledger, holds, release, placed };
};

/** Whether the promise is still open after everything that could run has run. */
const waits = async (promise: Promise<unknown>): Promise<boolean> => {
  let isOpen = true;
  promise.then(() => {
    isOpen = false;
  });
  await nextRound();
  return isOpen;
};

const accepted = { key: 'k', status: 'accepted', sequence: 9, number: 4, replayed: false } as const;
const rejected = {
  key: 'k',
  status: 'rejected',
  sequence: 9,
  reason: 'out_of_stock',
  message: 'none',
  replayed: true,
} as const;

for (const [what, outcome, answer] of [
  ['an accepted order', accepted, { status: 'accepted', number: 4, replayed: false }],
  ['a replay', { ...accepted, replayed: true }, { status: 'accepted', number: 4, replayed: true }],
  ['a rejection', rejected, { status: 'rejected', reason: 'out_of_stock', message: 'none', replayed: true }],
] as const) {
  test(`H47: ${what} is not answered before its sequence may be known`, async () => {
    const { ledger, holds, release, placed } = setUp(outcome);
    const placing = ledger.place('k', order);
    assert.ok(await waits(placing));
    assert.equal(holds, [9]);
    release();
    assert.equal(await placing, answer);
    assert.equal(placed, ['k 32']);
  });
}

test('H47: neither is an order that is found', async () => {
  const { ledger, holds, release } = setUp(accepted, { found: stored });
  const finding = ledger.find({ number: 4 });
  assert.ok(await waits(finding));
  assert.equal(holds, [9]);
  release();
  assert.equal(await finding, stored);
});

test('what reveals no sequence waits for nothing', async () => {
  const conflict = setUp({ key: 'k', status: 'conflict' });
  assert.equal(await conflict.ledger.place('k', order), { status: 'conflict' });
  const unknown = setUp({ key: 'k', status: 'unknown_product', name: 'Tux' });
  assert.equal(await unknown.ledger.place('k', order), { status: 'unknown_product', name: 'Tux' });
  assert.is(await unknown.ledger.find({ key: 'k' }), null);
  assert.equal([...conflict.holds, ...unknown.holds], []);
});

test('who joined an order that was in flight gets a replay', async () => {
  const { ledger, release } = setUp(accepted, { joined: true });
  release();
  assert.equal(await ledger.place('k', order), { status: 'accepted', number: 4, replayed: true });
});

test.run();
