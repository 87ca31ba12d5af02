/** Orders with two names, with what their callers call them, and those that somebody else has refused. */
import { checkoutKey, orderIdKey } from '@till/shared/keys';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { buy, createSmallShop } from '../../test/small-shop.ts';

const both = buy(orderIdKey('820'), 2, { alsoKey: 'a' });

test('what the caller calls the order, whom it is for and its second name stand in the movement', () => {
  const { place, movements } = createSmallShop();
  const order = { lines: [{ name: 'fox', quantity: 2 }], many: true as const, orderId: '820', customer: 'Kim' };
  place({ ...both, order });
  assert.equal(movements[1], {
    sequence: 2,
    term: 0,
    time: 1000,
    kind: 'order',
    number: 0,
    key: 'order 820',
    fingerprint: 'print of order 820',
    order: { lines: [{ name: 'Fox', quantity: 2 }], many: true, orderId: '820', customer: 'Kim' },
    alsoKey: 'a',
    stock: [{ name: 'Fox', before: 5, after: 3 }],
  });
});

test('an order is known under either of its names, and under both', () => {
  const { place, left } = createSmallShop();
  const first = { status: 'accepted', sequence: 2, number: 0 };
  const { fingerprint } = both;
  const outcomes = place(
    both,
    both,
    { ...both, key: 'a', alsoKey: both.key },
    buy(both.key, 2, { fingerprint }),
    buy('a', 2, { fingerprint }),
    buy(both.key, 2, { fingerprint, alsoKey: 'never seen' }),
    buy('never seen', 2, { fingerprint, alsoKey: 'a' }),
  );
  assert.equal(
    outcomes,
    [both.key, both.key, 'a', both.key, 'a', both.key, 'never seen'].map((key, at) => ({
      key,
      ...first,
      replayed: at > 0,
    })),
  );
  assert.is(left('fox'), 3);
});

test('a refusal is remembered under both names too', () => {
  const { place, movements } = createSmallShop();
  const refused = buy('b', 9, { alsoKey: 'a' });
  const [first] = place(refused);
  assert.is(first?.status, 'rejected');
  assert.equal(place({ ...refused, key: 'a', alsoKey: 'b' }), [{ ...first, key: 'a', replayed: true }]);
  assert.is(movements[1]?.kind === 'rejection' && movements[1].alsoKey, 'a');
});

test('asked for only if known, a known order is told again and an unknown one stays free', () => {
  const { place, movements } = createSmallShop();
  place(both);
  const recorded = movements.length;
  const { fingerprint } = both;
  assert.equal(
    place(
      { ...both, onlyIfKnown: true },
      buy('a', 2, { fingerprint, onlyIfKnown: true }),
      buy('a', 3, { onlyIfKnown: true }),
      buy('new', 2, { onlyIfKnown: true }),
    ).map(({ status }) => status),
    ['accepted', 'accepted', 'conflict', 'not_known'],
  );
  assert.is(movements.length, recorded);
  assert.is(place(buy('new', 1))[0]?.status, 'accepted');
});

test('a conflict says when it is the second name that belongs to another order', () => {
  const { place } = createSmallShop();
  const { fingerprint } = both;
  place(both, buy('other', 1));
  assert.equal(
    place(
      buy(both.key, 3, { fingerprint: 'of another content' }),
      buy(both.key, 2, { fingerprint, alsoKey: 'other' }),
      buy('free', 1, { alsoKey: 'other' }),
      buy('other', 2, { fingerprint: 'of another content', alsoKey: 'free' }),
    ),
    [
      { key: both.key, status: 'conflict' },
      { key: both.key, status: 'conflict', alsoKey: true },
      { key: 'free', status: 'conflict', alsoKey: true },
      { key: 'other', status: 'conflict' },
    ],
  );
});

test('names of two different orders, or of one with another content, are a conflict', () => {
  const { place, movements } = createSmallShop();
  // The same fingerprint, so that only the names can tell them apart.
  const fingerprint = 'f';
  place(buy('a', 1, { fingerprint }), buy('b', 1, { fingerprint }));
  const recorded = movements.length;
  const outcomes = place(
    buy('a', 1, { fingerprint, alsoKey: 'b' }),
    buy('b', 1, { fingerprint, alsoKey: 'a' }),
    buy('a', 1, { fingerprint: 'g', alsoKey: 'new' }),
    buy('new', 1, { fingerprint: 'g', alsoKey: 'a' }),
  );
  assert.equal(
    outcomes.map(({ status }) => status),
    ['conflict', 'conflict', 'conflict', 'conflict'],
  );
  assert.is(movements.length, recorded);
  assert.is(place(buy('new', 1))[0]?.status, 'accepted', 'A conflict binds no name');
});

test('a second name that is the first one is none', () => {
  const { place, movements } = createSmallShop();
  assert.is(place(buy('a', 1, { alsoKey: 'a' }))[0]?.status, 'accepted');
  assert.not.ok('alsoKey' in (movements[1] ?? {}));
});

test('the key of a checkout or of a cancellation is not that of an order', () => {
  const { place } = createSmallShop();
  const checkout = { id: 'i', lines: [{ name: 'Fox', quantity: 1 }], customer: 'Kim', card: '4242' };
  place(buy('o', 1), { key: 'x', cancel: { of: 'o' } }, { key: 'c', fingerprint: 'print of c', checkout });
  const outcomes = place(buy('x', 1), buy('c', 1), buy('new', 1, { alsoKey: 'x' }), buy('new', 1, { alsoKey: 'c' }));
  assert.equal(
    outcomes.map(({ status }) => status),
    ['conflict', 'conflict', 'conflict', 'conflict'],
  );
});

test('what somebody else has refused is recorded as refused, with that text, whatever the stock says', () => {
  const { place, movements, left } = createSmallShop();
  const refusal = 'Cannot buy 2 of "Fox": 1 left in the warehouse';
  const outcome = { key: 'w', status: 'rejected', sequence: 2, reason: 'out_of_stock', message: refusal };
  assert.equal(place(buy('w', 2, { refusal })), [{ ...outcome, replayed: false }]);
  assert.is(movements[1]?.kind, 'rejection');
  assert.not.ok('refusal' in (movements[1] ?? {}));
  assert.equal(place(buy('w', 2)), [{ ...outcome, replayed: true }]);
  assert.is(left('fox'), 5);
});

test('a refusal comes too late for a key that is decided, and means nothing for an unknown product', () => {
  const { place, movements } = createSmallShop();
  const refusal = 'None in the warehouse';
  place(buy('a', 2));
  const nobody = { lines: [{ name: 'Nobody', quantity: 1 }] };
  assert.equal(place(buy('a', 2, { refusal }), buy('n', 1, { refusal, order: nobody })), [
    { key: 'a', status: 'accepted', sequence: 2, number: 0, replayed: true },
    { key: 'n', status: 'unknown_product', name: 'Nobody' },
  ]);
  assert.is(movements.length, 2);
});

test('an order under the key of a checkout that nobody queued is decided like any other', () => {
  const { place, stock } = createSmallShop();
  assert.is(place(buy(checkoutKey('i'), 1))[0]?.status, 'accepted');
  assert.is(stock.waitingCount, 0);
});

test.run();
