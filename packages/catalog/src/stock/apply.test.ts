import type { Movement, OrderMovement } from '@till/shared/movement';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { applyMovement, createStock } from './apply.ts';
import { stockQuantityMax } from './limits.ts';
import type { Stock } from './types.ts';

const base = { term: 0, time: 10 };
const seed: Movement = {
  ...base,
  sequence: 1,
  kind: 'seed',
  products: [
    { name: 'Fox', kind: 'toy', price: 9.5, quantity: 5, restock: true },
    { name: 'AAPL', kind: 'stock', price: 190, quantity: 0, restock: false },
  ],
};
const order: OrderMovement = {
  ...base,
  sequence: 2,
  kind: 'order',
  number: 0,
  key: 'k',
  fingerprint: 'f',
  order: { lines: [{ name: 'Fox', quantity: 2 }] },
  stock: [{ name: 'Fox', before: 5, after: 3 }],
};
const rejection: Movement = {
  ...base,
  sequence: 3,
  kind: 'rejection',
  key: 'r',
  fingerprint: 'g',
  order: { lines: [{ name: 'Fox', quantity: 9 }] },
  reason: 'out_of_stock',
  message: 'Cannot buy 9 of "Fox": 3 left',
};

const cancel: Movement = {
  ...base,
  sequence: 3,
  kind: 'cancel',
  key: 'x',
  of: 'k',
  number: 0,
  stock: [{ name: 'Fox', before: 3, after: 5 }],
};
const checkout: Movement = {
  ...base,
  sequence: 2,
  kind: 'checkout',
  key: 'c',
  fingerprint: 'h',
  checkout: { id: 'i', lines: [{ name: 'Fox', quantity: 2 }], customer: 'Kim', card: '4242' },
};
const note: Movement = { ...base, sequence: 2, kind: 'note', sink: 's', delivered: 1, dead: [], again: [] };

const told = (...movements: Movement[]): Stock => {
  const stock = createStock();
  for (const movement of movements) applyMovement(stock, movement);
  return stock;
};

const stops = (pattern: RegExp, ...movements: Movement[]): void => {
  const last = movements.pop() as Movement;
  const stock = told(...movements);
  assert.throws(() => applyMovement(stock, last), pattern);
};

test('an empty stock stands before the first movement', () => {
  const stock = createStock();
  assert.equal([stock.sequence, stock.number, stock.time, stock.term, stock.decisionCount], [0, -1, 0, 0, 0]);
  assert.is(stock.product('fox'), undefined);
});

test('the seed gives every product its first version', () => {
  const stock = createStock();
  const changed = applyMovement(stock, seed);
  assert.equal(
    changed.map(({ name, version }) => [name, version]),
    [
      ['Fox', 1],
      ['AAPL', 1],
    ],
  );
  assert.equal([...stock.products.keys()], ['fox', 'aapl']);
});

test('an order moves stock, raises the version, is remembered by key', () => {
  const stock = told(seed);
  const changed = applyMovement(stock, order);
  assert.equal(changed, [{ name: 'Fox', kind: 'toy', price: 9.5, quantity: 3, restock: true, version: 2 }]);
  assert.equal(stock.product('fox'), changed[0]);
  assert.equal(stock.decision('k'), { status: 'accepted', fingerprint: 'f', sequence: 2, number: 0 });
  assert.is(stock.number, 0);
});

test('what a reader holds does not change under it', () => {
  const stock = told(seed);
  const held = stock.product('fox');
  applyMovement(stock, order);
  assert.is(held?.quantity, 5);
});

test('a rejection moves nothing and is remembered', () => {
  const stock = told(seed, order);
  assert.equal(applyMovement(stock, rejection), []);
  assert.equal(stock.decision('r'), {
    status: 'rejected',
    fingerprint: 'g',
    sequence: 3,
    reason: 'out_of_stock',
    message: 'Cannot buy 9 of "Fox": 3 left',
  });
  assert.is(stock.number, 0);
  assert.is(stock.decisionCount, 2);
});

