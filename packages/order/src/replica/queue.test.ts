import { checkoutKey } from '@till/shared/keys';
import type { Outcome } from '@till/shared/movement';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import {
  accepted,
  ack,
  answer,
  answers,
  calls,
  create,
  decided,
  journal,
  lineOf,
  member,
  pass,
  place,
  position,
  record,
  replicate,
  serving,
  store,
  take,
  tick,
} from '../../test/lab.ts';
import { columnsOf, entriesOf, journalOf, told } from '../../test/shop.ts';
import { createContents, movementOf } from './contents.ts';
import { createLog } from './log.ts';
import { createReplica, type Replica, statusOf } from './state.ts';
import { step } from './step.ts';
import type { Effect, Log } from './types.ts';

/** The ids that a call asks to execute, in its order. */
const executions = (effects: Effect[]): string[] =>
  calls(effects).flatMap((call) => (call.type === 'decide' ? call.orders.map(({ key }) => key) : []));

const next = (leader: Replica): number => leader.log.at(leader.log.lastIndex())?.sequence ?? 0;

/** Followers answer, time passes, until the leader asks the catalog what is new. */
const idle = (leader: Replica, followers = [1, 2]): void => {
  while (leader.leadership?.call === null) {
    pass(leader, 50);
    replicate(leader, followers);
  }
};

/** The catalog tells of these checkouts, which come in this order, and all of it is committed. */
const queue = (leader: Replica, checkouts: [id: string, books: number][], followers = [1, 2]): Effect[] => {
  const from = next(leader) + 1;
  const lines = checkouts.map(([id, books], at) => lineOf(from + at, told.checkout(id, books)));
  idle(leader, followers);
  return [...answer(leader, decided(lines)), ...replicate(leader, followers)];
};

const orderCount = (leader: Replica): number =>
  leader.log.slice(1, 1000, 1e9).filter((entry) => movementOf(entry)?.kind === 'order').length;

/** The catalog accepts every order of the open call. */
const accept = (leader: Replica): Effect[] => {
  const keys = leader.leadership?.call?.slots.map(({ request, place: at }) => request.orders[at]?.key ?? '') ?? [];
  const from = next(leader) + 1;
  const first = orderCount(leader);
  const lines = keys.map((key, at) => lineOf(from + at, told.order(first + at, key)));
  return answer(
    leader,
    decided(
      lines,
      keys.map((key, at): Outcome => accepted(key, from + at)),
    ),
  );
};

test('P42: the heaviest goes first, equal ones in the order of their arrival', () => {
  const leader = serving({ limits: { checkoutsInCallMax: 9, ordersInCallMax: 9, checkoutsPerBook: 100 } });
  const effects = queue(leader, [
    ['a', 1],
    ['b', 3],
    ['c', 1],
    ['d', 3],
    ['e', 2],
  ]);
  assert.equal(executions(effects), ['b', 'd', 'e', 'a', 'c'].map(checkoutKey));
});

test('P42: one that has let enough later ones join counts a book more', () => {
  const leader = serving({ limits: { checkoutsInCallMax: 9, ordersInCallMax: 9, checkoutsPerBook: 2 } });
  const effects = queue(leader, [
    ['light', 1],
    ['b', 2],
    ['c', 2],
    ['d', 2],
    ['heavy', 9],
  ]);
  assert.equal(executions(effects), ['heavy', 'b', 'light', 'c', 'd'].map(checkoutKey));
});

test('P42: it is executed as an order of its lines, for its customer, under its own key', () => {
  const leader = serving();
  const [call] = calls(queue(leader, [['a', 4]]));
  assert.ok(call?.type === 'decide');
  const [placed] = call.orders;
  assert.ok(placed !== undefined && 'order' in placed);
  assert.equal(placed.order, { lines: [{ name: 'Fox', quantity: 4 }], many: true, customer: 'Jo' });
  assert.match(placed.fingerprint, /^[0-9a-f]{32}$/);
});

test('P43: the next ones go when the ones before are committed, and nobody is answered for them', () => {
  const leader = serving({ limits: { checkoutsInCallMax: 2 } });
  assert.equal(
    executions(
      queue(leader, [
        ['a', 3],
        ['b', 2],
        ['c', 1],
      ]),
    ),
    ['a', 'b'].map(checkoutKey),
  );
  assert.equal(executions(accept(leader)), []);
  const effects = replicate(leader);
  assert.equal(answers(effects), []);
  assert.equal(executions(effects), [checkoutKey('c')]);
  accept(leader);
  replicate(leader);
  assert.equal(leader.log.contents.waiting(0, 100), []);
  assert.equal(executions(pass(leader, 600)), []);
});

