import { fingerprintOf } from '@till/shared/fingerprint';
import type { Order } from '@till/shared/movement';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { orderView, placedOrder } from './orders.ts';

const plain: Order = { lines: [{ name: 'Tux', quantity: 2 }] };

test('an order goes by its order id, and else by its idempotency key', () => {
  const named: Order = { ...plain, orderId: '7' };
  const fingerprint = fingerprintOf(named);
  assert.equal(placedOrder(plain, 'k-1'), { key: 'k-1', fingerprint: fingerprintOf(plain), order: plain });
  assert.equal(placedOrder(named, null), { key: 'order 7', fingerprint, order: named });
  assert.equal(placedOrder(named, 'k-1'), { key: 'order 7', fingerprint, order: named, alsoKey: 'k-1' });
});

test('an order without any name gets one that nobody has', () => {
  const keys = [placedOrder(plain, null).key, placedOrder(plain, null).key];
  assert.is(new Set(keys).size, 2);
  for (const key of keys) assert.match(key, /^[\x21-\x7e]+$/);
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
  assert.equal(
    orderView({ ...stored, cancelled: true, order: { ...plain, orderId: '450789469', customer: 'Jo, 7 Elm Street' } }),
    { number: 7, name: 'Tux', quantity: 2, orderId: '450789469', cancelled: true },
  );
});

test.run();
