/** The audit of what the very cores of the catalog and the outbox decide: random histories of everything that can be placed. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cancelKey, checkoutKey, noteKey, orderIdKey } from '@till/shared/keys';
import type {
  Checkout,
  Line,
  Movement,
  NoteMovement,
  Order,
  Outcome,
  Placed,
  SeedProduct,
} from '@till/shared/movement';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { auditFolder } from '../../bin/lib/audit.ts';
import { applyMovement, createStock } from '../../packages/catalog/src/stock/apply.ts';
import { decide } from '../../packages/catalog/src/stock/decide.ts';
import type { Command } from '../../packages/catalog/src/stock/types.ts';
import { createSink, roomOf, type Sink } from '../../packages/order/src/outbox/core/state.ts';
import { step } from '../../packages/order/src/outbox/core/step.ts';
import type { Effect, Input, Result, SinkLimits } from '../../packages/order/src/outbox/core/types.ts';
import { takenOf } from '../../packages/order/src/outbox/events.ts';
import { type Chance, createChance } from '../sim/chance.ts';
import { writeStore } from './sample-store.ts';

const products: SeedProduct[] = [
  { name: 'Fox', kind: 'toy', price: 9.5, quantity: 6, restock: true },
  { name: 'AAPL', kind: 'stock', price: 190, quantity: 9, restock: false },
  { name: 'Emma', kind: 'book', price: 8, quantity: 4, restock: true, author: 'Jane Austen' },
];
const sinks = ['shopify', 'webhook-a05df669'];
const sinkLimits: SinkLimits = {
  unsettledMax: 8,
  aheadMax: 20,
  attemptsInFlightMax: 3,
  attemptsMax: 2,
  pauseMs: 10,
  pauseMsMax: 100,
  noteEveryMs: 50,
  deadPerNotePause: 2,
  deadMax: 5,
  errorLengthMax: 20,
  inheritedWaitMs: 50,
};

type History = { movements: Movement[]; outcomes: Outcome[] };

/** Small enough that everything collides: few products, few keys, few order ids. */
const makeHistory = (seed: number): History => {
  const chance = createChance(seed);
  const movements: Movement[] = [];
  const outcomes: Outcome[] = [];
  const stock = createStock((sequence) => movements[sequence - 1] as Movement);
  const checkouts: Checkout[] = [];

  const run = (commands: Command[], term = stock.term): Outcome | undefined => {
    const decided = decide(stock, { term, now: movements.length }, commands);
    for (const movement of decided.movements) {
      movements.push(movement);
      applyMovement(stock, movement);
    }
    outcomes.push(...decided.outcomes);
    return decided.outcomes.at(-1);
  };
  const commandOf = (): Command => {
    if (chance.happens(0.15)) {
      const { name, version } = chance.pick([...stock.products.values()]);
      return { kind: 'restock', name, cause: version, level: 5 };
    }
    return { kind: 'place', placed: placedBy(chance, { checkouts, movements }) };
  };

  run([{ kind: 'seed', products }]);
  const sinkRuns = sinks.map((name) => createSinkRun(chance, name, movements));
  for (let batch = 0; batch < 80; batch += 1) {
    if (chance.happens(0.05)) run([{ kind: 'fence' }], stock.term + 1);
    run(Array.from({ length: chance.integer(1, 6) }, commandOf));
    for (const tend of sinkRuns) tend((placed) => run([{ kind: 'place', placed }]));
  }
  return { movements, outcomes };
};

const linesBy = (chance: Chance): Line[] =>
  Array.from({ length: chance.integer(1, 3) }, () => ({
    name: chance.pick(['Fox', 'fOX', 'AAPL', 'Emma', 'Emma', 'Nobody']),
    quantity: chance.integer(1, 3),
  }));

const placedBy = (
  chance: Chance,
  { checkouts, movements }: { checkouts: Checkout[]; movements: Movement[] },
): Placed => {
  const key = `key-${chance.integer(1, 60)}`;
  const orderId = String(chance.integer(1, 40));
  const fingerprint = chance.pick(['f', 'f', 'g']);
  switch (chance.pick(['order', 'named', 'refusal', 'cancel', 'checkout', 'execution'])) {
    case 'order': {
      const order: Order = { lines: linesBy(chance), ...(chance.happens(0.3) ? { type: 'sell' } : {}) };
      return { key, fingerprint, order };
    }
    case 'named': {
      const order: Order = { lines: linesBy(chance), many: true, orderId, customer: 'ada' };
      if (chance.happens(0.3)) order.type = 'sell';
      return { key: orderIdKey(orderId), fingerprint, order, ...(chance.happens(0.5) ? { alsoKey: key } : {}) };
    }
    case 'refusal': {
      const refusal = 'Cannot buy 1 of "Fox": 0 left in the warehouse';
      return { key, fingerprint, order: { lines: [{ name: 'Fox', quantity: 1 }] }, refusal };
    }
    case 'cancel':
      return { key: cancelKey(orderId), cancel: { of: orderIdKey(orderId) } };
    case 'execution': {
      if (checkouts.length === 0) break;
      const { id, lines, customer } = chance.pick(checkouts);
      // Only what waits in the log is executed.
      if (!movements.some((movement) => movement.kind === 'checkout' && movement.checkout.id === id)) break;
      return { key: checkoutKey(id), fingerprint, order: { lines, many: true, customer } };
    }
  }
  const checkout = { id: chance.name('id'), lines: linesBy(chance), customer: 'eva', card: '4242' };
  checkouts.push(checkout);
  return { key, fingerprint, checkout };
};

