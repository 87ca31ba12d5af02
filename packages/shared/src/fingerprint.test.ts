import { hash } from 'node:crypto';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { fingerprintOf, fingerprintOfCheckout } from './fingerprint.ts';
import type { Order } from './movement.ts';

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
    { ...plain, orderId: '7' },
    { ...plain, customer: '7' },
    { ...plain, orderId: '7', customer: '7' },
  ];
  assert.is(new Set(others.map(fingerprintOf)).size, others.length);
});

test('its canonical text is as it was before orders had ids, and longer only for those that have', () => {
  const digest = (text: string) => hash('sha256', text, 'hex').slice(0, 32);
  assert.is(fingerprintOf(plain), digest('[false,null,[["tux",2]]]'));
  assert.is(fingerprintOf({ ...plain, many: true, orderId: '7' }), digest('[true,null,[["tux",2]],"7",null]'));
  assert.is(fingerprintOf({ ...plain, type: 'sell', customer: 'Jo' }), digest('[false,"sell",[["tux",2]],null,"Jo"]'));
});

test('the same checkout has one fingerprint, another one another', () => {
  const checkout = {
    id: 'id',
    lines: [{ name: 'Two Clocks', quantity: 1 }],
    customer: 'kim@example.com',
    card: '1486',
  };
  const of = (change: object): string => fingerprintOfCheckout({ ...checkout, ...change });
  assert.is(of({ id: 'another' }), of({}));
  assert.is(of({ lines: [{ name: 'TWO CLOCKS', quantity: 1 }] }), of({}));
  const others = [
    { lines: [{ name: 'Two Clocks', quantity: 2 }] },
    { lines: [...checkout.lines, ...checkout.lines] },
    { customer: 'lee@example.com' },
    { card: '1487' },
  ];
  assert.is(new Set([{}, ...others].map(of)).size, 5);
});

test('the canonical text of a checkout is a promise', () => {
  const text = '[[["two clocks",1]],"kim@example.com","1486"]';
  const checkout = { lines: [{ name: 'Two Clocks', quantity: 1 }], customer: 'kim@example.com', card: '1486' };
  assert.is(fingerprintOfCheckout(checkout), hash('sha256', text, 'hex').slice(0, 32));
});

test.run();
