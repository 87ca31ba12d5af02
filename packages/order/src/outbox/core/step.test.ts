import type { Progress } from '@till/shared/movement';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import {
  createSink,
  deadLettersOf,
  deliveredOf,
  isFull,
  type LastNote,
  progressOf,
  replayingOf,
  roomOf,
  type Sink,
  standingOf,
  tryingOf,
} from './state.ts';
import { step } from './step.ts';
import type { Effect, Result, SinkLimits, Taken } from './types.ts';

const limits: SinkLimits = {
  unsettledMax: 8,
  aheadMax: 12,
  attemptsInFlightMax: 3,
  attemptsMax: 3,
  pauseMs: 100,
  pauseMsMax: 1000,
  noteEveryMs: 1000,
  deadPerNotePause: 2,
  deadMax: 3,
  errorLengthMax: 20,
  inheritedWaitMs: 500,
};

const start = (over: Partial<SinkLimits> = {}, note: LastNote | null = null): Sink =>
  createSink({ limits: { ...limits, ...over }, now: 0, note });

/** `Fox` an event of that product, `Fox+Tux` one of both, `note` and `other` what they say; from a sequence on. */
const movements = (words: string, from = 1): Taken[] =>
  words.split(' ').map((word, at): Taken => {
    const sequence = from + at;
    if (word === 'note' || word === 'other') return { kind: word, sequence };
    return { kind: 'event', sequence, products: word.split('+') };
  });

const take = (sink: Sink, words: string): Effect[] =>
  step(sink, { type: 'taken', movements: movements(words, sink.taken + 1) });
const pass = (sink: Sink, ms: number): Effect[] => step(sink, { type: 'tick', now: sink.now + ms });

/** The attempt under way for an event ends. Pauses are as long as they can be. */
const end = (sink: Sink, sequence: number, result: Result): Effect[] => {
  const found = [...sink.underWay].find(([, item]) => item.sequence === sequence);
  assert.ok(found, `no attempt of ${sequence} is under way`);
  return step(sink, { type: 'result', attempt: found[0], result, jitter: 1 });
};
const delivered: Result = { kind: 'delivered' };
const refused: Result = { kind: 'refused', error: 'not that one' };
const away: Result = { kind: 'unavailable', error: 'nobody there' };

const tried = (effects: Effect[]): number[] =>
  effects.flatMap((effect) => (effect.type === 'attempt' ? [effect.sequence] : []));
const asked = (effects: Effect[]): (string | number)[] =>
  effects.flatMap((effect) => (effect.type === 'attempt' ? [`${effect.sequence}.${effect.asked}`] : []));
const noted = (effects: Effect[]): { after: number; progress: Progress }[] =>
  effects.flatMap((effect) => (effect.type === 'note' ? [{ after: effect.after, progress: effect.progress }] : []));

/** An event that fails until it is given up. */
const giveUp = (sink: Sink, sequence: number): Effect[] => {
  const effects: Effect[] = [];
  for (let times = 1; times <= sink.limits.attemptsMax; times += 1) {
    if (![...sink.underWay.values()].some((item) => item.sequence === sequence)) effects.push(...pass(sink, 1000));
    effects.push(...end(sink, sequence, refused));
  }
  return effects;
};

// Order.

test('events of one product go one after the other, others beside them', () => {
  const sink = start();
  assert.equal(tried(take(sink, 'Fox Fox Tux')), [1, 3]);
  assert.equal(tried(end(sink, 3, delivered)), []);
  assert.equal(tried(end(sink, 1, delivered)), [2]);
});

test('an event of two products waits for both, and both wait for it', () => {
  const sink = start();
  assert.equal(tried(take(sink, 'Fox Tux Fox+Tux Fox Owl')), [1, 2, 5]);
  assert.equal(tried(end(sink, 1, delivered)), []);
  assert.equal(tried(end(sink, 2, delivered)), [3]);
  assert.equal(tried(end(sink, 3, delivered)), [4]);
});

test('no more attempts are under way than may be', () => {
  const sink = start();
  assert.equal(tried(take(sink, 'a b c d e')), [1, 2, 3]);
  assert.equal(tried(end(sink, 2, delivered)), [4]);
});

test('what is no event is settled by itself', () => {
  const sink = start();
  take(sink, 'other note other Fox note');
  assert.is(deliveredOf(sink), 3);
  end(sink, 4, delivered);
  assert.is(deliveredOf(sink), 5);
  assert.throws(() => step(sink, { type: 'taken', movements: movements('Fox', 7) }), /must not follow 5/);
});

