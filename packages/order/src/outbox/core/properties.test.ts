/**
 * What holds for every history: random events, answers, crashes and requests, against a sink that behaves like a shop's stock:
 * it takes absolute quantities, knows again what it was sent under one key, and may get a request long after nobody waits for it.
 */
import type { Progress } from '@till/shared/movement';
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { createSink, deadLettersOf, isFull, roomOf, type Sink } from './state.ts';
import { step } from './step.ts';
import type { Effect, Result, SinkLimits, Taken } from './types.ts';

const limits: SinkLimits = {
  unsettledMax: 6,
  aheadMax: 20,
  attemptsInFlightMax: 3,
  attemptsMax: 2,
  pauseMs: 100,
  pauseMsMax: 200,
  noteEveryMs: 1000,
  deadPerNotePause: 2,
  deadMax: 3,
  errorLengthMax: 20,
  inheritedWaitMs: 500,
};

type Note = { kind: 'note'; sequence: number; progress: Progress };
type Record = Exclude<Taken, { kind: 'note' }> | Note;
type Request = { sequence: number; asked: number | null; products: string[]; life: number };
type Attempt = Request & { number: number };

/** The log, the shop outside, and the leader's life that is going on. */
const createWorld = () => {
  const log: Record[] = [];
  const levels = new Map<string, number>();
  const keys = new Set<string>();
  /** First effects of events in their turn, in order. */
  const effects: Request[] = [];
  /** Events that some life heard to be delivered. */
  const told = new Set<number>();
  let late: Request[] = [];
  let sink: Sink;
  let attempts: Attempt[] = [];
  let noting: { after: number; progress: Progress; recorded: number | null } | null = null;
  /** What was sent under a key is sent again word for word. */
  let sentBefore = new Map<string, string[]>();
  let lettersBefore = 0;
  let lives = 0;
  let bornAt = 0;

  const keyOf = ({ sequence, asked }: Pick<Request, 'sequence' | 'asked'>): string =>
    asked === null ? `${sequence}` : `${sequence}.${asked}`;
  const eventAt = (sequence: number) => log[sequence - 1] as Extract<Record, { kind: 'event' }>;
  const lastOf = (product: string): number =>
    log.findLast((record) => record.kind === 'event' && record.products.includes(product))?.sequence ?? 0;
  const lastNote = () => log.findLast((record) => record.kind === 'note') as Note | undefined;

  const land = (request: Request): void => {
    if (keys.has(keyOf(request))) return;
    keys.add(keyOf(request));
    for (const product of request.products) levels.set(product, request.sequence);
    if (request.asked === null) effects.push(request);
  };

  const perform = (made: Effect[]): void => {
    for (const effect of made) {
      if (effect.type === 'note') {
        assert.is(noting, null, 'one note at a time');
        noting = { ...effect, recorded: null };
        continue;
      }
      const { sequence, asked, attempt: number } = effect;
      const key = keyOf({ sequence, asked });
      const { products } = eventAt(sequence);
      // Of an old event only what nothing has changed since.
      const sent =
        sentBefore.get(key) ?? (asked === null ? products : products.filter((one) => lastOf(one) === sequence));
      sentBefore.set(key, sent);
      for (const other of attempts) {
        const both = eventAt(other.sequence).products.filter((product) => products.includes(product));
        assert.equal(both, [], `${sequence} and ${other.sequence} are out at once`);
      }
      attempts.push({ number, sequence, asked, products: sent, life: lives });
    }
    assert.ok(attempts.length <= limits.attemptsInFlightMax);
    assert.ok(sink.unsettled.size <= limits.unsettledMax);
    const letters = deadLettersOf(sink).length;
    assert.ok(letters <= Math.max(limits.deadMax, lettersBefore), 'none is added to a full list');
    lettersBefore = letters;
    // Of what is given up nothing is on its way any more: the one thing that keys cannot answer for.
    late = late.filter(({ sequence }) => !sink.dead.has(sequence) || sink.replays.has(sequence));
  };

  const begin = (now: number): void => {
    const note = lastNote();
    lives += 1;
    bornAt = now;
    attempts = [];
    noting = null;
    sentBefore = new Map();
    sink = createSink({
      limits,
      now,
      note: note === undefined ? null : { ...note, productsOf: (sequence) => eventAt(sequence).products },
    });
    lettersBefore = deadLettersOf(sink).length;
  };
  begin(0);

  const take = (): void => {
    const room = roomOf(sink);
    const movements = log.slice(sink.taken, sink.taken + room).map((record) => {
      return record.kind === 'note' ? { kind: 'note' as const, sequence: record.sequence } : record;
    });
    perform(step(sink, { type: 'taken', movements }));
  };

  const record = (): void => {
    if (noting === null || noting.recorded !== null) return;
    assert.is(noting.after, lastNote()?.sequence ?? 0, 'a note is made on top of the last one');
    const sequence = log.length + 1;
    const again = noting.progress.again.map((one) => ({ ...one, asked: one.asked === 0 ? sequence : one.asked }));
    const progress = { ...noting.progress, again };
    assert.ok(progress.delivered >= (lastNote()?.progress.delivered ?? 0), 'progress never falls');
    const dead = new Set(progress.dead.map((letter) => letter.sequence));
    for (const { kind, sequence: at } of log.slice(0, progress.delivered)) {
      if (kind === 'event') assert.ok(told.has(at) || dead.has(at), `${at} is said to be settled`);
    }
    for (const { sequence: at } of again) assert.ok(dead.has(at));
    log.push({ kind: 'note', sequence, progress });
    noting.recorded = sequence;
  };

  const acknowledge = (): void => {
    if (noting?.recorded == null) return;
    const { recorded } = noting;
    noting = null;
    perform(step(sink, { type: 'noted', sequence: recorded }));
  };

  const answer = (which: number, how: string, jitter = 0.5): void => {
    const attempt = attempts[which % Math.max(attempts.length, 1)];
    if (attempt === undefined) return;
    attempts = attempts.filter((one) => one !== attempt);
    if (how === 'delivered' || how === 'answer lost') land(attempt);
    if (how === 'late') late.push(attempt);
    if (how === 'delivered') told.add(attempt.sequence);
    const results: { [How in string]: Result } = {
      delivered: { kind: 'delivered' },
      refused: { kind: 'refused', error: 'no' },
      'not asked': { kind: 'unavailable', error: 'open', isUncounted: true },
      'come later': { kind: 'unavailable', error: 'busy', retryAfterMs: 700 },
    };
    const result = results[how] ?? { kind: 'unavailable', error: 'away' };
    perform(step(sink, { type: 'result', attempt: attempt.number, result, jitter }));
  };

  const pass = (ms: number): void => {
    const now = sink.now + ms;
    // What another leader had sent of a dead letter has arrived by the time that the next one goes on with it, or never does.
    if (now >= bornAt + limits.inheritedWaitMs)
      late = late.filter(({ asked, life }) => asked === null || life === lives);
    perform(step(sink, { type: 'tick', now }));
  };

  const crash = (which: number): void => {
    for (const attempt of attempts) if (which % 3 !== 0) late.push(attempt);
    begin(sink.now);
  };

  return {
    append: (products: string[]) => log.push({ kind: 'event', sequence: log.length + 1, products }),
    appendOther: () => log.push({ kind: 'other', sequence: log.length + 1 }),
    take,
    answer,
    arrive(which: number) {
      const request = late[which % Math.max(late.length, 1)];
      if (request === undefined) return;
      late = late.filter((one) => one !== request);
      land(request);
    },
    record,
    acknowledge,
    pass,
    crash,
    replay(which: number) {
      const letters = [...sink.dead.keys()];
      const sequence = letters[which % Math.max(letters.length, 1)];
      if (sequence === undefined) return;
      perform(step(sink, { type: 'replay', sequence, products: eventAt(sequence).products }));
    },
    sink: () => sink,
    log,
    levels,
    effects,
    told,
    lastOf,
    attempts: () => attempts,
    /** From here on all goes well, for as long as it takes. */
    settle() {
      for (let turns = 0; turns < 400; turns += 1) {
        if (isFull(sink)) this.replay(turns);
        take();
        while (attempts.length > 0) answer(0, 'delivered');
        record();
        acknowledge();
        while (late.length > 0) this.arrive(0);
        pass(500);
      }
    },
  };
};
type World = ReturnType<typeof createWorld>;

