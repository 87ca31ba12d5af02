/** What holds for every history. */
import { checkoutOf } from '@till/shared/keys';
import { limits } from '@till/shared/limits';
import type {
  CancelMovement,
  CheckoutMovement,
  Movement,
  NoteMovement,
  OrderMovement,
  Outcome,
  StockChange,
} from '@till/shared/movement';
import { foldName } from '@till/shared/names';
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import {
  type Batch,
  emptyShop,
  history,
  ids,
  isPlace,
  REFUSED,
  seed,
  sinks,
  stateOf,
  type Told,
  tell,
} from '../../test/histories.ts';
import { applyMovement, createStock } from './apply.ts';
import { decide } from './decide.ts';
import type { Command, Decided, Stock, View } from './types.ts';

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
