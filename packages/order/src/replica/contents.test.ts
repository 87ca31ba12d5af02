import { factsOf, hashOfKey } from '@till/shared/line-facts';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { columnsOf, entriesOf, shopEntries, told } from '../../test/shop.ts';
import { type Contents, createContents, movementOf } from './contents.ts';
import type { Entry } from './types.ts';

/** Contents that find lines in `entries`, and hold the first `count` of them. */
const filled = (entries: Entry[], count = entries.length): Contents => {
  const contents = createContents((index) => (entries[index - 1] as Entry).line);
  for (const entry of entries.slice(0, count)) contents.add(entry);
  return contents;
};

/** Everything that can be asked of it, about the names below. */
const pictureOf = (contents: Contents) => ({
  orders: [0, 1, 2].map(contents.order),
  keys: KEYS.map(contents.key),
  cancellations: [0, 1].map(contents.cancellation),
  checkouts: ['a', 'b'].map(contents.checkout),
  waiting: contents.waiting(0, 100),
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
  assert.equal(contents.waiting(0, 2), [{ id: 'b', index: 9, arrival: 1, books: 5, outcome: 0 }]);
  assert.equal(contents.waiting(2, 2), []);
  assert.equal(contents.waiting(0, 1), []);
  const [a, b] = [
    { id: 'a', index: 5, arrival: 0, books: 2, outcome: 0 },
    { id: 'b', index: 9, arrival: 1, books: 5, outcome: 0 },
  ];
  const both = filled(entries.slice(0, 9));
  assert.equal(both.waiting(0, 2), [a, b]);
  assert.equal(both.waiting(0, 1), [a]);
  assert.equal(both.waiting(1, 9), [b]);
});

test('P41: the outcome of a checkout is read only if it was known from an index, and once', () => {
  const read: number[] = [];
  const contents = createContents((index) => {
    read.push(index);
    return (entries[index - 1] as Entry).line;
  });
  contents.load(columnsOf(entries.slice(0, 10), 1));
  for (const entry of entries.slice(10)) contents.add(entry);
  for (const _ of ['once', 'again']) assert.equal(contents.waiting(0, 2), []);
  assert.is(contents.checkout('a')?.outcome, 10);
  assert.equal(read, [10]);
});

test('P41: what is taken back entry by entry leaves exactly what was before it', () => {
  const contents = filled(entries);
  for (let length = entries.length; length > 0; length -= 1) {
    assert.equal(pictureOf(contents), pictureOf(filled(entries.slice(0, length))));
    contents.remove(entries[length - 1] as Entry);
  }
  assert.equal(pictureOf(contents), pictureOf(filled([])));
});

test('P41: entries that are known from indexes are found, and taken back, as if they had been added', () => {
  for (let split = 1; split < entries.length; split += 1) {
    for (let end = split + 1; end <= entries.length; end += 1) {
      const contents = filled(entries, 0);
      contents.load(columnsOf(entries.slice(0, split), 1));
      contents.load(columnsOf(entries.slice(split, end), split + 1));
      for (const entry of entries.slice(end)) contents.add(entry);
      for (let length = entries.length; length > 0; length -= 1) {
        assert.equal(pictureOf(contents), pictureOf(filled(entries, length)), `${split} ${end} ${length}`);
        contents.remove(entries[length - 1] as Entry);
      }
    }
  }
  const later = columnsOf(entriesOf([told.fence(), told.order(0, 'x')]), 1);
  assert.throws(() => filled(entries).load({ ...later, orderFirst: 5 }), 'Order 5 must not follow 2');
});

test('P41: two keys whose hashes are equal are told apart', () => {
  const [one, other] = ['k-3850', 'k-5605'] as const;
  assert.is(hashOfKey(one), hashOfKey(other));
  const held = entriesOf([told.fence(), told.order(0, one), told.order(1, 'x', other)]);
  const contents = filled(held);
  assert.equal([one, other].map(contents.key), [3, 4]);
  contents.remove(held[3] as Entry);
  assert.equal([one, other].map(contents.key), [3, undefined]);
});

test('P41: what is added says what it is', () => {
  const facts = entries.map((entry) => factsOf(entry.line));
  const contents = filled(entries, 0);
  assert.equal(
    entries.map((entry) => contents.add(entry)),
    facts,
  );
});

test('P41: numbers that no order can have are unknown', () => {
  assert.equal([-1, 3, 0.5, Number.NaN].map(filled(entries).order), [undefined, undefined, undefined, undefined]);
});

test('P41: others take the place of what was taken back', () => {
  const held = entries.slice(0, 3);
  const contents = filled(held);
  contents.remove(held.pop() as Entry);
  for (const entry of shopEntries(2, 'other').slice(2)) {
    held.push(entry);
    contents.add(entry);
  }
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