/** A sink as the outbox's own core leads it: it fails at random, is asked to try again, and is begun anew by a next leader. */
const createSinkRun = (chance: Chance, name: string, movements: Movement[]) => {
  let now = 0;
  const isNote = (movement: Movement): movement is NoteMovement => movement.kind === 'note' && movement.sink === name;
  const productsOf = (sequence: number): string[] => {
    const taken = takenOf(movements[sequence - 1] as Movement);
    return taken.kind === 'event' ? taken.products : [];
  };
  const begin = (): Sink => {
    const note = movements.findLast(isNote);
    const last = note === undefined ? null : { sequence: note.sequence, progress: note, productsOf };
    return createSink({ limits: sinkLimits, now, note: last });
  };
  let sink = begin();

  const inputOf = (): Input => {
    const attempt = [...sink.underWay.keys()][0];
    if (attempt !== undefined && chance.happens(0.6)) {
      const kind = chance.pick(['delivered', 'delivered', 'refused', 'unavailable'] as const);
      const result: Result = kind === 'delivered' ? { kind } : { kind, error: 'answered 410' };
      return { type: 'result', attempt, result, jitter: 0 };
    }
    if (sink.dead.size > 0 && chance.happens(0.2)) {
      const sequence = chance.pick([...sink.dead.keys()]);
      return { type: 'replay', sequence, products: productsOf(sequence) };
    }
    if (chance.happens(0.5)) {
      return { type: 'taken', movements: movements.slice(sink.taken, sink.taken + roomOf(sink)).map(takenOf) };
    }
    now += chance.integer(1, 100);
    return { type: 'tick', now };
  };

  return (place: (placed: Placed) => Outcome | undefined): void => {
    const perform = (effects: Effect[]): void => {
      for (const effect of effects) {
        if (effect.type !== 'note') continue;
        const placed = { key: noteKey(name), note: { sink: name, after: effect.after, ...effect.progress } };
        const outcome = place(placed);
        assert.ok(outcome?.status === 'noted', `a note of ${name} is ${outcome?.status}`);
        const { sequence } = outcome;
        // The answer may get lost, and the note is sent again; the leader may, too.
        if (chance.happens(0.1)) assert.equal(place(placed), { key: placed.key, status: 'stale', sequence });
        if (chance.happens(0.05)) sink = begin();
        else perform(step(sink, { type: 'noted', sequence }));
      }
    };
    if (chance.happens(0.05)) sink = begin();
    for (let times = 0; times < 10; times += 1) perform(step(sink, inputOf()));
  };
};

const countOf = ({ outcomes }: History, status: Outcome['status']): number =>
  outcomes.filter((outcome) => outcome.status === status && !('replayed' in outcome && outcome.replayed)).length;

let folder = '';
test.before.each(() => {
  folder = mkdtempSync(join(tmpdir(), 'till-verify-'));
});
test.after.each(() => rmSync(folder, { recursive: true, force: true }));

test('every history that the cores make is consistent, and is counted as it was answered', async () => {
  const seen = new Set<string>();
  const ok = new Set<string>();
  for (let seed = 1; seed <= 30; seed += 1) {
    const history = makeHistory(seed);
    writeStore(folder, { movements: history.movements, logs: [], records: [] });
    const audit = await auditFolder(folder);
    assert.equal(audit.problems, [], `seed ${seed}`);
    assert.is(audit.orders, countOf(history, 'accepted'), `seed ${seed}`);
    assert.is(audit.cancelled, countOf(history, 'cancelled'), `seed ${seed}`);
    const { queued, placed, refused } = audit.checkouts;
    assert.is(queued + placed + refused, countOf(history, 'queued'), `seed ${seed}`);
    for (const { status } of history.outcomes) seen.add(status);
    for (const line of audit.lines) {
      const [verdict = '', rule = ''] = line.split(/ +/);
      if (verdict === 'ok') ok.add(rule);
    }
  }
  // Whatever can be answered was, and every rule of the journal had something to judge.
  for (const status of ['accepted', 'rejected', 'queued', 'cancelled', 'nothing_to_cancel', 'unknown_order', 'noted']) {
    assert.ok(seen.has(status), status);
  }
  for (const status of ['cannot_cancel', 'stale', 'conflict', 'unknown_product']) assert.ok(seen.has(status), status);
  const { lines } = await auditFolder(folder);
  const rules = lines.map((line) => line.split(/ +/)[1] ?? '').filter((rule) => /^(journal|outbox)\./.test(rule));
  assert.ok(rules.length > 15, `${rules.length} rules`);
  for (const rule of rules) assert.ok(ok.has(rule), rule);
});

test.run();
