/**
 * What holds for every history: random batches of everything that can be placed, restocks and fences, small enough that
 * everything collides.
 */
import { checkoutKey, checkoutOf, noteKey } from '@till/shared/keys';
import { limits } from '@till/shared/limits';
import type {
  CancelMovement,
  CheckoutMovement,
  Movement,
  NoteMovement,
  OrderMovement,
  Outcome,
  Placed,
  PlacedOrder,
  SeedProduct,
  StockChange,
} from '@till/shared/movement';
import { foldName } from '@till/shared/names';
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { applyMovement, createStock } from './apply.ts';
import { decide } from './decide.ts';
import type { Command, Decided, Stock, View } from './types.ts';

const seed: SeedProduct[] = [
  { name: 'Fox', kind: 'toy', price: 9.5, quantity: 6, restock: true },
  { name: 'Tux', kind: 'toy', price: 9.5, quantity: 2, restock: true },
  { name: 'AAPL', kind: 'stock', price: 190, quantity: 6, restock: false },
];

const ids = ['1', '2', '3', '4'];
const orderKeys = [...'abcdefgh', ...ids.map(checkoutKey)];
const cancelKeys = ['x', 'y', 'z', 'a'];
const checkoutKeys = ['p', 'q', 'r', 's', 'b'];
const sinks = ['shop', 'hook'];
const REFUSED = 'Cannot be had elsewhere';
/** Stands for the sequence that is right before the batch: of the sink's last note, of the product's last change. */
const LAST = -1;

const line = fc.record({
  name: fc.constantFrom('Fox', 'fOx', 'Tux', 'aapl', 'AAPL', 'Nobody'),
  quantity: fc.integer({ min: 1, max: 4 }),
});
const lines = fc.array(line, { minLength: 1, maxLength: 3 });
const fingerprint = fc.constantFrom('f', 'f', 'f', 'g');
const order: fc.Arbitrary<PlacedOrder> = fc.record(
  {
    key: fc.constantFrom(...orderKeys),
    fingerprint,
    order: fc.record(
      { lines, type: fc.constantFrom('buy' as const, 'buy' as const, 'sell' as const) },
      { requiredKeys: ['lines'] },
    ),
    alsoKey: fc.constantFrom('i', 'j', 'k', 'a', 'p'),
    refusal: fc.constant(REFUSED),
  },
  { requiredKeys: ['key', 'fingerprint', 'order'] },
);
const rarelyRefused = fc
  .tuple(order, fc.integer({ min: 0, max: 3 }))
  .map(([{ refusal, ...placed }, chance]) => (refusal !== undefined && chance === 0 ? { ...placed, refusal } : placed));
const cancel: fc.Arbitrary<Placed> = fc
  .record({ key: fc.constantFrom(...cancelKeys), of: fc.constantFrom(...orderKeys, 'i', 'j', 'x') })
  .map(({ key, of }) => ({ key, cancel: { of } }));
const checkout: fc.Arbitrary<Placed> = fc
  .record({ key: fc.constantFrom(...checkoutKeys), fingerprint, id: fc.constantFrom(...ids), lines })
  .map(({ key, fingerprint: print, id, lines: wanted }) => ({
    key,
    fingerprint: print,
    checkout: { id, lines: wanted, customer: 'Kim', card: '4242' },
  }));
const note: fc.Arbitrary<Placed> = fc
  .record({
    sink: fc.constantFrom(...sinks),
    after: fc.constantFrom(LAST, LAST, LAST, 0, 3),
    asked: fc.constantFrom(0, 2),
  })
  .map(({ sink, after, asked }) => ({
    key: noteKey(sink),
    note: { sink, after, delivered: 1, dead: [], again: [{ sequence: 1, asked }] },
  }));
const command: fc.Arbitrary<Command> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc
      .oneof(
        { weight: 9, arbitrary: rarelyRefused },
        { weight: 4, arbitrary: cancel },
        { weight: 3, arbitrary: checkout },
        { weight: 2, arbitrary: note },
      )
      .map((placed) => ({ kind: 'place' as const, placed })),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('restock' as const),
      name: fc.constantFrom('Fox', 'Tux', 'AAPL'),
      cause: fc.constantFrom(LAST, LAST, 1, 3),
      level: fc.constantFrom(0, 5),
    }),
  },
);
const batch = fc.record({ commands: fc.array(command, { maxLength: 10 }), now: fc.integer({ min: 0, max: 50 }) });
const history = fc.array(batch, { maxLength: 6 });

