import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { entriesOf, shopEntries, told } from '../../test/shop.ts';
import { type Contents, createContents, movementOf } from './contents.ts';
import type { Entry } from './types.ts';

const filled = (entries: Entry[]): Contents => {
  const contents = createContents();
  for (const entry of entries) contents.add(entry);
  return contents;
};

/** Everything that can be asked of it, about the names below. */
const pictureOf = (contents: Contents) => ({
  orders: [0, 1, 2].map(contents.order),
  keys: KEYS.map(contents.key),
  cancellations: [0, 1].map(contents.cancellation),
  checkouts: ['a', 'b'].map(contents.checkout),
  waiting: contents.waiting(0),
  count: contents.checkoutCount(),
  notes: ['shopify', 'other'].map(contents.note),
});

const KEYS = ['x', 'order 1', 'also', 'cancel 1', 'no', 'key of a', 'key of b', 'checkout a', 'checkout b', 'y'];
const entries = entriesOf([
  told.fence(),
  told.order(0, 'x'),
  told.order(1, 'order 1', 'also'),
  told.checkout('a', 2),
  told.rejection('no'),
  told.cancel(1, 'cancel 1'),
  told.note('shopify', 3),
  told.checkout('b', 5),
  told.order(2, 'checkout a'),
  told.note('shopify', 8),
  told.rejection('checkout b'),
]);

test('P41: an entry tells its movement; the start of a term has none', () => {
  assert.equal(
    entries.slice(0, 3).map((entry) => movementOf(entry)?.kind ?? null),
    [null, 'fence', 'order'],
  );
});

test('P41: what the log says is found by number, key, id and sink', () => {
  assert.equal(pictureOf(filled(entries)), {
    orders: [3, 4, 10],
    keys: [3, 4, 4, 7, 6, 5, 9, 10, 12, undefined],
    cancellations: [undefined, 7],
    checkouts: [
      { index: 5, outcome: 10 },
      { index: 9, outcome: 12 },
    ],
    waiting: [],
    count: 2,
    notes: [11, undefined],
  });
});

test('P41: a checkout waits until it has an outcome', () => {
  const contents = filled(entries.slice(0, 10));
  assert.equal(contents.waiting(0), [{ id: 'b', index: 9, arrival: 1, books: 5 }]);
  assert.equal(contents.waiting(2), []);
  assert.equal(filled(entries.slice(0, 9)).waiting(0), [
    { id: 'a', index: 5, arrival: 0, books: 2 },
    { id: 'b', index: 9, arrival: 1, books: 5 },
  ]);
});

test('P41: what is taken back entry by entry leaves exactly what was before it', () => {
  const contents = filled(entries);
  for (let length = entries.length; length > 0; length -= 1) {
    assert.equal(pictureOf(contents), pictureOf(filled(entries.slice(0, length))));
    contents.remove(entries[length - 1] as Entry);
  }
  assert.equal(pictureOf(contents), pictureOf(createContents()));
});

test('P41: others take the place of what was taken back', () => {
  const contents = filled(entries.slice(0, 3));
  contents.remove(entries[2] as Entry);
  for (const entry of shopEntries(2, 'other').slice(2)) contents.add(entry);
  assert.equal(['x', 'other-0', 'other-1'].map(contents.key), [undefined, 3, 4]);
});

test('P41: however many notes are taken back, the one before is the last one', () => {
  const many = entriesOf(Array.from({ length: 40 }, (_, at) => told.note('shopify', at)));
  const contents = filled(many);
  for (const entry of many.slice(1).reverse()) {
    assert.is(contents.note('shopify'), entry.index);
    contents.remove(entry);
  }
  assert.is(contents.note('shopify'), undefined);
});

test('P41: a gap in the numbers, or taking back anything but the last, is a mistake of ours', () => {
  assert.throws(() => filled(entriesOf([told.order(1, 'x')])), 'Order 1 must not follow -1');
  const orders = entriesOf([told.order(0, 'x'), told.order(1, 'y')]);
  assert.throws(() => filled(orders).remove(orders[1] as Entry), 'must be the last one');
  const checkouts = entriesOf([told.checkout('a'), told.checkout('b')]);
  assert.throws(() => filled(checkouts).remove(checkouts[1] as Entry), 'must be the last one');
  const notes = entriesOf([told.note('s', 1), told.note('s', 2)]);
  assert.throws(() => filled(notes).remove(notes[1] as Entry), 'must be the last one');
});

test.run();
