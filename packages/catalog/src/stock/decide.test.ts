import type { Outcome, PlacedOrder, SeedProduct } from '@till/shared/movement';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { applyMovement, createStock } from './apply.ts';
import { accepts, decide } from './decide.ts';
import { stockQuantityMax } from './limits.ts';
import type { Command, Decided, Stock } from './types.ts';

const seed: SeedProduct[] = [
  { name: 'Fox', kind: 'toy', price: 9.5, quantity: 5, restock: true },
  { name: 'AAPL', kind: 'stock', price: 190, quantity: 5, restock: false },
  { name: 'Éléphant', kind: 'toy', price: 12, quantity: 5, restock: true },
];

const seeded = (): Stock => {
  const stock = createStock();
  run(stock, [{ kind: 'seed', products: seed }]);
  return stock;
};

/** Decides and takes in at once, as the driver does around its fsync. */
const run = (stock: Stock, commands: Command[], now = 1000): Decided => {
  const decided = decide(stock, { term: stock.term, now }, commands);
  for (const movement of decided.movements) applyMovement(stock, movement);
  return decided;
};

const order = (key: string, ...lines: [string, number][]): { kind: 'place'; placed: PlacedOrder } => ({
  kind: 'place',
  placed: {
    key,
    fingerprint: `print of ${key}`,
    order: { lines: lines.map(([name, quantity]) => ({ name, quantity })) },
  },
});

const typed = (key: string, type: 'buy' | 'sell', ...lines: [string, number][]): Command => {
  const command = order(key, ...lines);
  return { ...command, placed: { ...command.placed, order: { ...command.placed.order, type } } };
};

const place = (stock: Stock, command: Command): Outcome => {
  const [outcome] = run(stock, [command]).outcomes;
  if (outcome === undefined) throw new Error('An order has an outcome');
  return outcome;
};

const left = (stock: Stock, folded: string): number | undefined => stock.product(folded)?.quantity;

test('a purchase takes from stock and gets the first number, 0', () => {
  const stock = seeded();
  const { movements, outcomes } = run(stock, [order('k', ['Fox', 2])], 2000);
  assert.equal(outcomes, [{ key: 'k', status: 'accepted', sequence: 2, number: 0, replayed: false }]);
  assert.equal(movements, [
    {
      sequence: 2,
      term: 0,
      time: 2000,
      kind: 'order',
      number: 0,
      key: 'k',
      fingerprint: 'print of k',
      order: { lines: [{ name: 'Fox', quantity: 2 }] },
      stock: [{ name: 'Fox', before: 5, after: 3 }],
    },
  ]);
  assert.is(left(stock, 'fox'), 3);
});

test('a purchase of exactly what is left succeeds, of one more fails with the promised text', () => {
  const stock = seeded();
  assert.is(place(stock, order('one more', ['Fox', 6])).status, 'rejected');
  assert.is(place(stock, order('four', ['Fox', 4])).status, 'accepted');
  assert.equal(place(stock, order('three', ['Fox', 3])), {
    key: 'three',
    status: 'rejected',
    sequence: 4,
    reason: 'out_of_stock',
    message: 'Cannot buy 3 of "Fox": 1 left',
    replayed: false,
  });
  assert.is(place(stock, order('last', ['Fox', 1])).status, 'accepted');
  assert.is(left(stock, 'fox'), 0);
});

test('a rejection is remembered: the key stays refused after a refill, and takes no order number', () => {
  const stock = seeded();
  place(stock, order('k', ['AAPL', 6]));
  place(stock, typed('more', 'sell', ['AAPL', 10]));
  const again = place(stock, order('k', ['AAPL', 6]));
  assert.is(again.status, 'rejected');
  assert.ok('replayed' in again && again.replayed && again.sequence === 2);
  assert.is(stock.number, 0);
  assert.is(left(stock, 'aapl'), 15);
});

test('the same key gives the first decision again and moves nothing', () => {
  const stock = seeded();
  place(stock, order('k', ['Fox', 2]));
  const { movements, outcomes } = run(stock, [order('k', ['Fox', 2])]);
  assert.equal(movements, []);
  assert.equal(outcomes, [{ key: 'k', status: 'accepted', sequence: 2, number: 0, replayed: true }]);
});