/** A batch as it was decided: without `LAST`. */
type Batch = { commands: Command[]; now: number; term: number };
type Told = { stock: Stock; movements: Movement[]; outcomes: Outcome[]; placed: Placed[]; batches: Batch[] };

const emptyShop = (): { stock: Stock; movements: Movement[] } => {
  const movements: Movement[] = [];
  return { movements, stock: createStock((sequence) => movements[sequence - 1] as Movement) };
};

const isPlace = (each: Command): each is Extract<Command, { kind: 'place' }> => each.kind === 'place';

/** Batch after batch; a fence in a new term stands before every second one. */
const tell = (batches: { commands: Command[]; now: number }[]): Told => {
  const { stock, movements } = emptyShop();
  const told: Told = { stock, movements, outcomes: [], placed: [], batches: [] };
  const run = (commands: Command[], now: number, term = stock.term): void => {
    const decided = decide(stock, { term, now }, commands);
    for (const movement of decided.movements) applyMovement(stock, movement);
    movements.push(...decided.movements);
    told.outcomes.push(...decided.outcomes);
    told.placed.push(...commands.filter(isPlace).map(({ placed }) => placed));
    told.batches.push({ commands, now, term });
  };
  const named = (each: Command): Command => {
    if (each.kind === 'restock' && each.cause === LAST) {
      return { ...each, cause: stock.product(foldName(each.name))?.version ?? 0 };
    }
    if (!isPlace(each) || !('note' in each.placed) || each.placed.note.after !== LAST) return each;
    const { key, note: asked } = each.placed;
    return { kind: 'place', placed: { key, note: { ...asked, after: stock.lastNote(asked.sink) } } };
  };
  run([{ kind: 'seed', products: seed }], 0);
  batches.forEach(({ commands, now }, place) => {
    if (place % 2 === 0) run([{ kind: 'fence' }], now, stock.term + 1);
    run(commands.map(named), now);
  });
  return told;
};

const holds = (check: (told: Told) => void, always: { seed?: number } = {}): void => {
  fc.assert(
    fc.property(history, (batches) => check(tell(batches))),
    { numRuns: 400, ...always },
  );
};

/** The same commands again, one at a time. `look` sees the stock before each, and what was decided. */
const again = (
  batches: Batch[],
  look: (stock: Stock, each: Command, decided: Decided, all: Movement[]) => void,
): void => {
  const { stock, movements } = emptyShop();
  for (const { commands, now, term } of batches) {
    for (const each of commands) {
      const decided = decide(stock, { term, now }, [each]);
      look(stock, each, decided, movements);
      for (const movement of decided.movements) applyMovement(stock, movement);
      movements.push(...decided.movements);
    }
  }
};

const isOrder = (movement: Movement): movement is OrderMovement => movement.kind === 'order';
const isCancel = (movement: Movement): movement is CancelMovement => movement.kind === 'cancel';
const isCheckout = (movement: Movement): movement is CheckoutMovement => movement.kind === 'checkout';
const isNote = (movement: Movement): movement is NoteMovement => movement.kind === 'note';

/** All that a decision can look at. */
const stateOf = (stock: Stock) => ({
  ends: [stock.sequence, stock.number, stock.time, stock.term, stock.decisionCount, stock.waitingCount],
  products: [...stock.products.values()],
  decisions: [...orderKeys, ...cancelKeys, ...checkoutKeys, 'i', 'j', 'k'].map(stock.decision),
  cancellations: Array.from({ length: stock.number + 1 }, (_, number) => stock.cancellation(number)),
  waiting: ids.map(stock.isWaiting),
  notes: sinks.map(stock.lastNote),
});

