import { cancelKey, orderIdKey } from '@till/shared/keys';
import type { PlacedCancel } from '@till/shared/movement';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { buy, createSmallShop, seed, sell } from '../../test/small-shop.ts';
import { stockQuantityMax } from './limits.ts';

const key = cancelKey('820');
const of = orderIdKey('820');
const cancel: PlacedCancel = { key, cancel: { of } };

test('a cancelled order gives back what it took, on top of what happened since', () => {
  const { place, movements, left } = createSmallShop();
  place(buy(of, 3), buy('later', 1), sell('more', 6));
  assert.equal(place(cancel), [{ key, status: 'cancelled', sequence: 5, number: 0, replayed: false }]);
  assert.equal(movements[4], {
    sequence: 5,
    term: 0,
    time: 1000,
    kind: 'cancel',
    key,
    of,
    number: 0,
    stock: [{ name: 'Fox', before: 7, after: 10 }],
  });
  assert.is(left('fox'), 10);
});

test('all products of an order come back, lines of one product together', () => {
  const { place, left, movements } = createSmallShop();
  const lines = [
    { name: 'Fox', quantity: 2 },
    { name: 'AAPL', quantity: 5 },
    { name: 'FOX', quantity: 1 },
  ];
  place(buy(of, 1, { order: { lines } }), cancel);
  assert.equal(movements[2]?.kind === 'cancel' && movements[2].stock, [
    { name: 'Fox', before: 2, after: 5 },
    { name: 'AAPL', before: 0, after: 5 },
  ]);
  assert.equal([left('fox'), left('aapl')], [5, 5]);
});

test('the same cancellation again gives the first one again and moves nothing', () => {
  const { place, movements, left } = createSmallShop();
  place(buy(of, 3), cancel);
  assert.equal(place(cancel, cancel), [
    { key, status: 'cancelled', sequence: 3, number: 0, replayed: true },
    { key, status: 'cancelled', sequence: 3, number: 0, replayed: true },
  ]);
  assert.is(movements.length, 3);
  assert.is(left('fox'), 5);
});

test('an order is taken back once, under whatever key, also within one batch', () => {
  const { place, movements, left } = createSmallShop();
  const outcomes = place(buy(of, 3, { alsoKey: 'a' }), cancel, { key: 'other', cancel: { of: 'a' } });
  assert.equal(outcomes.slice(1), [
    { key, status: 'cancelled', sequence: 3, number: 0, replayed: false },
    { key: 'other', status: 'cancelled', sequence: 3, number: 0, replayed: true },
  ]);
  assert.is(movements.length, 3);
  assert.is(left('fox'), 5);
});

test('an order with two names is cancelled under either, and the movement names its key', () => {
  const { place, movements } = createSmallShop();
  const byAlso = { key, cancel: { of: 'a' } };
  place(buy(of, 3, { alsoKey: 'a' }), byAlso);
  assert.is(movements[2]?.kind === 'cancel' && movements[2].of, of);
  assert.equal(
    place(byAlso, cancel).map((outcome) => 'replayed' in outcome && outcome.replayed),
    [true, true],
  );
});

test('an order that nobody made cannot be cancelled, and can be once it is made', () => {
  const { place, movements } = createSmallShop();
  assert.equal(place(cancel), [{ key, status: 'unknown_order' }]);
  assert.is(movements.length, 1);
  assert.equal(
    place(buy(of, 1), cancel).map(({ status }) => status),
    ['accepted', 'cancelled'],
  );
});

test('what is no order is none to a cancellation', () => {
  const { place } = createSmallShop();
  const checkout = { id: 'i', lines: [{ name: 'Fox', quantity: 1 }], customer: 'Kim', card: '4242' };
  place(buy(of, 1), cancel, { key: 'c', fingerprint: 'f', checkout });
  assert.equal(
    place({ key: 'x', cancel: { of: key } }, { key: 'y', cancel: { of: 'c' } }).map(({ status }) => status),
    ['unknown_order', 'unknown_order'],
  );
});

test('of a refused order there is nothing to cancel', () => {
  const { place, movements } = createSmallShop();
  place(buy(of, 9));
  assert.equal(place(cancel), [{ key, status: 'nothing_to_cancel', sequence: 2 }]);
  assert.is(movements.length, 2);
});

