import type { Member } from '@till/shared/cluster';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import {
  accepted,
  ack,
  answer,
  decided,
  journal,
  member,
  pass,
  place,
  position,
  record,
  serving,
  store,
  take,
  tick,
} from '../../test/lab.ts';
import { proposeHandOver } from './in-sync.ts';
import { type Replica, statusOf } from './state.ts';
import { step } from './step.ts';

const proposed = (leader: Replica): number[] | undefined => statusOf(leader).proposal?.inSync.map(({ id }) => id);

/** Lets time pass while these followers answer, at each tenth of a second, that they hold all of the log. */
const answering = (leader: Replica, ms: number, ...followers: number[]): void => {
  for (let at = 0; at < ms; at += 50) {
    for (const id of followers) take(leader, id, ack(leader, leader.log.lastIndex()));
    pass(leader, 50);
  }
};

const knows = (leader: Replica, version: number, inSync: Member[]) =>
  step(leader, { type: 'record', record: record({ term: 2, version, inSync }) });

/** Replica 3 serves alone with 2; 1 is outside. */
const without1 = (start: Parameters<typeof serving>[0] = {}): Replica =>
  serving({ record: record({ inSync: [member(2), member(3)] }), ...start });

test('P31: a member that misses several answers is proposed to be dropped', () => {
  const leader = serving();
  answering(leader, 250, 1);
  assert.is(proposed(leader), undefined);
  answering(leader, 200, 1);
  assert.equal(proposed(leader), [1, 3]);
});

test('P31: one answer in time begins the count anew', () => {
  const leader = serving();
  answering(leader, 250, 1);
  take(leader, 2, ack(leader, 4));
  answering(leader, 250, 1);
  assert.is(proposed(leader), undefined);
});

test('P31: already while taking over', () => {
  const leader = serving({ record: record({ inSync: [member(3)] }) });
  step(leader, { type: 'record', record: record({ term: 3, version: 5, inSync: [member(2), member(3)] }) });
  pass(leader, 400);
  assert.equal([leader.leadership?.phase, proposed(leader)], ['positions', [3]]);
});

test('P32: a follower that is level for a while is proposed for the set', () => {
  const leader = without1();
  take(leader, 1, position(leader, leader.log));
  answering(leader, 150, 1, 2);
  assert.is(proposed(leader), undefined);
  answering(leader, 50, 1, 2);
  assert.equal(statusOf(leader).proposal, {
    id: 1,
    term: 2,
    version: 3,
    leader: member(3),
    inSync: [member(1), member(2), member(3)],
    handOverTo: null,
  });
});

test('P32: not one that lacks something committed', () => {
  const leader = without1();
  take(leader, 1, position(leader, leader.log));
  for (let at = 0; at < 500; at += 50) {
    take(leader, 1, ack(leader, 3));
    take(leader, 2, ack(leader, 4));
    pass(leader, 50);
  }
  assert.is(proposed(leader), undefined);
  take(leader, 1, ack(leader, 4));
  assert.equal(proposed(leader), [1, 2, 3]);
});

test('P32: not one that is far behind, nor one whose place is unknown', () => {
  const leader = without1({ record: record({ inSync: [member(2), member(3)] }), limits: { appendEntriesMax: 2 } });
  answering(leader, 500, 1, 2);
  assert.is(proposed(leader), undefined, 'its place was never found');
  take(leader, 1, position(leader, leader.log));
  for (let more = 0; more < 2; more += 1) {
    place(leader, more, ['a', 'b', 'c']);
    const after = 2 + 3 * more;
    const outcomes = ['a', 'b', 'c'].map((key, at) => accepted(key, after + at + 1));
    answer(leader, decided(journal(after + 3).slice(after), outcomes));
  }
  take(leader, 1, ack(leader, 4));
  assert.is(leader.leadership?.followers.get(1)?.levelSince, null);
});

test('P32: not before the first entry of the term is committed', () => {
  const leader = serving({ record: record({ inSync: [member(2), member(3)] }) });
  step(leader, { type: 'record', record: record({ term: 3, version: 5, inSync: [member(2), member(3)] }) });
  take(leader, 1, position(leader, leader.log));
  take(leader, 2, position(leader, leader.log));
  store(leader);
  for (let at = 0; at < 400; at += 50) {
    take(leader, 1, ack(leader, 5));
    take(leader, 2, ack(leader, 4));
    pass(leader, 50);
  }
  assert.is(proposed(leader), undefined);
  take(leader, 2, ack(leader, 5));
  assert.equal(proposed(leader), [1, 2, 3]);
});

test('P32: after each removal it must be level for twice as long', () => {
  const leader = serving();
  for (const [version, levelForMs] of [
    [4, 400],
    [6, 800],
    [8, 1000],
    [10, 1000],
  ] as const) {
    knows(leader, version, [member(1), member(3)]);
    assert.is(leader.leadership?.followers.get(2)?.levelForMs, levelForMs);
    knows(leader, version + 1, [member(1), member(2), member(3)]);
  }
});

test('P32: another run of a follower inherits how long it must be level', () => {
  const leader = serving();
  knows(leader, 4, [member(1), member(3)]);
  const registered = [1, 2, 3].map((id) => ({
    id,
    incarnation: id === 2 ? 5 : 1,
    boot: `${id}${id === 2 ? 'b' : 'a'}`,
  }));
  step(leader, { type: 'record', record: record({ term: 2, version: 5, inSync: [member(1), member(3)], registered }) });
  assert.equal(leader.leadership?.followers.get(2)?.levelForMs, 400);
  assert.equal(leader.leadership?.followers.get(2)?.held, 0);
});

test('P33: one proposal at a time, word for word', () => {
  const leader = without1();
  take(leader, 1, position(leader, leader.log));
  answering(leader, 250, 1, 2);
  const first = statusOf(leader).proposal;
  assert.equal(first?.id, 1);
  answering(leader, 1000, 1);
  assert.equal(statusOf(leader).proposal, first);
});

test('P33: settled by a refusal of that very one', () => {
  const leader = serving();
  answering(leader, 450, 1);
  const first = statusOf(leader).proposal;
  step(leader, { type: 'refused', proposal: 2, version: 3 });
  step(leader, { type: 'refused', proposal: 1, version: 2 });
  assert.equal(statusOf(leader).proposal, first);
  step(leader, { type: 'refused', proposal: 1, version: 3 });
  assert.is(statusOf(leader).proposal, null);
  step(leader, { type: 'refused', proposal: 1, version: 3 });
  tick(leader);
  assert.is(statusOf(leader).proposal?.id, 2, 'and the next has another id');
});

test('P33: settled by a newer record, whatever it says', () => {
  const leader = serving();
  answering(leader, 450, 1);
  assert.equal(proposed(leader), [1, 3]);
  knows(leader, 4, [member(1), member(3)]);
  assert.is(statusOf(leader).proposal, null);
});

test('P34: a hand-over needs a follower that holds the whole log', () => {
  const leader = serving();
  const { leadership } = leader;
  if (leadership === null) throw new Error('It leads');
  leadership.followers.delete(2);
  assert.throws(() => proposeHandOver(leader, leadership, member(2)), 'holds the whole log');
});

test.run();
