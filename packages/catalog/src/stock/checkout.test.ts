import { checkoutKey } from '@till/shared/keys';
import { limits } from '@till/shared/limits';
import type { PlacedCheckout } from '@till/shared/movement';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { buy, createSmallShop } from '../../test/small-shop.ts';

const checkout = (key: string, id: string, name = 'Fox', quantity = 1): PlacedCheckout => ({
  key,
  fingerprint: `print of ${key}`,
  checkout: { id, lines: [{ name, quantity }], customer: 'Kim', card: '4242' },
});

test('an approved checkout waits under its id, with the names of the catalogue, and moves nothing', () => {
  const { place, movements, stock, left } = createSmallShop();
  assert.equal(place(checkout('k', 'i', 'éLÉPHANT', 9)), [
    { key: 'k', status: 'queued', sequence: 2, id: 'i', replayed: false },
  ]);
  assert.equal(movements[1], {
    sequence: 2,
    term: 0,
    time: 1000,
    kind: 'checkout',
    key: 'k',
    fingerprint: 'print of k',
    checkout: { id: 'i', lines: [{ name: 'Éléphant', quantity: 9 }], customer: 'Kim', card: '4242' },
  });
  assert.ok(stock.isWaiting('i'));
  assert.is(stock.waitingCount, 1);
  assert.is(left('éléphant'), 5);
});

test('the same key again gives the id of the first one, whatever id it now comes with', () => {
  const { place, movements } = createSmallShop();
  assert.equal(place(checkout('k', 'i'), checkout('k', 'other')), [
    { key: 'k', status: 'queued', sequence: 2, id: 'i', replayed: false },
    { key: 'k', status: 'queued', sequence: 2, id: 'i', replayed: true },
  ]);
  assert.equal(place(checkout('k', 'another')), [{ key: 'k', status: 'queued', sequence: 2, id: 'i', replayed: true }]);
  assert.is(movements.length, 2);
});

test('asked for only if known, a known checkout is told again and an unknown one is not queued', () => {
  const { place, movements, stock } = createSmallShop();
  place(checkout('k', 'i'));
  const outcomes = place(
    { ...checkout('k', 'j'), onlyIfKnown: true },
    { ...checkout('k', 'j'), fingerprint: 'other', onlyIfKnown: true },
    { ...checkout('new', 'j'), onlyIfKnown: true },
  );
  assert.equal(
    outcomes.map(({ status }) => status),
    ['queued', 'conflict', 'not_known'],
  );
  assert.is(movements.length, 2);
  assert.not.ok(stock.isWaiting('j'));
});

test('a key with another content, or that belongs to something else, is a conflict', () => {
  const { place, movements } = createSmallShop();
  place(checkout('k', 'i'), buy('o', 1), buy('no', 9), { key: 'x', cancel: { of: 'o' } });
  const recorded = movements.length;
  const outcomes = place(
    { ...checkout('k', 'i'), fingerprint: 'other' },
    { ...checkout('o', 'j'), fingerprint: 'print of o' },
    { ...checkout('no', 'j'), fingerprint: 'print of no' },
    checkout('x', 'j'),
  );
  assert.equal(
    outcomes.map(({ status }) => status),
    ['conflict', 'conflict', 'conflict', 'conflict'],
  );
  assert.is(movements.length, recorded);
});

test('an id that is taken is a conflict: while its checkout waits, after it, and without one', () => {
  const { place, movements } = createSmallShop();
  place(checkout('k', 'i'), buy(checkoutKey('stray'), 1));
  assert.equal(
    place(checkout('l', 'i'), checkout('m', 'stray')).map(({ status }) => status),
    ['conflict', 'conflict'],
  );
  place(buy(checkoutKey('i'), 1));
  assert.is(place(checkout('l', 'i'))[0]?.status, 'conflict');
  assert.is(movements.length, 4);
});

test('an unknown product is named, and nothing is recorded under the key', () => {
  const { place, movements, stock } = createSmallShop();
  assert.equal(place(checkout('k', 'i', 'NoBody')), [{ key: 'k', status: 'unknown_product', name: 'NoBody' }]);
  assert.is(movements.length, 1);
  assert.is(stock.waitingCount, 0);
  assert.is(place(checkout('k', 'i'))[0]?.status, 'queued');
});

test('the order under its key is its outcome, accepted or refused, once: it waits no longer', () => {
  const { place, stock } = createSmallShop();
  place(checkout('a', 'i', 'Fox', 4), checkout('b', 'j', 'Fox', 4), checkout('c', 'k', 'Fox', 4));
  const outcomes = place(buy(checkoutKey('i'), 4), buy(checkoutKey('j'), 4), buy(checkoutKey('i'), 4));
  assert.equal(
    outcomes.map(({ status }) => status),
    ['accepted', 'rejected', 'accepted'],
  );
  assert.equal(['i', 'j', 'k'].map(stock.isWaiting), [false, false, true]);
  assert.is(stock.waitingCount, 1);
});

test('within one batch: queued, executed, and the count is right', () => {
  const { place, stock } = createSmallShop();
  const outcomes = place(checkout('a', 'i'), buy(checkoutKey('i'), 1), checkout('b', 'i'), checkout('c', 'j'));
  assert.equal(
    outcomes.map(({ status }) => status),
    ['queued', 'accepted', 'conflict', 'queued'],
  );
  assert.is(stock.waitingCount, 1);
});

test('so many wait and no more, also within one batch; each outcome makes room for one', () => {
  const { place, stock, movements } = createSmallShop();
  const all = Array.from({ length: limits.checkoutsQueuedMax + 1 }, (_, at) => checkout(`k${at}`, `i${at}`));
  const outcomes = place(...all.slice(0, 3), ...all.slice(3));
  assert.equal(outcomes.at(-2)?.status, 'queued');
  assert.equal(outcomes.at(-1), { key: `k${limits.checkoutsQueuedMax}`, status: 'queue_full' });
  const recorded = movements.length;
  // Those that wait are still told so, and what can never be had is said first.
  assert.equal(
    place(checkout('k0', 'new'), checkout('new', 'new'), checkout('new', 'new', 'Nobody')).map(({ status }) => status),
    ['queued', 'queue_full', 'unknown_product'],
  );
  assert.is(movements.length, recorded);
  assert.equal(
    place(buy(checkoutKey('i7'), 1), checkout('new', 'new'), checkout('too', 'many')).map(({ status }) => status),
    ['accepted', 'queued', 'queue_full'],
  );
  assert.is(stock.waitingCount, limits.checkoutsQueuedMax);
});

test.run();
