/** What holds for every history: random batches of orders, restocks and fences, small enough that everything collides. */
import type { Movement, OrderMovement, Outcome, SeedProduct } from '@till/shared/movement';
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { applyMovement, createStock } from './apply.ts';
import { decide } from './decide.ts';
import type { Command, Stock } from './types.ts';

const seed: SeedProduct[] = [
  { name: 'Fox', kind: 'toy', price: 9.5, quantity: 6, restock: true },
  { name: 'Tux', kind: 'toy', price: 9.5, quantity: 2, restock: true },
  { name: 'AAPL', kind: 'stock', price: 190, quantity: 6, restock: false },
];

const line = fc.record({
  name: fc.constantFrom('Fox', 'fOx', 'Tux', 'aapl', 'AAPL', 'Nobody'),
  quantity: fc.integer({ min: 1, max: 4 }),
});
const order = fc.record({
  key: fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j', 'k', 'l'),
  fingerprint: fc.constantFrom('f', 'f', 'f', 'g'),
  order: fc.record(
    {
      lines: fc.array(line, { minLength: 1, maxLength: 3 }),
      type: fc.constantFrom('buy' as const, 'buy' as const, 'sell' as const),
    },
    { requiredKeys: ['lines'] },
  ),
});
const command: fc.Arbitrary<Command> = fc.oneof(
  { weight: 8, arbitrary: order.map((placed) => ({ kind: 'order' as const, placed })) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('restock' as const),
      name: fc.constantFrom('Fox', 'Tux', 'AAPL'),
      cause: fc.integer({ min: 1, max: 12 }),
      level: fc.constantFrom(0, 5),
    }),
  },
);
const batch = fc.record({ commands: fc.array(command, { maxLength: 8 }), now: fc.integer({ min: 0, max: 50 }) });
const history = fc.array(batch, { maxLength: 6 });
type History = { commands: Command[]; now: number }[];

type Told = { stock: Stock; movements: Movement[]; outcomes: Outcome[]; orders: Extract<Command, { kind: 'order' }>[] };

/** Batch after batch; a fence in a new term stands before every second one. */
const tell = (batches: History): Told => {
  const stock = createStock();
  const told: Told = { stock, movements: [], outcomes: [], orders: [] };
  const run = (commands: Command[], now: number, term = stock.term): void => {
    const { movements, outcomes } = decide(stock, { term, now }, commands);
    for (const movement of movements) applyMovement(stock, movement);
    told.movements.push(...movements);
    told.outcomes.push(...outcomes);
    told.orders.push(...commands.filter((each) => each.kind === 'order'));
  };
  run([{ kind: 'seed', products: seed }], 0);
  batches.forEach(({ commands, now }, place) => {
    if (place % 2 === 0) run([{ kind: 'fence' }], now, stock.term + 1);
    run(commands, now);
  });
  return told;
};

const holds = (check: (told: Told, batches: History) => void): void => {
  fc.assert(
    fc.property(history, (batches) => check(tell(batches), batches)),
    { numRuns: 400 },
  );
};

const isOrder = (movement: Movement): movement is OrderMovement => movement.kind === 'order';
const stateOf = (stock: Stock) => ({
  ends: [stock.sequence, stock.number, stock.time, stock.term],
  products: [...stock.products.values()],
});

test('sequences and order numbers have no gaps, and time never falls', () => {
  holds(({ movements }) => {
    assert.equal(
      movements.map(({ sequence }) => sequence),
      movements.map((_, place) => place + 1),
    );
    const orders = movements.filter(isOrder);
    assert.equal(
      orders.map(({ number }) => number),
      orders.map((_, place) => place),
    );
    const times = movements.map(({ time }) => time);
    assert.equal(
      times,
      times.toSorted((a, b) => a - b),
    );
  });
});

test('stock is never negative, and is the seed plus all movements', () => {
  holds(({ stock, movements }) => {
    const sums = new Map(seed.map(({ name, quantity }) => [name, quantity]));
    for (const movement of movements) {
      if (!('stock' in movement)) continue;
      for (const { name, before, after } of movement.stock) {
        assert.is(before, sums.get(name));
        assert.ok(after >= 0);
        sums.set(name, after);
      }
    }
    for (const product of stock.products.values()) assert.is(product.quantity, sums.get(product.name));
  });
});

