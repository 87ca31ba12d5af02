import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { entriesOf, told } from '../../test/shop.ts';
import { findIn, movementsAfter, noteIn, ofKind, orderIn, type Query } from './find.ts';
import { createLog } from './log.ts';
import type { Entry } from './types.ts';

const entries = entriesOf([
  told.fence(),
  told.order(0, 'x'),
  told.order(1, 'order 1', 'also'),
  told.checkout('a', 2),
  told.checkout('b', 5),
  told.cancel(1, 'cancel 1'),
  told.order(2, 'checkout a'),
  told.rejection('checkout b'),
]);
const log = createLog(entries);
const find = (query: Query, commitIndex = entries.length) => findIn(log, commitIndex, query);
const order = { lines: [{ name: 'Fox', quantity: 1 }] };

test('P41: an order is read from its entry; the start of a term and other movements are none', () => {
  assert.equal(
    entries.map((entry) => orderIn(entry)?.number ?? null),
    [null, null, 0, 1, null, null, null, 2, null],
  );
});

test('P41: an order is found by number, by key and by its second key', () => {
  assert.equal(find({ number: 0 }), { number: 0, key: 'x', sequence: 2, order });
  assert.equal(find({ key: 'x' }), find({ number: 0 }));
  assert.equal(find({ key: 'also' }), find({ key: 'order 1' }));
  assert.is(find({ number: 3 }), null);
  assert.is(find({ key: 'nobody' }), null);
  assert.is(find({ key: 'cancel 1' }), null, 'a cancellation is no order');
});

test('P41: an order says that it was cancelled once that is committed', () => {
  assert.equal(find({ number: 1 }), { number: 1, key: 'order 1', sequence: 6, order, cancelled: true });
  assert.equal(find({ number: 1 }, 6), { number: 1, key: 'order 1', sequence: 3, order });
});

test('P41: a checkout waits, is placed or refused, as far as that is committed', () => {
  const checkout = { id: 'a', lines: [{ name: 'Fox', quantity: 2 }], customer: 'Jo', card: '1111' };
  assert.is(find({ checkout: 'a' }, 4), null);
  assert.equal(find({ checkout: 'a' }, 7), { id: 'a', sequence: 4, checkout, state: 'queued' });
  assert.equal(find({ checkout: 'a' }), { id: 'a', sequence: 7, checkout, state: 'placed', number: 2 });
  const refused = find({ checkout: 'b' });
  assert.ok(refused !== null && 'state' in refused && refused.state === 'refused');
  assert.is(refused.sequence, 8);
  assert.is(refused.reason, 'out_of_stock');
  assert.is(find({ checkout: 'c' }), null);
});

test('P41: movements follow a sequence, up to the commit index and the bound', () => {
  const sequences = (after: number, max = 100, commitIndex = entries.length) =>
    movementsAfter(log, commitIndex, after, max).map(({ sequence }) => sequence);
  assert.equal(sequences(0), [1, 2, 3, 4, 5, 6, 7, 8]);
  assert.equal(sequences(3, 2), [4, 5]);
  assert.equal(sequences(3, 100, 6), [4, 5]);
  assert.equal(sequences(8), []);
  assert.equal(sequences(0, 100, 0), []);
  assert.equal(movementsAfter(createLog(), 0, 0, 5), []);
});

test('P41: the last note of a sink is read from where it stands', () => {
  const noted = createLog(entriesOf([told.fence(), told.note('shopify', 0), told.note('shopify', 1)]));
  const progress = { delivered: 1, dead: [], again: [] };
  assert.equal(noteIn(noted, 'shopify'), { index: 4, sequence: 3, progress });
  assert.is(noteIn(noted, 'other'), null);
});

test('P41: a movement of another kind than it must be is a mistake of ours', () => {
  assert.throws(() => ofKind(entries[2] as Entry, 'checkout'), 'must be of kind "checkout"');
});

test.run();