test('a fence raises the term, and everything after it carries it', () => {
  const fence: Movement = { sequence: 2, term: 3, time: 10, kind: 'fence' };
  const stock = told(seed, fence);
  assert.is(stock.term, 3);
  stops(/Movement 3 has term 0, not 3/, seed, fence, { ...order, sequence: 3 });
  stops(/Movement 3 has term 4, not 3/, seed, fence, { ...order, sequence: 3, term: 4 });
  stops(/A fence raises the term: 3 to 3/, seed, fence, { ...fence, sequence: 3 });
});

test('a restock follows from its cause, once', () => {
  const empty: Movement = { ...order, stock: [{ name: 'Fox', before: 5, after: 0 }] };
  const restock: Movement = {
    ...base,
    sequence: 3,
    kind: 'restock',
    cause: 2,
    stock: [{ name: 'Fox', before: 0, after: 100 }],
  };
  assert.is(told(seed, empty, restock).product('fox')?.quantity, 100);
  stops(/Restock of "Fox" for 2, now at 3/, seed, empty, restock, {
    ...restock,
    sequence: 4,
    stock: [{ name: 'Fox', before: 100, after: 200 }],
  });
});

test('an order with two names is remembered under both, as one decision', () => {
  const stock = told(seed, { ...order, alsoKey: 'l' });
  assert.is(stock.decision('l'), stock.decision('k'));
  assert.is(stock.decisionCount, 2);
});

test('a cancellation gives stock back, raises the version, is remembered by key and by the number of its order', () => {
  const stock = told(seed, order);
  const changed = applyMovement(stock, cancel);
  assert.equal(
    changed.map(({ name, quantity, version }) => [name, quantity, version]),
    [['Fox', 5, 3]],
  );
  assert.equal(stock.decision('x'), { status: 'cancelled', sequence: 3, number: 0 });
  assert.is(stock.cancellation(0), 3);
  assert.is(stock.cancellation(1), undefined);
  assert.is(stock.number, 0);
});

test('a cancellation of no order, of a refused one, of another number, or a second one: each stops', () => {
  stops(/cancels order 0 under the key "n"/, seed, order, { ...cancel, of: 'n' });
  stops(/cancels order 0 under the key "r"/, seed, order, rejection, { ...cancel, sequence: 4, of: 'r' });
  stops(/cancels order 1 under the key "k"/, seed, order, { ...cancel, number: 1 });
  stops(/Order 0 is cancelled twice/, seed, order, cancel, { ...cancel, sequence: 4, key: 'y', stock: [] });
  stops(/Key "k" is decided twice/, seed, order, { ...cancel, key: 'k' });
});

test('a cancellation may leave more than is sold to the shop, up to what a number holds exactly', () => {
  const back = (after: number): Movement => ({ ...cancel, stock: [{ name: 'Fox', before: 3, after }] });
  const above = told(seed, order, back(stockQuantityMax + 9));
  const bought = (after: number): Movement => ({
    ...order,
    sequence: 4,
    number: 1,
    key: 'l',
    stock: [{ name: 'Fox', before: stockQuantityMax + 9, after }],
  });
  assert.is(applyMovement(above, bought(stockQuantityMax + 8))[0]?.quantity, stockQuantityMax + 8);
  stops(/leaves 1000000000010 of "Fox"/, seed, order, back(stockQuantityMax + 9), bought(stockQuantityMax + 10));
  stops(/leaves 9007199254740992 of "Fox"/, seed, order, back(Number.MAX_SAFE_INTEGER + 1));
  stops(/leaves -1 of "Fox"/, seed, order, back(-1));
});