test('the key of an order, a refusal, a checkout, or the cancellation of another order is a conflict', () => {
  const { place, movements } = createSmallShop();
  const checkout = { id: 'i', lines: [{ name: 'Fox', quantity: 1 }], customer: 'Kim', card: '4242' };
  place(buy(of, 1), buy('other', 1), buy('no', 9), cancel, { key: 'c', fingerprint: 'f', checkout });
  const recorded = movements.length;
  const outcomes = place(
    { key, cancel: { of: 'other' } },
    { key, cancel: { of: 'nobody' } },
    { key: 'other', cancel: { of: 'other' } },
    { key: 'no', cancel: { of: 'other' } },
    { key: 'c', cancel: { of: 'other' } },
  );
  assert.equal(
    outcomes.map(({ status }) => status),
    ['conflict', 'conflict', 'conflict', 'conflict', 'conflict'],
  );
  assert.is(movements.length, recorded);
});

test('the order stays decided: its key gives its number again, and its number is not given again', () => {
  const { place } = createSmallShop();
  place(buy(of, 3), cancel);
  assert.equal(place(buy(of, 3), buy('next', 1)), [
    { key: of, status: 'accepted', sequence: 2, number: 0, replayed: true },
    { key: 'next', status: 'accepted', sequence: 4, number: 1, replayed: false },
  ]);
});

test('a cancelled sale takes back what it brought; if that was sold on, it stays and nothing is recorded', () => {
  const { place, left, movements } = createSmallShop();
  place(sell(of, 4), buy('most', 6));
  assert.equal(place(cancel), [
    { key, status: 'cannot_cancel', sequence: 3, message: 'Cannot take back 4 of "Fox": 3 left' },
  ]);
  assert.is(movements.length, 3);
  place(sell('more', 1));
  assert.is(place(cancel)[0]?.status, 'cancelled');
  assert.is(left('fox'), 0);
  assert.is(place(buy('none', 1))[0]?.status, 'rejected');
});

test('all or nothing: one product that is gone keeps the others where they are', () => {
  const { place, left, movements } = createSmallShop();
  const lines = ['AAPL', 'Fox'].map((name) => ({ name, quantity: 1 }));
  place(buy(of, 1, { order: { lines, type: 'sell' } }), buy('all', 6));
  assert.is(place(cancel)[0]?.status, 'cannot_cancel');
  assert.is(movements.length, 3);
  assert.equal([left('aapl'), left('fox')], [6, 0]);
});

test('what comes back may lie above the end of the scale; from there only purchases go on', () => {
  const { place, left } = createSmallShop([{ ...(seed[0] as (typeof seed)[0]), quantity: stockQuantityMax }]);
  place(buy(of, 10), sell('full', 10));
  assert.is(place(cancel)[0]?.status, 'cancelled');
  assert.is(left('fox'), stockQuantityMax + 10);
  assert.is(place(buy('still above', 3))[0]?.status, 'accepted');
  const outcome = place(sell('no', 1))[0];
  assert.is(outcome?.status === 'rejected' && outcome.message, 'Cannot sell 1 of "Fox": room for 0');
  assert.is(left('fox'), stockQuantityMax + 7);
});

test('beyond what a number holds exactly nothing comes back', () => {
  const { place, left, movements } = createSmallShop([
    { ...(seed[0] as (typeof seed)[0]), quantity: stockQuantityMax },
  ]);
  // Each round sells the shop empty, fills it up to its end again and takes the purchase back.
  for (let round = 1; ; round += 1) {
    const held = left('fox') as number;
    const back: PlacedCancel = { key: `back ${round}`, cancel: { of: `all ${round}` } };
    place(buy(`all ${round}`, held), sell(`full ${round}`, stockQuantityMax));
    const recorded = movements.length;
    const [outcome] = place(back);
    if (outcome?.status === 'cancelled') continue;
    const room = Number.MAX_SAFE_INTEGER - stockQuantityMax;
    assert.is(
      outcome?.status === 'cannot_cancel' && outcome.message,
      `Cannot give back ${held} of "Fox": room for ${room}`,
    );
    assert.ok(held > room);
    assert.is(movements.length, recorded);
    return;
  }
});

test.run();