const product = fc.constantFrom('Fox', 'Tux', 'Owl');
const number = fc.nat({ max: 20 });
const products = fc.uniqueArray(product, { minLength: 1, maxLength: 2 });
const how = fc.constantFrom(
  'delivered',
  'delivered',
  'refused',
  'away',
  'answer lost',
  'late',
  'not asked',
  'come later',
);
/** What happens next: data, so that a history that breaks a promise can be read. */
type Action =
  | ['append', string[]]
  | ['append other' | 'record' | 'acknowledge']
  | ['answer', number, string]
  | ['arrive' | 'pass' | 'replay' | 'crash', number];
const action: fc.Arbitrary<Action> = fc.oneof(
  { weight: 4, arbitrary: fc.tuple(fc.constant('append' as const), products) },
  { weight: 10, arbitrary: fc.tuple(fc.constant('answer' as const), number, how) },
  { weight: 6, arbitrary: fc.tuple(fc.constant('pass' as const), fc.integer({ min: 1, max: 900 })) },
  {
    weight: 5,
    arbitrary: fc.tuple(fc.constantFrom('append other' as const, 'record', 'record', 'acknowledge', 'acknowledge')),
  },
  { weight: 5, arbitrary: fc.tuple(fc.constantFrom('arrive' as const, 'replay', 'replay', 'replay', 'crash'), number) },
);

