import type { Order } from '@till/shared/movement';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { fingerprintOf, orderView } from './orders.ts';

const plain: Order = { lines: [{ name: 'Tux', quantity: 2 }] };

test('one order has one fingerprint, however its names are spelled', () => {
  assert.is(fingerprintOf(plain), fingerprintOf({ lines: [{ quantity: 2, name: 'tUX' }] }));
  assert.is(
    fingerprintOf({ lines: [{ name: '\u010capek', quantity: 1 }] }),
    fingerprintOf({ lines: [{ name: 'C\u030capek', quantity: 1 }] }),
  );
  assert.match(fingerprintOf(plain), /^[0-9a-f]{32}$/);
});

test('other orders have others', () => {
  const others: Order[] = [
    plain,
    { ...plain, type: 'buy' },
    { ...plain, type: 'sell' },
    { ...plain, many: true },
    { lines: [{ name: 'Tux', quantity: 3 }] },
    { lines: [{ name: 'Fox', quantity: 2 }] },
    { lines: [...plain.lines, ...plain.lines], many: true },
  ];
  assert.is(new Set(others.map(fingerprintOf)).size, others.length);
});

test('an order is shown in the form in which it was posted, without what is inside only', () => {
  const stored = { number: 7, key: 'k', sequence: 9 };
  assert.equal(orderView({ ...stored, order: plain }), { number: 7, name: 'Tux', quantity: 2 });
  assert.equal(orderView({ ...stored, order: { ...plain, type: 'buy' } }), {
    number: 7,
    name: 'Tux',
    quantity: 2,
    type: 'buy',
  });
  assert.equal(orderView({ ...stored, order: { ...plain, many: true } }), { number: 7, items: plain.lines });
});

test.run();