test('there is room for as many events as are kept in mind, and as far ahead as is sent again', () => {
  const sink = start();
  assert.is(roomOf(sink), 8);
  take(sink, 'Fox Fox Fox');
  assert.is(roomOf(sink), 5);
  take(sink, 'other other other other other');
  assert.is(roomOf(sink), 4);
  take(sink, 'other other other other');
  assert.is(roomOf(sink), 0);
  end(sink, 1, delivered);
  assert.is(roomOf(sink), 1);
});

// Failures.

test('an event that is refused waits, longer each time, and so do its products', () => {
  const sink = start({ attemptsMax: 10 });
  take(sink, 'Fox Fox Tux');
  end(sink, 3, delivered);
  for (const ms of [100, 200, 400, 800, 1000, 1000]) {
    assert.equal(tried(end(sink, 1, refused)), []);
    assert.equal(tried(pass(sink, ms - 1)), []);
    assert.equal(tried(pass(sink, 1)), [1]);
  }
  assert.equal(tryingOf(sink, 9), [{ sequence: 1, attempts: 6, error: 'not that one' }]);
  assert.equal(tried(end(sink, 1, delivered)), [2]);
});

test('pauses are between four fifths of their length and all of it', () => {
  const sink = start();
  take(sink, 'Fox');
  step(sink, { type: 'result', attempt: 1, result: refused, jitter: 0 });
  assert.equal(tried(pass(sink, 79)), []);
  assert.equal(tried(pass(sink, 1)), [1]);
});

test('a sink that takes nothing is paused as a whole, and probed with one event', () => {
  const sink = start({ attemptsMax: 10 });
  take(sink, 'a b c d e');
  assert.equal(tried(end(sink, 2, away)), []);
  // What was under way meanwhile fails too: it is one failure.
  end(sink, 1, away);
  end(sink, 3, away);
  assert.is(sink.failures, 1);
  assert.is(sink.pausedUntil, 100);
  assert.equal(tried(pass(sink, 99)), []);
  // The one that was tried least: it may be the first one that brings the sink down.
  assert.equal(tried(pass(sink, 1)), [4]);
  assert.equal(tried(end(sink, 4, away)), []);
  assert.is(sink.pausedUntil, 100 + 200);
  assert.equal(tried(pass(sink, 200)), [5]);
  assert.equal(tried(end(sink, 5, delivered)), [1, 2, 3]);
  assert.is(sink.failures, 0);
});

test('a refusal shows that the sink is there', () => {
  const sink = start({ attemptsMax: 10 });
  take(sink, 'a b c d');
  end(sink, 1, away);
  assert.equal(tried(end(sink, 2, refused)), [], 'still paused');
  assert.is(sink.failures, 0);
  assert.equal(tried(pass(sink, 100)), [1, 2]);
});

test('when to come again is respected, if it is later', () => {
  const sink = start({ attemptsMax: 10 });
  take(sink, 'a b');
  end(sink, 1, { ...away, retryAfterMs: 700 });
  end(sink, 2, { ...away, retryAfterMs: 900 });
  assert.is(sink.pausedUntil, 900);
  assert.equal(tried(pass(sink, 899)), []);
  assert.equal(tried(pass(sink, 1)), [1]);
  end(sink, 1, { ...away, retryAfterMs: 1 });
  assert.is(sink.pausedUntil, 900 + 200);
});

test('an attempt that was not made does not count, and pauses do not grow by it', () => {
  const sink = start();
  take(sink, 'a');
  for (let times = 1; times <= 5; times += 1) {
    assert.equal(tried(end(sink, 1, { ...away, isUncounted: true })), []);
    assert.is(sink.pausedUntil, times * 100);
    assert.equal(tried(pass(sink, 100)), [1]);
  }
  assert.is(sink.unsettled.get(1)?.attempts, 0);
});

test('a result that nobody waits for is a mistake', () => {
  const sink = start();
  assert.throws(() => step(sink, { type: 'result', attempt: 1, result: delivered, jitter: 0 }), /not under way/);
});

// Dead letters.

