import { test } from 'uvu';
import * as assert from 'uvu/assert';
import {
  accepted,
  ack,
  answer,
  atBarrier,
  decided,
  history,
  journal,
  member,
  pass,
  place,
  position,
  record,
  sent,
  serving,
  take,
  takingOver,
  tick,
  words,
} from '../../test/lab.ts';
import { createLog } from './log.ts';
import { step } from './step.ts';

/** Orders that make the log of a serving leader longer by n movements. */
const grow = (leader: ReturnType<typeof serving>, count: number): void => {
  const from = leader.log.lastIndex() - 2;
  const keys = Array.from({ length: count }, (_, at) => `${from + at}`);
  place(leader, from, keys);
  answer(
    leader,
    decided(
      journal(from + count).slice(from),
      keys.map((key, at) => accepted(key, from + at + 1)),
    ),
  );
};

test('P36: one message at a time is on its way to each', () => {
  const leader = serving();
  grow(leader, 1);
  assert.equal(sent(tick(leader), 'append'), []);
  grow(leader, 1);
  const [next] = sent(take(leader, 1, ack(leader, 5)), 'append');
  assert.equal([next?.previous.index, next?.entries.length], [5, 1]);
});

test('P36: sends again what is not answered, and probes after several misses', () => {
  const leader = serving();
  grow(leader, 1);
  assert.equal(words(pass(leader, 90)), []);
  const again = pass(leader, 10);
  assert.equal(words(again), ['send append 1', 'send append 2']);
  assert.equal(sent(again, 'append')[0]?.entries.length, 1);
  pass(leader, 100);
  assert.equal(sent(pass(leader, 90), 'probe'), []);
  assert.is(sent(tick(leader), 'probe').length, 2);
});

test('P36: a follower that is found again is sent what it lacks from the last common place on', () => {
  const leader = serving();
  grow(leader, 2);
  pass(leader, 300);
  const [found] = sent(take(leader, 1, position(leader, createLog(history('t1 m t2')))), 'append');
  assert.equal([found?.previous.index, found?.entries.map(({ index }) => index)], [3, [4, 5, 6]]);
});

test('P36: the last common place is the highest that both name', () => {
  const { leader } = takingOver({ log: 't1 m m m m' });
  const other = history('t1 m m x x x');
  const at = (index: number) => ({ index, hash: other[index - 1]?.hash ?? '' });
  const [found] = sent(
    take(leader, 1, position(leader, createLog(other), { locator: [2, 6, 4, 3, 1].map(at) })),
    'append',
  );
  assert.is(found?.previous.index, 3);
  const nothing = history('x x');
  const [all] = sent(take(leader, 2, position(leader, createLog(nothing))), 'append');
  assert.is(all?.previous.index, 0);
});

test('P36: a beat when there is nothing to say', () => {
  const leader = serving();
  take(leader, 1, ack(leader, 4));
  take(leader, 2, ack(leader, 4));
  const beats = sent(pass(leader, 60), 'append');
  assert.equal(beats.length, 2);
  assert.equal([beats[0]?.entries, beats[0]?.commitIndex, beats[0]?.previous.index], [[], 4, 4]);
});

test('P36: entries go in bounded portions', () => {
  const { leader } = takingOver({ log: 't1 m m m m m m' });
  const [first] = sent(take(leader, 1, position(leader, createLog())), 'append');
  assert.equal(
    first?.entries.map(({ index }) => index),
    [1, 2, 3, 4],
  );
  const [second] = sent(take(leader, 1, ack(leader, 4)), 'append');
  assert.equal(
    second?.entries.map(({ index }) => index),
    [5, 6, 7],
  );
});

test('P36: an acknowledgement from one whose place is unknown brings a probe', () => {
  const { leader } = takingOver();
  assert.equal(words(take(leader, 1, ack(leader, 1))), ['send probe 1']);
});

test('P36: a replica that registers is asked where it stands', () => {
  const leader = serving();
  const registered = [1, 2, 3, 4].map((id) => ({ id, incarnation: 1, boot: `${id}a` }));
  const effects = step(leader, { type: 'record', record: record({ term: 2, version: 4, registered }) });
  assert.equal(words(effects), ['save', 'send probe 4']);
});

test('P21: what a follower holds never falls within a term', () => {
  const leader = serving();
  take(leader, 1, ack(leader, 2));
  assert.is(leader.leadership?.followers.get(1)?.held, 4);
});

test('P32: a follower that leaves the set is punished, one that stays is not', () => {
  const { leader } = atBarrier();
  step(leader, { type: 'record', record: record({ term: 2, version: 4, inSync: [member(1), member(3)] }) });
  const levels = [1, 2].map((id) => leader.leadership?.followers.get(id)?.levelForMs);
  assert.equal(levels, [200, 400]);
});

test('P14: a takeover goes on with the members that are left', () => {
  const { leader } = takingOver();
  take(leader, 1, position(leader, leader.log));
  step(leader, { type: 'record', record: record({ term: 2, version: 4, inSync: [member(1), member(3)] }) });
  assert.is(leader.leadership?.phase, 'barrier');
});

test.run();