test('the same key twice in one batch is decided once', () => {
  const stock = seeded();
  const { movements, outcomes } = run(stock, [order('k', ['Fox', 3]), order('k', ['Fox', 3])]);
  assert.is(movements.length, 1);
  assert.equal(
    outcomes.map((outcome) => 'replayed' in outcome && outcome.replayed),
    [false, true],
  );
  assert.is(left(stock, 'fox'), 2);
});

test('a key with another fingerprint is a conflict, for accepted and rejected orders, also within one batch', () => {
  const stock = seeded();
  run(stock, [order('yes', ['Fox', 1]), order('no', ['Fox', 50])]);
  const other = (key: string): Command => ({
    kind: 'place',
    placed: { ...order(key, ['Fox', 1]).placed, fingerprint: 'x' },
  });
  const { movements, outcomes } = run(stock, [other('yes'), other('no'), order('new', ['Fox', 1]), other('new')]);
  assert.equal(
    outcomes.map((outcome) => outcome.status),
    ['conflict', 'conflict', 'accepted', 'conflict'],
  );
  assert.is(movements.length, 1);
});

test('a sale adds to stock', () => {
  const stock = seeded();
  assert.is(place(stock, typed('k', 'sell', ['AAPL', 7])).status, 'accepted');
  assert.is(left(stock, 'aapl'), 12);
  assert.is(place(stock, typed('b', 'buy', ['AAPL', 12])).status, 'accepted');
  assert.is(left(stock, 'aapl'), 0);
});

test('a sale beyond the most that is kept is refused and remembered, and exactly to it succeeds', () => {
  const stock = createStock();
  run(stock, [{ kind: 'seed', products: [{ ...seed[1], quantity: stockQuantityMax - 3 } as SeedProduct] }]);
  assert.equal(place(stock, typed('k', 'sell', ['AAPL', 4])), {
    key: 'k',
    status: 'rejected',
    sequence: 2,
    reason: 'out_of_stock',
    message: 'Cannot sell 4 of "AAPL": room for 3',
    replayed: false,
  });
  assert.is(place(stock, typed('l', 'sell', ['AAPL', 3])).status, 'accepted');
});

test('two lines of one product, in whatever spelling, are added up before deciding', () => {
  const stock = seeded();
  assert.equal(
    (place(stock, order('six', ['Fox', 3], ['fOX', 3])) as { message?: string }).message,
    'Cannot buy 6 of "Fox": 5 left',
  );
  const { movements } = run(stock, [order('five', ['FOX', 2], ['aapl', 1], ['fox', 3])]);
  const movement = movements[0];
  if (movement?.kind !== 'order') throw new Error('Five are there');
  assert.equal(movement.stock, [
    { name: 'Fox', before: 5, after: 0 },
    { name: 'AAPL', before: 5, after: 4 },
  ]);
  assert.equal(movement.order.lines, [
    { name: 'Fox', quantity: 2 },
    { name: 'AAPL', quantity: 1 },
    { name: 'Fox', quantity: 3 },
  ]);
});

test('several lines are all or nothing', () => {
  const stock = seeded();
  assert.is(place(stock, order('k', ['Fox', 1], ['AAPL', 6])).status, 'rejected');
  assert.is(place(stock, order('u', ['Fox', 1], ['Nobody', 1])).status, 'unknown_product');
  assert.is(left(stock, 'fox'), 5);
  assert.is(left(stock, 'aapl'), 5);
});

test('an unknown product is named as it was asked for, and nothing is recorded under the key', () => {
  const stock = seeded();
  const { movements, outcomes } = run(stock, [order('k', ['NoBody', 1])]);
  assert.equal(outcomes, [{ key: 'k', status: 'unknown_product', name: 'NoBody' }]);
  assert.equal(movements, []);
  assert.is(place(stock, order('k', ['Fox', 1])).status, 'accepted');
});