test('after its last attempt an event is a dead letter, and its products go on when that is recorded', () => {
  const sink = start();
  take(sink, 'Fox Fox');
  const [note] = noted(giveUp(sink, 1));
  assert.equal(note?.progress, {
    delivered: 0,
    dead: [{ sequence: 1, attempts: 3, error: 'not that one' }],
    again: [],
  });
  assert.equal(standingOf(sink, 1), { state: 'dead', attempts: 3, error: 'not that one' });
  assert.equal(tryingOf(sink, 9), []);
  assert.equal(tried(pass(sink, 10_000)), []);
  assert.equal(tried(step(sink, { type: 'noted', sequence: 3 })), [2]);
  assert.is(deliveredOf(sink), 1);
  assert.equal(standingOf(sink, 1), { state: 'dead', attempts: 3, error: 'not that one' });
  assert.is(standingOf(sink, 2).state, 'pending');
  assert.is(standingOf(sink, 3).state, 'pending');
  end(sink, 2, delivered);
  assert.is(standingOf(sink, 2).state, 'delivered');
});

test('errors are kept short', () => {
  const sink = start();
  take(sink, 'Fox');
  end(sink, 1, { kind: 'refused', error: 'x'.repeat(30) });
  assert.is(standingOf(sink, 1).error, 'x'.repeat(20));
});

test('with as many dead letters as there may be none is forgotten: what should be given up stays, until there is room', () => {
  const sink = start({ deadMax: 1 });
  take(sink, 'Fox Tux Tux');
  giveUp(sink, 1);
  giveUp(sink, 2);
  assert.ok(isFull(sink));
  assert.equal([...sink.dead.keys()], [1]);
  assert.equal(tried(pass(sink, 10_000)), [2], 'it is tried on, and what waits for it waits');
  end(sink, 2, refused);
  assert.is(noted(step(sink, { type: 'noted', sequence: 8 }))[0]?.progress.delivered, 1);
  step(sink, { type: 'noted', sequence: 9 });
  step(sink, { type: 'replay', sequence: 1, products: ['Fox'] });
  assert.equal(asked(step(sink, { type: 'noted', sequence: 10 })), ['1.10']);
  // There is room now.
  const [note] = noted(end(sink, 1, delivered));
  assert.equal(note?.progress.dead, [{ sequence: 2, attempts: 4, error: 'not that one' }]);
  assert.equal(tried(step(sink, { type: 'noted', sequence: 11 })), [3]);
});

test('with as many dead letters as there may be, what cannot be given up does not hold up the dead letters behind it for ever', () => {
  const dead = [{ sequence: 2, attempts: 3, error: 'no' }];
  const note = { sequence: 9, progress: { delivered: 0, dead, again: [{ sequence: 2, asked: 8 }] } };
  const sink = start({ deadMax: 1 }, { ...note, productsOf: () => ['Fox'] });
  take(sink, 'Fox Fox');
  giveUp(sink, 1);
  assert.ok(isFull(sink));
  assert.equal(tried(pass(sink, 1000)), [1]);
  assert.equal(asked(end(sink, 1, delivered)), ['2.8']);
});

test('what is being tried while there is room again is given up only if that fails', () => {
  for (const result of [delivered, refused]) {
    const sink = start({ deadMax: 1 });
    take(sink, 'Fox Tux Tux');
    giveUp(sink, 1);
    giveUp(sink, 2);
    step(sink, { type: 'noted', sequence: 8 });
    assert.equal(tried(pass(sink, 10_000)), [2]);
    step(sink, { type: 'noted', sequence: 9 });
    step(sink, { type: 'replay', sequence: 1, products: ['Fox'] });
    assert.equal(asked(step(sink, { type: 'noted', sequence: 10 })), ['1.10']);
    end(sink, 1, delivered);
    const effects = end(sink, 2, result);
    for (let sequence = 11; sink.noting !== null; sequence += 1) {
      effects.push(...step(sink, { type: 'noted', sequence }));
    }
    assert.equal([...sink.dead.keys()], result === delivered ? [] : [2]);
    assert.equal(tried(effects), [3]);
  }
});

test('a dead letter is sent again when that is recorded, under the number of the record', () => {
  const sink = start();
  take(sink, 'Fox');
  giveUp(sink, 1);
  step(sink, { type: 'noted', sequence: 2 });
  const effects = step(sink, { type: 'replay', sequence: 1, products: ['Fox'] });
  assert.equal(tried(effects), []);
  assert.equal(noted(effects)[0]?.progress.again, [{ sequence: 1, asked: 0 }]);
  assert.is(standingOf(sink, 1).state, 'pending');
  assert.equal(asked(step(sink, { type: 'noted', sequence: 5 })), ['1.5']);
  const [last] = noted(end(sink, 1, delivered));
  assert.equal(last, { after: 5, progress: { delivered: 1, dead: [], again: [] } });
  assert.is(standingOf(sink, 1).state, 'delivered');
});