const act = (world: World, [what, value, detail]: Action): void => {
  switch (what) {
    case 'append':
      world.append(value);
      return world.take();
    case 'append other':
      world.appendOther();
      return world.take();
    case 'answer':
      return world.answer(value, detail);
    case 'record':
    case 'acknowledge':
      return world[what]();
    default:
      return world[what](value);
  }
};

const holds = (check: (world: World) => void): void => {
  fc.assert(
    fc.property(fc.array(action, { minLength: 50, maxLength: 250, size: 'max' }), (actions) => {
      const world = createWorld();
      for (const one of actions) act(world, one);
      world.settle();
      check(world);
    }),
    { numRuns: 500 },
  );
};

const eventsOf = ({ log }: World) => log.filter((record) => record.kind === 'event');

test('every event is settled in the end, over any number of crashes: delivered, or a dead letter', () => {
  let dead = 0;
  holds((world) => {
    assert.is(world.sink().unsettled.size, 0);
    assert.is(world.sink().taken, world.log.length);
    for (const { sequence } of eventsOf(world)) {
      assert.ok(world.told.has(sequence) || world.sink().dead.has(sequence), `${sequence} was lost`);
    }
    dead += world.sink().dead.size;
  });
  assert.ok(dead > 50, `only ${dead} dead letters in all runs`);
});

test('the outside sees the events of one product in their order', () => {
  holds(({ effects }) => {
    const last = new Map<string, number>();
    for (const { sequence, products } of effects) {
      for (const one of products) {
        assert.ok((last.get(one) ?? 0) < sequence, `${one}: ${sequence} after ${last.get(one)}`);
        last.set(one, sequence);
      }
    }
  });
});

test('the outside ends with the last quantity of every product, whatever arrived late or twice', () => {
  holds((world) => {
    for (const one of ['Fox', 'Tux', 'Owl']) {
      const last = world.lastOf(one);
      if (last > 0 && !world.sink().dead.has(last)) assert.is(world.levels.get(one), last, one);
    }
  });
});

test('what another leader had sent of a dead letter arrives before what came after it', () => {
  // Random histories hardly ever come so far.
  const world = createWorld();
  const given: Action[] = [
    ['append', ['Fox']],
    ['answer', 0, 'refused'],
    ['pass', 100],
    ['answer', 0, 'refused'],
  ];
  const told: Action[] = [['record'], ['acknowledge'], ['pass', 1000], ['record'], ['acknowledge']];
  const again: Action[] = [['replay', 0], ['record'], ['acknowledge'], ['crash', 1], ['append', ['Fox']]];
  for (const one of [...given, ...told, ...again]) act(world, one);
  world.settle();
  assert.is(world.levels.get('Fox'), world.lastOf('Fox'));
});

test('when nothing happens any more, nothing is noted any more', () => {
  holds((world) => {
    const { length } = world.log;
    world.settle();
    assert.is(world.log.length, length);
  });
});

test.run();
