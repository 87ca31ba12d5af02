import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { shopEntries } from '../test/shop.ts';
import { createOrderIndex, orderIn } from './order-index.ts';
import type { Entry } from './replica/types.ts';

const entries = shopEntries(3);
const at = (index: number): Entry | undefined => entries[index - 1];
const filled = () => {
  const index = createOrderIndex();
  for (const entry of entries) index.add(entry);
  return index;
};
const keys = (index: ReturnType<typeof createOrderIndex>) => [0, 1, 2].map((n) => index.indexOf({ key: `key-${n}` }));
const numbers = (index: ReturnType<typeof createOrderIndex>) => [0, 1, 2].map((number) => index.indexOf({ number }));

test('an order is read from its entry; the start of a term and other movements are none', () => {
  assert.equal(
    entries.map((entry) => orderIn(entry)?.number ?? null),
    [null, null, 0, 1, 2],
  );
  const order = { lines: [{ name: 'Fox', quantity: 1 }] };
  assert.equal(orderIn(entries[3] as Entry), { number: 1, key: 'key-1', sequence: 3, order });
});

test('an order is found by number and by key', () => {
  const index = filled();
  assert.equal(numbers(index), [3, 4, 5]);
  assert.equal(keys(index), [3, 4, 5]);
  assert.is(index.indexOf({ number: 3 }), undefined);
  assert.is(index.indexOf({ key: 'key-3' }), undefined);
  assert.is(index.indexOf({ key: '' }), undefined);
});

test('orders have their numbers without gaps', () => {
  const index = createOrderIndex();
  assert.throws(() => index.add(entries[3] as Entry), /Order 1 must not follow order -1/);
});

test('what is cut is forgotten, what stands before it stays', () => {
  const index = filled();
  index.cut(6, at);
  assert.equal(keys(index), [3, 4, 5]);
  index.cut(4, at);
  assert.equal(numbers(index), [3, undefined, undefined]);
  assert.equal(keys(index), [3, undefined, undefined]);
  index.cut(1, at);
  assert.equal(numbers(index), [undefined, undefined, undefined]);
  assert.equal(keys(index), [undefined, undefined, undefined]);
});

test('another order takes the number of one that was cut', () => {
  const index = filled();
  index.cut(4, at);
  for (const entry of shopEntries(3, 'other').slice(3)) index.add(entry);
  assert.equal(numbers(index), [3, 4, 5]);
  assert.equal(keys(index), [3, undefined, undefined]);
  assert.is(index.indexOf({ key: 'other-2' }), 5);
});

test('an entry that cannot be read while it is cut is a mistake of ours', () => {
  const index = filled();
  assert.throws(() => index.cut(4, () => undefined), /must have been an order/);
});

test.run();