test('a dead letter that was delivered stays in the notes until everything up to it is settled', () => {
  const sink = start();
  take(sink, 'Owl Fox');
  giveUp(sink, 2);
  step(sink, { type: 'noted', sequence: 3 });
  step(sink, { type: 'replay', sequence: 2, products: ['Fox'] });
  assert.equal(replayingOf(sink), [2]);
  step(sink, { type: 'noted', sequence: 4 });
  end(sink, 2, delivered);
  assert.equal([replayingOf(sink), deadLettersOf(sink)], [[], []]);
  assert.is(standingOf(sink, 2).state, 'delivered');
  // Another leader would begin at 1, and meet 2 as an event in its turn.
  const letter = { sequence: 2, attempts: 3, error: 'not that one' };
  assert.equal(progressOf(sink), { delivered: 0, dead: [letter], again: [{ sequence: 2, asked: 4 }] });
  end(sink, 1, delivered);
  assert.equal(progressOf(sink), { delivered: 2, dead: [], again: [] });
});

test('a dead letter that fails again is one again, with all its attempts', () => {
  const sink = start();
  take(sink, 'Fox');
  giveUp(sink, 1);
  step(sink, { type: 'noted', sequence: 2 });
  step(sink, { type: 'replay', sequence: 1, products: ['Fox'] });
  step(sink, { type: 'noted', sequence: 3 });
  take(sink, 'Fox');
  giveUp(sink, 1);
  assert.equal(progressOf(sink), {
    delivered: 1,
    dead: [{ sequence: 1, attempts: 6, error: 'not that one' }],
    again: [],
  });
  assert.is(standingOf(sink, 1).state, 'dead');
  assert.equal(step(sink, { type: 'replay', sequence: 1, products: ['Fox'] }), [], 'not before it is recorded');
  assert.equal(tried(step(sink, { type: 'noted', sequence: 4 })), [2]);
});

test('a request that comes during another note is recorded with the next one', () => {
  const sink = start();
  take(sink, 'Fox Tux');
  giveUp(sink, 1);
  assert.equal(noted(step(sink, { type: 'replay', sequence: 1, products: ['Fox'] })), []);
  const effects = step(sink, { type: 'noted', sequence: 3 });
  assert.equal(asked(effects), [], 'that note did not have it');
  assert.equal(noted(effects)[0]?.progress.again, [{ sequence: 1, asked: 0 }]);
  assert.equal(asked(step(sink, { type: 'noted', sequence: 4 })), ['1.4']);
});

test('only dead letters are sent again, and each once', () => {
  const sink = start();
  take(sink, 'Fox');
  assert.equal(step(sink, { type: 'replay', sequence: 1, products: ['Fox'] }), []);
  giveUp(sink, 1);
  step(sink, { type: 'noted', sequence: 2 });
  assert.is(step(sink, { type: 'replay', sequence: 1, products: ['Fox'] }).length, 1);
  assert.is(step(sink, { type: 'replay', sequence: 1, products: ['Fox'] }).length, 0);
});

test('while a dead letter is sent again, nothing else of its products is out', () => {
  const sink = start();
  take(sink, 'Fox+Tux Owl');
  end(sink, 2, delivered);
  giveUp(sink, 1);
  step(sink, { type: 'noted', sequence: 3 });
  take(sink, 'other Fox');
  step(sink, { type: 'replay', sequence: 1, products: ['Fox', 'Tux'] });
  assert.equal(asked(step(sink, { type: 'noted', sequence: 6 })), [], 'an event of its products is under way');
  assert.equal(asked(end(sink, 4, delivered)), ['1.6']);
  assert.equal(tried(take(sink, 'Tux Owl')), [6]);
  // Nobody knows whether it had an effect: its products wait until it is settled.
  end(sink, 6, delivered);
  end(sink, 1, away);
  assert.equal(tried(pass(sink, 100)), [1]);
  assert.equal(tried(end(sink, 1, delivered)), [5]);
});

// Notes.

test('progress is recorded about once a second while it moves, one note at a time, each on top of the last', () => {
  const sink = start();
  assert.equal(noted(take(sink, 'a b c')), []);
  end(sink, 1, delivered);
  assert.equal(noted(pass(sink, 999)), []);
  assert.equal(noted(pass(sink, 1)), [{ after: 0, progress: { delivered: 1, dead: [], again: [] } }]);
  end(sink, 2, delivered);
  assert.equal(noted(pass(sink, 5000)), [], 'one is under way');
  assert.equal(noted(step(sink, { type: 'noted', sequence: 4 })), [
    { after: 4, progress: { delivered: 2, dead: [], again: [] } },
  ]);
});