test('names match without regard to case and composition, and the journal has their own spelling', () => {
  const stock = seeded();
  const { movements } = run(stock, [order('k', ['E\u0301LE\u0301PHANT', 1])]);
  assert.equal(movements[0]?.kind === 'order' && movements[0].order.lines, [{ name: 'Éléphant', quantity: 1 }]);
});

test('type and form of the order are kept as they were asked for', () => {
  const stock = seeded();
  const many: Command = {
    kind: 'place',
    placed: { key: 'm', fingerprint: 'm', order: { lines: [{ name: 'Fox', quantity: 1 }], type: 'sell', many: true } },
  };
  const [movement] = run(stock, [many]).movements;
  assert.equal(movement?.kind === 'order' && movement.order, {
    lines: [{ name: 'Fox', quantity: 1 }],
    type: 'sell',
    many: true,
  });
});

test('later orders of a batch see what earlier ones did', () => {
  const stock = seeded();
  const { outcomes } = run(stock, [order('a', ['Fox', 4]), order('b', ['Fox', 2]), order('c', ['Fox', 1])]);
  assert.equal(
    outcomes.map((outcome) => outcome.status),
    ['accepted', 'rejected', 'accepted'],
  );
  assert.is((outcomes[2] as { number: number }).number, 1);
});

test('deciding changes nothing in the view', () => {
  const stock = seeded();
  decide(stock, { term: 0, now: 1 }, [order('a', ['Fox', 4]), { kind: 'fence' }]);
  assert.is(left(stock, 'fox'), 5);
  assert.is(stock.sequence, 1);
  assert.is(stock.decision('a'), undefined);
});

test('a sold-out product is refilled once per cause', () => {
  const stock = seeded();
  place(stock, order('k', ['Fox', 5]));
  const restock: Command = { kind: 'restock', name: 'Fox', cause: 2, level: 100 };
  const { movements } = run(stock, [restock, restock]);
  assert.equal(movements, [
    { sequence: 3, term: 0, time: 1000, kind: 'restock', cause: 2, stock: [{ name: 'Fox', before: 0, after: 100 }] },
  ]);
  place(stock, order('all', ['Fox', 100]));
  assert.equal(run(stock, [restock]).movements, [], 'The cause is an old one');
  assert.is(run(stock, [{ ...restock, cause: 4 }]).movements.length, 1);
});

test('nothing is refilled that has some left, is not to be restocked, is unknown, or to no level', () => {
  const stock = seeded();
  run(stock, [order('a', ['AAPL', 5]), order('b', ['Fox', 4])]);
  const restock = (name: string, cause: number, level = 100): Command => ({ kind: 'restock', name, cause, level });
  assert.equal(run(stock, [restock('AAPL', 2), restock('Fox', 3), restock('Nobody', 2)]).movements, []);
  place(stock, order('c', ['Fox', 1]));
  assert.equal(run(stock, [restock('Fox', 4, 0)]).movements, []);
  assert.is(run(stock, [restock('Fox', 4)]).movements.length, 1);
});

test('a fence carries the term of its batch', () => {
  const stock = seeded();
  const { movements } = decide(stock, { term: 7, now: 5 }, [{ kind: 'fence' }]);
  assert.equal(movements, [{ sequence: 2, term: 7, time: 1000, kind: 'fence' }]);
});

test('an older term is not accepted; the same and a newer one are', () => {
  assert.equal(
    [4, 5, 6].map((term) => accepts(5, term)),
    [false, true, true],
  );
});

test('time never falls, whatever the clock says', () => {
  const stock = seeded();
  const { movements } = run(stock, [order('a', ['Fox', 1])], 3);
  assert.is(movements[0]?.time, 1000);
  assert.is(run(stock, [order('b', ['Fox', 1])], 2000).movements[0]?.time, 2000);
});

test('an order without lines, or of no whole quantity, is our mistake and stops us', () => {
  const stock = seeded();
  assert.throws(() => run(stock, [order('a')]), /at least one line/);
  assert.throws(() => run(stock, [order('b', ['Fox', 0])]), /An order of 0/);
  assert.throws(() => run(stock, [order('c', ['Fox', 1.5])]), /An order of 1.5/);
});

test.run();
