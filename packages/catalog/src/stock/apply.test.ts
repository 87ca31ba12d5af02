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
});

test.run();
