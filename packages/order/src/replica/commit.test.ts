import { test } from 'uvu';
import * as assert from 'uvu/assert';
import {
  accepted,
  ack,
  answer,
  answers,
  decided,
  history,
  journal,
  member,
  pass,
  place,
  record,
  sent,
  serving,
  store,
  take,
} from '../../test/lab.ts';
import { positionAt } from './entry.ts';
import { createLog } from './log.ts';
import { roleOf } from './state.ts';
import { step } from './step.ts';

/** A leader with one more movement in its log, at 5, that nobody has on disk yet. */
const oneMore = (start: Parameters<typeof serving>[0] = {}) => {
  const leader = serving(start);
  assert.is(leader.commitIndex, 4);
  place(leader, 1, ['a']);
  answer(leader, decided(journal(3).slice(2), [accepted('a', 3)]));
  return leader;
};

test('P20: commits when every member has it on disk, the leader too', () => {
  const leader = oneMore();
  take(leader, 1, ack(leader, 5));
  take(leader, 2, ack(leader, 5));
  assert.is(leader.commitIndex, 4, 'the own disk counts');
  assert.equal(answers(store(leader)), [[1, { ok: true, outcomes: [accepted('a', 3)] }]]);
  assert.is(leader.commitIndex, 5);

  const other = oneMore();
  store(other);
  take(other, 1, ack(other, 5));
  assert.is(other.commitIndex, 4, '2 lacks it');
});

test('P20: a proposed member counts from the proposal on, a dropped one until the grant', () => {
  const grows = oneMore({ record: record({ inSync: [member(2), member(3)] }) });
  if (grows.leadership !== null) {
    grows.leadership.proposal = {
      id: 1,
      term: 2,
      version: 3,
      leader: member(3),
      inSync: [member(1), member(2), member(3)],
      handOverTo: null,
    };
  }
  store(grows);
  take(grows, 2, ack(grows, 5));
  assert.is(grows.commitIndex, 4);
  take(grows, 1, ack(grows, 5));
  assert.is(grows.commitIndex, 5);

  const shrinks = oneMore();
  store(shrinks);
  take(shrinks, 1, ack(shrinks, 5));
  pass(shrinks, 400);
  assert.equal(shrinks.leadership?.proposal?.inSync, [member(1), member(3)]);
  assert.is(shrinks.commitIndex, 4);
  step(shrinks, { type: 'record', record: record({ term: 2, version: 4, inSync: [member(1), member(3)] }) });
  assert.is(shrinks.commitIndex, 5);
});

test('P20: a member that nobody knows holds nothing', () => {
  const leader = oneMore();
  step(leader, { type: 'record', record: record({ term: 2, version: 4, inSync: [member(3), member(8)] }) });
  store(leader);
  assert.is(leader.commitIndex, 4);
});

test('P20: a leader that is not in the set commits nothing', () => {
  const leader = oneMore();
  step(leader, { type: 'record', record: record({ term: 2, version: 4, inSync: [member(1)] }) });
  store(leader);
  take(leader, 1, ack(leader, 5));
  assert.equal([leader.commitIndex, roleOf(leader)], [4, 'leader']);
});

test('P21: only the registered run, this leadership and this history count', () => {
  const leader = oneMore({ record: record({ inSync: [member(2), member(3)] }) });
  store(leader);
  const other = createLog(history('t1 m t2 m x'));
  const wrong = [
    ack(leader, 5, { incarnation: 9 }),
    ack(leader, 5, { leaderIncarnation: 9 }),
    ack(leader, 5, { held: positionAt(other, 5) }),
    ack(leader, 5, { held: { index: 6, hash: '' } }),
  ];
  for (const message of wrong) assert.equal(take(leader, 2, message), []);
  assert.equal(take(leader, 9, ack(leader, 5)), []);
  assert.is(leader.commitIndex, 4);
  take(leader, 2, ack(leader, 5));
  assert.is(leader.commitIndex, 5);
});

test('P21: another run of a member holds nothing, until it says so itself', () => {
  const leader = oneMore({ record: record({ inSync: [member(2), member(3)] }) });
  store(leader);
  const again = [1, 2, 3].map((id) =>
    id === 2 ? { id, incarnation: 4, boot: '2b' } : { id, incarnation: 1, boot: `${id}a` },
  );
  const effects = step(leader, {
    type: 'record',
    record: record({ term: 2, version: 4, inSync: [member(2, 4), member(3)], registered: again }),
  });
  assert.is(sent(effects, 'probe').length, 1);
  take(leader, 2, ack(leader, 5));
  assert.is(leader.commitIndex, 4);
  take(leader, 2, ack(leader, 5, { incarnation: 4 }));
  assert.is(leader.commitIndex, 5);
});

test('P21: a set that names an old run is not satisfied by the new one', () => {
  const leader = oneMore({ record: record({ inSync: [member(2), member(3)] }) });
  store(leader);
  step(leader, { type: 'record', record: record({ term: 2, version: 4, inSync: [member(2, 9), member(3)] }) });
  take(leader, 2, ack(leader, 5));
  assert.is(leader.commitIndex, 4);
});

test('P22: with too few members nothing is committed and no order is taken', () => {
  const leader = oneMore({ limits: { minInSync: 2 } });
  store(leader);
  step(leader, { type: 'record', record: record({ term: 2, version: 4, inSync: [member(3)] }) });
  assert.is(leader.commitIndex, 4);
  assert.equal(answers(place(leader, 2, ['b'])), [[2, { ok: false, reason: 'too_few_in_sync' }]]);
  take(leader, 1, ack(leader, 5));
  step(leader, { type: 'record', record: record({ term: 2, version: 5, inSync: [member(1), member(3)] }) });
  assert.is(leader.commitIndex, 5);
});

test('P22: a takeover is not held up by too few members', () => {
  const leader = serving({ limits: { minInSync: 2 }, record: record({ inSync: [member(3)] }) });
  assert.equal([leader.leadership?.phase, leader.commitIndex], ['serving', 4]);
});

test.run();