test('the histories are rich enough: every kind of movement and every answer but a full queue comes up', () => {
  const seen = new Set<string>();
  const look = ({ movements, outcomes }: Told): void => {
    for (const { kind } of movements) seen.add(kind);
    for (const outcome of outcomes) {
      seen.add('replayed' in outcome && outcome.replayed ? `${outcome.status} again` : outcome.status);
    }
  };
  holds(look, { seed: 1 });
  const all =
    'seed order rejection cancel checkout note restock fence accepted rejected queued cancelled nothing_to_cancel ' +
    'unknown_order cannot_cancel noted stale conflict unknown_product';
  for (const one of all.split(' ')) assert.ok(seen.has(one), one);
  for (const one of ['accepted', 'rejected', 'queued', 'cancelled']) assert.ok(seen.has(`${one} again`), one);
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

test('each order is cancelled at most once, after it was accepted, and gives back exactly what it took', () => {
  holds(({ stock, movements }) => {
    const cancelled = new Set<number>();
    for (const movement of movements.filter(isCancel)) {
      const taken = movements.slice(0, movement.sequence - 1).filter(isOrder)[movement.number];
      assert.is(movement.of, taken?.key);
      assert.not.ok(cancelled.has(movement.number));
      cancelled.add(movement.number);
      assert.equal(
        movement.stock.map(({ name, before, after }) => [name, after - before]),
        taken?.stock.map(({ name, before, after }) => [name, before - after]),
      );
      assert.is(stock.cancellation(movement.number), movement.sequence);
    }
  });
});

test('an answer to a cancellation is right: it names the one that there is, and one is refused only for what is gone', () => {
  holds(({ batches }) => {
    again(batches, (stock, each, { outcomes, movements }, all) => {
      if (!isPlace(each) || !('cancel' in each.placed)) return;
      const [outcome] = outcomes;
      const { of } = each.placed.cancel;
      const named = all.find(
        (one) => (isOrder(one) || one.kind === 'rejection') && (one.key === of || one.alsoKey === of),
      );
      const taken = named !== undefined && isOrder(named) ? named : null;
      if (outcome?.status === 'conflict') assert.ok(stock.decision(each.placed.key) !== undefined);
      else if (outcome?.status === 'unknown_order') assert.is(named, undefined);
      else if (outcome?.status === 'nothing_to_cancel') assert.is(named?.kind, 'rejection');
      else if (outcome?.status === 'cancelled') {
        const done = [...all, ...movements].filter(isCancel).find(({ number }) => number === taken?.number);
        assert.equal([outcome.sequence, outcome.number], [done?.sequence, taken?.number]);
      } else {
        assert.is(outcome?.status, 'cannot_cancel');
        const isGone = ({ name, before, after }: StockChange) =>
          (stock.product(foldName(name))?.quantity ?? 0) + before - after < 0;
        assert.ok(taken?.stock.some(isGone));
      }
    });
  });
});

/** What was asked for under a name first, and what was said. */
type Known = { content: string; outcome: Outcome };

test('a name is decided once; its first decision is the answer from then on; anything else is a conflict', () => {
  holds(({ placed, outcomes }) => {
    assert.is(outcomes.length, placed.length);
    const known = new Map<string, Known>();
    const takenIds = new Set<string>();
    const cancelled = new Set<number>();
    const numberOf = (key: string): number | undefined => {
      const outcome = known.get(key)?.outcome;
      return outcome?.status === 'accepted' ? outcome.number : undefined;
    };
    for (const [place, each] of placed.entries()) {
      const { key } = each;
      const outcome = outcomes[place] as Outcome;
      assert.is(outcome.key, key);
      if ('note' in each) continue;
      const names = 'alsoKey' in each && each.alsoKey !== undefined ? [key, each.alsoKey] : [key];
      const first = names.map((name) => known.get(name)).filter((one) => one !== undefined);
      const content =
        'cancel' in each
          ? `cancel ${numberOf(each.cancel.of)}`
          : `${'order' in each ? 'order' : 'checkout'} ${each.fingerprint}`;
      if (first.length > 0) {
        const isSame = first.every((one) => one.outcome === first[0]?.outcome) && first[0]?.content === content;
        // The first name is right, or free: then it is the second one that belongs to another order.
        const bySecond = names.length > 1 && (known.get(key)?.content ?? content) === content;
        const conflict = { key, status: 'conflict', ...(bySecond ? { alsoKey: true } : {}) };
        assert.equal(outcome, isSame ? { ...(first[0] as Known).outcome, key, replayed: true } : conflict);
      } else if (outcome.status === 'conflict') {
        assert.ok('checkout' in each && takenIds.has(each.checkout.id), 'Only an id can be taken under a new key');
      } else if ('replayed' in outcome && outcome.replayed) {
        assert.ok(outcome.status === 'cancelled' && cancelled.has(outcome.number), 'Only a cancellation is shared');
      } else if ('replayed' in outcome) {
        for (const name of names) known.set(name, { content, outcome });
        const id = 'checkout' in each ? each.checkout.id : checkoutOf(key);
        if (id !== null) takenIds.add(id);
        if (outcome.status === 'cancelled') cancelled.add(outcome.number);
      }
    }
  });
});

test('a refusal is right: one of its products was short at that point; an acceptance leaves none short', () => {
  holds(({ movements }) => {
    const stock = createStock();
    for (const movement of movements) {
      if (movement.kind === 'rejection' && movement.message !== REFUSED) {
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

const waitingAfter = (movements: Movement[]): string[] => {
  const settled = new Set(movements.flatMap((each) => ('key' in each ? [checkoutOf(each.key)] : [])));
  return movements.filter(isCheckout).flatMap(({ checkout: { id } }) => (settled.has(id) ? [] : [id]));
};

test('the queue is the checkouts without an outcome, each id once', () => {
  holds(({ stock, movements }) => {
    const waiting = waitingAfter(movements);
    assert.is(stock.waitingCount, waiting.length);
    assert.equal(ids.filter(stock.isWaiting), waiting.toSorted());
    const queued = movements.filter(isCheckout).map(({ checkout: { id } }) => id);
    assert.is(new Set(queued).size, queued.length);
  });
});

test('no more wait than may, and none is turned away while there is room', () => {
  const fits = 2;
  holds(({ batches }) => {
    const { stock, movements } = emptyShop();
    const hidden = limits.checkoutsQueuedMax - fits;
    const crowded = (): View => ({ ...stock, waitingCount: stock.waitingCount + hidden });
    for (const { commands, now, term } of batches) {
      for (const each of commands) {
        const { movements: made, outcomes } = decide(crowded(), { term, now }, [each]);
        assert.is(outcomes[0]?.status === 'queue_full' && stock.waitingCount < fits, false);
        for (const movement of made) applyMovement(stock, movement);
        movements.push(...made);
        assert.ok(stock.waitingCount <= fits);
      }
    }
  });
});

test('the notes of a sink form a chain: each was written on top of the one before, and no other was taken', () => {
  holds(({ placed, outcomes, movements, stock }) => {
    const last = new Map(sinks.map((sink) => [sink, 0]));
    placed.forEach((each, place) => {
      if (!('note' in each)) return;
      const outcome = outcomes[place];
      const { sink, after } = each.note;
      if (outcome?.status === 'noted') {
        assert.is(after, last.get(sink));
        last.set(sink, outcome.sequence);
      } else {
        assert.equal(outcome, { key: each.key, status: 'stale', sequence: last.get(sink) });
        assert.is.not(after, last.get(sink));
      }
    });
    for (const sink of sinks) assert.is(stock.lastNote(sink), last.get(sink));
    for (const { sequence, again: asked } of movements.filter(isNote)) {
      assert.ok(asked.every((one) => one.asked === 2 || one.asked === sequence));
    }
  });
});

test('a batch decides exactly as its commands one at a time would', () => {
  holds((told) => {
    const movements: Movement[] = [];
    const outcomes: Outcome[] = [];
    again(told.batches, (_stock, _each, decided) => {
      movements.push(...decided.movements);
      outcomes.push(...decided.outcomes);
    });
    assert.equal(movements, told.movements);
    assert.equal(outcomes, told.outcomes);
  });
});

test('the journal alone, read back from its text, gives the same stock and the same memory', () => {
  holds(({ stock, movements }) => {
    const read = createStock();
    for (const movement of JSON.parse(JSON.stringify(movements)) as Movement[]) applyMovement(read, movement);
    assert.equal(stateOf(read), stateOf(stock));
  });
});

test.run();