test('an accepted order moves exactly what its lines add up to, in the direction of its type', () => {
  holds(({ movements }) => {
    for (const { order: asked, stock } of movements.filter(isOrder)) {
      const direction = asked.type === 'sell' ? 1 : -1;
      const sums = new Map<string, number>();
      for (const { name, quantity } of asked.lines) sums.set(name, (sums.get(name) ?? 0) + direction * quantity);
      assert.equal(new Map(stock.map(({ name, before, after }) => [name, after - before])), sums);
    }
  });
});

test('a key is decided once; its first decision is the answer from then on; another fingerprint is a conflict', () => {
  holds(({ orders, outcomes }) => {
    assert.is(outcomes.length, orders.length);
    const first = new Map<string, { fingerprint: string; outcome: Outcome }>();
    orders.forEach(({ placed }, place) => {
      const outcome = outcomes[place] as Outcome;
      assert.is(outcome.key, placed.key);
      const known = first.get(placed.key);
      if (known === undefined) {
        assert.ok(outcome.status !== 'conflict');
        if (outcome.status !== 'unknown_product') {
          assert.ok(!('replayed' in outcome && outcome.replayed));
          first.set(placed.key, { fingerprint: placed.fingerprint, outcome });
        }
      } else if (known.fingerprint === placed.fingerprint) assert.equal(outcome, { ...known.outcome, replayed: true });
      else assert.is(outcome.status, 'conflict');
    });
  });
});

test('a refusal is right: one of its products was short at that point; an acceptance leaves none short', () => {
  holds(({ movements }) => {
    const stock = createStock();
    for (const movement of movements) {
      if (movement.kind === 'rejection') {
        const sums = new Map<string, number>();
        for (const { name, quantity } of movement.order.lines) sums.set(name, (sums.get(name) ?? 0) + quantity);
        assert.is.not(movement.order.type, 'sell');
        const short = [...sums].filter(([name, sum]) => sum > (stock.product(name.toLowerCase())?.quantity ?? 0));
        const [name, sum] = short[0] as [string, number];
        const count = stock.product(name.toLowerCase())?.quantity;
        assert.is(movement.message, `Cannot buy ${sum} of "${name}": ${count} left`);
      }
      applyMovement(stock, movement);
    }
  });
});

test('a restock has a cause of its own, fills what is sold out, and only what is to be restocked', () => {
  holds(({ movements }) => {
    const causes = new Set<string>();
    for (const movement of movements) {
      if (movement.kind !== 'restock') continue;
      const [change] = movement.stock;
      assert.equal(change, { name: change?.name, before: 0, after: 5 });
      assert.is.not(change?.name, 'AAPL');
      const cause = `${change?.name} ${movement.cause}`;
      assert.not.ok(causes.has(cause));
      causes.add(cause);
    }
  });
});

test('a batch decides exactly as its commands one at a time would', () => {
  holds((told, batches) => {
    const single = createStock();
    const movements: Movement[] = [];
    const outcomes: Outcome[] = [];
    const run = (each: Command, now: number, term = single.term): void => {
      const decided = decide(single, { term, now }, [each]);
      for (const movement of decided.movements) applyMovement(single, movement);
      movements.push(...decided.movements);
      outcomes.push(...decided.outcomes);
    };
    run({ kind: 'seed', products: seed }, 0);
    batches.forEach(({ commands, now }, place) => {
      if (place % 2 === 0) run({ kind: 'fence' }, now, single.term + 1);
      for (const each of commands) run(each, now);
    });
    assert.equal(movements, told.movements);
    assert.equal(outcomes, told.outcomes);
  });
});

test('the journal alone, read back from its text, gives the same stock and the same memory', () => {
  holds(({ stock, movements, orders }) => {
    const again = createStock();
    for (const movement of JSON.parse(JSON.stringify(movements)) as Movement[]) applyMovement(again, movement);
    assert.equal(stateOf(again), stateOf(stock));
    for (const { placed } of orders) assert.equal(again.decision(placed.key), stock.decision(placed.key));
  });
});

test.run();