test('a note is no reason for a note', () => {
  const sink = start();
  take(sink, 'Fox');
  end(sink, 1, delivered);
  pass(sink, 1000);
  step(sink, { type: 'noted', sequence: 2 });
  take(sink, 'note note');
  assert.is(deliveredOf(sink), 3);
  assert.equal(noted(pass(sink, 60_000)), []);
  // Neither before an event that is not settled yet.
  take(sink, 'note Tux');
  assert.equal(noted(pass(sink, 60_000)), []);
  end(sink, 5, delivered);
  assert.equal(noted(pass(sink, 1000)).length + noted(pass(sink, 0)).length, 0, 'it was noted at once');
  assert.is(sink.noting?.progress.delivered, 5);
});

test('a refused order and the like are worth a note', () => {
  const sink = start();
  take(sink, 'other');
  assert.equal(noted(pass(sink, 1000)), [{ after: 0, progress: { delivered: 1, dead: [], again: [] } }]);
});

test('a new dead letter is recorded at once', () => {
  const sink = start({ attemptsMax: 1 });
  take(sink, 'Fox Tux');
  assert.is(noted(end(sink, 1, refused)).length, 1);
});

test('with many dead letters a note is large, so they are fewer', () => {
  const sink = start({ attemptsMax: 1, deadMax: 10, attemptsInFlightMax: 5 });
  take(sink, 'a b c d e');
  end(sink, 1, refused);
  step(sink, { type: 'noted', sequence: 6 });
  assert.equal(noted(end(sink, 2, refused)), []);
  assert.equal(noted(end(sink, 3, refused)), []);
  assert.equal(noted(pass(sink, 999)), []);
  assert.is(noted(pass(sink, 1))[0]?.progress.dead.length, 3);
  step(sink, { type: 'noted', sequence: 7 });
  // Somebody waits for this one.
  assert.is(noted(step(sink, { type: 'replay', sequence: 1, products: ['a'] })).length, 1);
});

test('a note that nobody made is a mistake', () => {
  assert.throws(() => step(start(), { type: 'noted', sequence: 1 }), /No note is under way/);
});

test('time does not go back', () => {
  const sink = start();
  pass(sink, 100);
  pass(sink, -50);
  assert.is(sink.now, 100);
});

// Another leader's note.

const left: LastNote = {
  sequence: 20,
  progress: {
    delivered: 10,
    dead: [
      { sequence: 4, attempts: 60, error: 'e' },
      { sequence: 12, attempts: 60, error: 'e' },
    ],
    again: [{ sequence: 4, asked: 9 }],
  },
  productsOf: () => ['Fox'],
};

test('a new leader goes on from the last note: what came after it is sent again, dead letters are not', () => {
  const sink = start({}, left);
  assert.is(sink.taken, 10);
  assert.is(deliveredOf(sink), 10);
  assert.equal(tried(take(sink, 'Tux Owl note')), [11]);
  end(sink, 11, delivered);
  assert.is(deliveredOf(sink), 13);
  const [note] = noted(pass(sink, 2000));
  assert.is(note?.after, 20);
  assert.equal(note?.progress, { ...left.progress, delivered: 13 });
});

test('a dead letter that was asked for under another leader goes first, once what that one sent must have arrived', () => {
  const sink = start({}, left);
  assert.equal(tried(take(sink, 'Fox Tux')), []);
  assert.equal(asked(pass(sink, 499)), []);
  assert.equal(asked(pass(sink, 1)), ['4.9']);
  assert.equal(tried(end(sink, 4, delivered)), [11]);
});

test('what is earlier is on its way once more before a dead letter is', () => {
  const both = {
    ...left.progress,
    again: [
      { sequence: 12, asked: 13 },
      { sequence: 4, asked: 9 },
    ],
  };
  const sink = start({}, { ...left, progress: both });
  pass(sink, 1000);
  assert.equal(asked(pass(sink, 1)), [], 'the older one is under way');
  assert.equal(
    [...sink.underWay.values()].map(({ sequence }) => sequence),
    [4],
  );
  // 12 has not been taken in yet: taken in after it was settled, it would be an event like any other.
  end(sink, 4, delivered);
  assert.equal([...sink.underWay.values()], []);
  assert.equal(asked(take(sink, 'Fox Owl')), ['11.null']);
  assert.equal(asked(end(sink, 11, delivered)), ['12.13']);
});

test.run();