test('P43: orders of clients go with them, and have their answers', () => {
  const leader = serving();
  idle(leader);
  place(leader, 1, ['x']);
  assert.equal(executions(answer(leader, decided([lineOf(3, told.checkout('a'))]))), ['x', checkoutKey('a')]);
  place(leader, 2, ['y']);
  assert.equal(executions(accept(leader)), ['y']);
  accept(leader);
  assert.equal(
    answers(replicate(leader)).map(([request]) => request),
    [1, 2],
  );
  assert.is(leader.leadership?.queued, 0);
});

test('P43: until the outcome is known it is asked for again, however long that takes', () => {
  const leader = serving();
  assert.equal(executions(queue(leader, [['a', 1]])), [checkoutKey('a')]);
  answer(leader, { kind: 'lost' });
  assert.equal(executions(pass(leader, 5000)).includes(checkoutKey('a')), true);
  accept(leader);
  replicate(leader);
  assert.equal(leader.log.contents.checkout('a')?.outcome, leader.log.lastIndex());
});

test('P43: a new leader begins with those that have no outcome, and only once it serves', () => {
  const leader = create({ id: 3, log: 't1 m' });
  step(leader, { type: 'record', record: record({ term: 2, version: 3 }) });
  for (const id of [1, 2]) take(leader, id, position(leader, leader.log));
  replicate(leader);
  const lines = [
    ...journal(2).slice(1),
    lineOf(3, told.checkout('a')),
    lineOf(4, told.checkout('b')),
    lineOf(5, told.order(0, checkoutKey('a'))),
  ];
  assert.equal(executions(answer(leader, decided(lines))), []);
  assert.equal(executions(replicate(leader)), [checkoutKey('b')]);
});

test('P43: of many checkouts of earlier leaders a step looks at some only, and the heaviest of all goes first', () => {
  const CHECKOUTS = 1000;
  const HEAVIEST = 'c-900';
  const ids = Array.from({ length: CHECKOUTS }, (_, at) => `c-${at}`);
  // Only every tenth has no outcome: all others cost a read each.
  const done = ids.filter((_, at) => at % 10 !== 0);
  const movements = [
    ...ids.map((id) => told.checkout(id, id === HEAVIEST ? 900 : 1)),
    ...done.map((id, number) => told.order(number, checkoutKey(id))),
  ];
  const held = createLog(entriesOf(movements));
  let reads = 0;
  const contents = createContents((index) => {
    reads += 1;
    return held.at(index)?.line ?? '';
  });
  contents.load(columnsOf(held.slice(1, 10_000, 1e9), 1));
  let looked = 0;
  const log: Log = {
    ...held,
    contents: {
      ...contents,
      waiting(from, countMax) {
        looked += Math.min(countMax, contents.checkoutCount() - from);
        return contents.waiting(from, countMax);
      },
    },
    append(entries) {
      held.append(entries);
      for (const entry of entries) contents.add(entry);
    },
  };
  const { boot, limits, durable, now } = create({ id: 3 });
  const leader = createReplica({ id: 3, boot, limits, durable, now, log });
  step(leader, { type: 'record', record: record({ term: 2, version: 3 }) });
  for (const id of [1, 2]) take(leader, id, position(leader, log));
  replicate(leader);
  answer(leader, decided(journalOf([...movements, told.fence()]).slice(-1)));
  assert.is(looked, 0, 'not before it serves');

  const perStep: number[] = [];
  const looking = (effects: () => Effect[]): string[] => {
    [looked, reads] = [0, 0];
    const executed = executions(effects());
    assert.ok(looked <= limits.checkoutsSeenMax && reads <= looked, `${looked} looked at, ${reads} read`);
    if (looked > 0) perStep.push(looked);
    return executed;
  };
  looking(() => store(leader));
  for (const id of [1, 2])
    assert.equal(
      looking(() => take(leader, id, ack(leader, log.lastIndex()))),
      [],
    );
  assert.is(statusOf(leader).serving, true, 'orders of clients need not wait for it');
  let first: string[] = [];
  for (let ticks = 0; first.length === 0 && ticks < 10; ticks += 1) first = looking(() => tick(leader));
  assert.equal(perStep, [256, 256, 256, 232]);
  assert.equal(first, [HEAVIEST, 'c-0'].map(checkoutKey));
});

