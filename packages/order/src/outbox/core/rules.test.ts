/** What each rule prevents: the history that goes wrong when the rule is switched off. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { createSink, type LastNote, progressOf, type Sink } from './state.ts';
import { step } from './step.ts';
import type { Effect, OutboxRule, Result, SinkLimits } from './types.ts';

const limits: SinkLimits = {
  unsettledMax: 8,
  aheadMax: 12,
  attemptsInFlightMax: 3,
  attemptsMax: 1,
  pauseMs: 100,
  pauseMsMax: 1000,
  noteEveryMs: 1000,
  deadPerNotePause: 2,
  deadMax: 3,
  errorLengthMax: 20,
  inheritedWaitMs: 500,
};
const delivered: Result = { kind: 'delivered' };
const refused: Result = { kind: 'refused', error: 'not that one' };

const start = (rule: OutboxRule, note: LastNote | null = null): Sink =>
  createSink({ limits, now: 0, note, without: [rule] });

/** Events of these products, one each; returns those that are tried now. */
const take = (sink: Sink, ...products: string[]): number[] => {
  const movements = products.map((product, at) => {
    return { kind: 'event' as const, sequence: sink.taken + 1 + at, products: [product] };
  });
  return tried(step(sink, { type: 'taken', movements }));
};
const tried = (effects: Effect[]): number[] =>
  effects.flatMap((effect) => (effect.type === 'attempt' ? [effect.sequence] : []));
const end = (sink: Sink, sequence: number, result: Result): number[] => {
  const [attempt = 0] = [...sink.underWay].find(([, item]) => item.sequence === sequence) ?? [];
  return tried(step(sink, { type: 'result', attempt, result, jitter: 1 }));
};

test('without noteOnlySettled, an event that was never delivered is passed', () => {
  const sink = start('noteOnlySettled');
  take(sink, 'Fox');
  assert.equal(progressOf(sink), { delivered: 1, dead: [], again: [] });
});

test('without orderPerProduct, two events of one product are out at once, and end in any order', () => {
  const sink = start('orderPerProduct');
  assert.equal(take(sink, 'Fox', 'Fox'), [1, 2]);
  end(sink, 2, delivered);
  end(sink, 1, delivered);
  assert.is(progressOf(sink).delivered, 2);
});

test('without recordBeforeGoingOn, the next event goes out while nobody else knows of the dead letter', () => {
  const sink = start('recordBeforeGoingOn');
  take(sink, 'Fox', 'Fox');
  assert.equal(end(sink, 1, refused), [2]);
  assert.is(sink.notedAt, 0);
});

/** A dead letter at 1 that is being sent again. */
const again: LastNote = {
  sequence: 3,
  progress: { delivered: 1, dead: [{ sequence: 1, attempts: 9, error: 'no' }], again: [{ sequence: 1, asked: 2 }] },
  productsOf: () => ['Fox'],
};

test('without holdWhileSentAgain, a later event goes out while the dead letter may still arrive', () => {
  const sink = start('holdWhileSentAgain', again);
  step(sink, { type: 'taken', movements: [2, 3].map((sequence) => ({ kind: 'note', sequence })) });
  assert.equal(tried(step(sink, { type: 'tick', now: 500 })), [1]);
  assert.equal(take(sink, 'Fox'), [4]);
});

test('without keepUntilBehind, a dead letter that was delivered is an event in its turn for the next leader', () => {
  const dead = [{ sequence: 2, attempts: 9, error: 'no' }];
  const progress = { delivered: 0, dead, again: [{ sequence: 2, asked: 3 }] };
  const sink = start('keepUntilBehind', { sequence: 3, progress, productsOf: () => ['Fox'] });
  assert.equal(take(sink, 'Tux', 'Fox'), [1]);
  assert.equal(tried(step(sink, { type: 'tick', now: 500 })), [2]);
  end(sink, 2, delivered);
  assert.equal(progressOf(sink), { delivered: 0, dead: [], again: [] });
});

test.run();