test('a checkout is remembered and waits until there is a decision under its key', () => {
  const stock = told(seed, checkout);
  assert.equal(stock.decision('c'), { status: 'queued', fingerprint: 'h', sequence: 2, id: 'i' });
  assert.equal([stock.isWaiting('i'), stock.isWaiting('c'), stock.waitingCount], [true, false, 1]);
  applyMovement(stock, { ...order, sequence: 3, key: 'checkout other', stock: [] });
  assert.is(stock.waitingCount, 1);
  applyMovement(stock, { ...rejection, sequence: 4, key: 'checkout i' });
  assert.equal([stock.isWaiting('i'), stock.waitingCount], [false, 0]);
});

test('a checkout whose id waits or has an outcome stops', () => {
  stops(/Checkout "i" is queued twice/, seed, checkout, { ...checkout, sequence: 3, key: 'd' });
  stops(/Checkout "i" is queued twice/, seed, { ...order, key: 'checkout i' }, { ...checkout, sequence: 3 });
  stops(/Key "c" is decided twice/, seed, { ...order, key: 'c' }, { ...checkout, sequence: 3 });
});

test('of a sink the last note is remembered', () => {
  const stock = told(seed, note);
  assert.equal([stock.lastNote('s'), stock.lastNote('t')], [2, 0]);
  assert.equal(applyMovement(stock, { ...note, sequence: 3 }), []);
  assert.is(stock.lastNote('s'), 3);
});

test('a movement is read from the journal that stands behind the stock; without one that is our mistake', () => {
  assert.is(createStock(() => order).movement(2), order);
  assert.throws(() => createStock().movement(2), /no journal to read movement 2 from/);
});

test('a gap or a repeat in the sequence stops', () => {
  stops(/Movement 3 follows 1/, seed, { ...order, sequence: 3 });
  stops(/Movement 1 follows 1/, seed, { ...order, sequence: 1 });
});

test('an order number that is skipped or given again stops', () => {
  stops(/Order number 1 follows -1/, seed, { ...order, number: 1 });
  stops(/Order number 0 follows 0/, seed, order, {
    ...order,
    sequence: 3,
    key: 'l',
    stock: [{ name: 'Fox', before: 3, after: 1 }],
  });
});

test('another stock before, less than none or too much after, an unknown product: each stops', () => {
  const moves = (before: number, after: number, name = 'Fox'): Movement => ({
    ...order,
    stock: [{ name, before, after }],
  });
  stops(/finds 4 of "Fox", not 5/, seed, moves(4, 3));
  stops(/leaves -1 of "Fox"/, seed, moves(5, -1));
  stops(/leaves 0.5 of "Fox"/, seed, moves(5, 0.5));
  stops(/leaves 1000000000001 of "Fox"/, seed, moves(5, stockQuantityMax + 1));
  stops(/finds 1 of "Nobody", not undefined/, seed, moves(1, 0, 'Nobody'));
});

test('a key that is decided twice, time that falls, a seed that is late or names a product twice: each stops', () => {
  stops(/Key "k" is decided twice/, seed, order, { ...rejection, key: 'k' });
  stops(/Key "k" is decided twice/, seed, order, { ...rejection, alsoKey: 'k' });
  stops(/Time falls at movement 2/, seed, { ...order, time: 9 });
  stops(/A seed is the first movement/, seed, { ...seed, sequence: 2 });
  stops(/names each product once/, {
    ...seed,
    products: [...seed.products, { name: 'FOX', kind: 'book', price: 1, quantity: 1, restock: false }],
  });
});

test('a movement that stops has changed nothing', () => {
  const stock = told(seed);
  assert.throws(() => applyMovement(stock, { ...order, number: 4 }));
  assert.equal([stock.sequence, stock.number, stock.product('fox')?.quantity], [1, -1, 5]);
  applyMovement(stock, order);
  assert.throws(() => applyMovement(stock, { ...rejection, alsoKey: 'k' }));
  assert.is(stock.decision('r'), undefined);
});

test.run();