test('P43: one that was executed meanwhile is passed over', () => {
  const leader = serving({ limits: { checkoutsInCallMax: 1 } });
  queue(leader, [
    ['a', 2],
    ['b', 1],
  ]);
  // The catalog's answer also tells the outcome of another one, which an earlier leader had asked for.
  const lines = [lineOf(5, told.order(0, checkoutKey('b'))), lineOf(6, told.order(1, checkoutKey('a')))];
  answer(leader, decided(lines, [accepted(checkoutKey('a'), 6)]));
  assert.equal(executions(replicate(leader)), []);
});

test('P43: with fewer members than demanded nothing is executed', () => {
  const leader = serving({ limits: { minInSync: 3 } });
  step(leader, { type: 'record', record: record({ term: 2, version: 4, inSync: [member(1), member(3)] }) });
  idle(leader);
  assert.equal(executions(answer(leader, decided([lineOf(3, told.checkout('a'))]))), []);
});

test('P43: an outcome that is none is a mistake of ours', () => {
  const leader = serving();
  queue(leader, [['a', 1]]);
  assert.throws(
    () => answer(leader, decided([], [{ key: checkoutKey('a'), status: 'conflict' }])),
    'must end as an order or a refusal, not as conflict',
  );
});

// Rotation

const ROTATING = { rotateLeader: true, checkoutsInCallMax: 1 };

/** A checkout is executed, and all of it is on every disk. */
const execute = (leader: Replica, ids: string[]): Effect[] => {
  queue(
    leader,
    ids.map((id) => [id, 1]),
  );
  accept(leader);
  return replicate(leader);
};

test('P44: after each executed checkout leadership goes to the next member in the order of ids', () => {
  const leader = serving({ limits: ROTATING });
  assert.equal(executions(execute(leader, ['a', 'b'])), [], 'the next one is the next leader’s');
  tick(leader);
  assert.is(leader.leadership?.phase, 'draining');
  for (const id of [1, 2]) take(leader, id, ack(leader, leader.log.lastIndex()));
  tick(leader);
  assert.equal(statusOf(leader).proposal?.handOverTo, member(1), 'after the highest comes the lowest');
});

test('P44: a higher one that is next takes it, and it does not go to the highest by itself', () => {
  const leader = create({ log: 't1 m', limits: ROTATING });
  step(leader, { type: 'record', record: record({ term: 2, version: 3, leader: member(1) }) });
  for (const id of [2, 3]) take(leader, id, position(leader, leader.log));
  replicate(leader, [2, 3]);
  answer(leader, decided(journal(2)));
  replicate(leader, [2, 3]);
  for (let ms = 0; ms < 1500; ms += 50) {
    pass(leader, 50);
    replicate(leader, [2, 3]);
  }
  assert.is(leader.leadership?.phase, 'serving');
  queue(leader, [['a', 1]], [2, 3]);
  accept(leader);
  replicate(leader, [2, 3]);
  tick(leader);
  replicate(leader, [2, 3]);
  tick(leader);
  assert.equal(statusOf(leader).proposal?.handOverTo, member(2));
});

test('P44: alone it serves on', () => {
  const alone = record({ inSync: [member(3)] });
  const leader = serving({ record: alone, limits: ROTATING });
  const executeAlone = (sequence: number, id: string): string[] => {
    idle(leader, []);
    const effects = [...answer(leader, decided([lineOf(sequence, told.checkout(id))])), ...replicate(leader, [])];
    accept(leader);
    replicate(leader, []);
    tick(leader);
    return executions(effects);
  };
  assert.equal(executeAlone(3, 'a'), [checkoutKey('a')]);
  assert.is(leader.leadership?.phase, 'serving');
  assert.equal(executeAlone(5, 'b'), [checkoutKey('b')]);
});

test('P44: if the hand-over takes too long, the next checkout goes here', () => {
  const leader = serving({ limits: ROTATING });
  execute(leader, ['a', 'b']);
  place(leader, 1, ['x']);
  const effects: Effect[] = [];
  for (let ms = 0; ms < 500; ms += 50) {
    effects.push(...pass(leader, 50));
    replicate(leader);
  }
  assert.is(statusOf(leader).proposal, null);
  assert.ok(executions(effects).includes(checkoutKey('b')));
});

test.run();
