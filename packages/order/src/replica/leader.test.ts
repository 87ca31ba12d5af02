import { test } from 'uvu';
import * as assert from 'uvu/assert';
import {
  ack,
  answer,
  answers,
  atBarrier,
  calls,
  create,
  decided,
  halts,
  history,
  journal,
  member,
  pass,
  place,
  position,
  record,
  replicate,
  sent,
  serving,
  store,
  take,
  takingOver,
  tick,
  words,
} from '../../test/lab.ts';
import { createLog } from './log.ts';
import { isReadable, type Replica, roleOf, statusOf } from './state.ts';
import { step } from './step.ts';

test('P14: asks every other replica where it stands, and appends nothing before it knows', () => {
  const { leader, effects } = takingOver();
  assert.equal(words(effects), ['save', 'send probe 1', 'send probe 2']);
  take(leader, 1, position(leader, leader.log));
  assert.equal([leader.leadership?.phase, leader.log.lastIndex()], ['positions', 2]);
  const next = take(leader, 2, position(leader, leader.log));
  assert.equal(words(next), ['send append 2', 'append']);
  assert.equal([leader.leadership?.phase, leader.log.lastIndex(), leader.log.at(3)?.term], ['barrier', 3, 2]);
});

test('P14: does not wait for who is not in the set', () => {
  const { leader } = takingOver({ record: record({ inSync: [member(2), member(3)] }) });
  take(leader, 2, position(leader, leader.log));
  assert.is(leader.leadership?.phase, 'barrier');
});

test('P14: an answer of another run, of no replica, or to another leadership is no answer', () => {
  const { leader } = takingOver({ record: record({ inSync: [member(2), member(3)] }) });
  take(leader, 2, position(leader, leader.log, { incarnation: 9 }));
  take(leader, 2, position(leader, leader.log, { leaderIncarnation: 9 }));
  take(leader, 9, position(leader, leader.log));
  assert.is(leader.leadership?.phase, 'positions');
});

test('P14: a member of the set that is another run than the registered one is waited for', () => {
  const { leader } = takingOver({ record: record({ inSync: [member(2, 9), member(3)] }) });
  take(leader, 2, position(leader, leader.log));
  assert.is(leader.leadership?.phase, 'positions');
});

test('P14: a set that names another run of this leader does not let it lead', () => {
  const { leader } = takingOver({ record: record({ inSync: [member(3, 9)] }) });
  pass(leader, 100);
  assert.is(leader.leadership?.phase, 'positions');
});

test('P15: a log that is shorter than what is committed elsewhere does not lead', () => {
  const { leader } = takingOver();
  const longer = createLog(history('t1 m m m'));
  take(leader, 1, position(leader, longer, { commitIndex: 4 }));
  assert.equal([roleOf(leader), statusOf(leader).clean], ['follower', false]);
});

test('P15: and it counts again once it holds that', () => {
  const { leader } = takingOver();
  const entries = history('t1 m m m t3');
  take(leader, 1, position(leader, createLog(entries), { commitIndex: 4 }));
  step(leader, { type: 'record', record: record({ term: 3, version: 4, leader: member(2) }) });
  const append = {
    type: 'append',
    term: 3,
    leaderIncarnation: 1,
    previous: { index: 2, hash: entries[1]?.hash ?? '' },
  } as const;
  take(leader, 2, { ...append, entries: entries.slice(2, 3), commitIndex: 3 });
  store(leader);
  assert.is(statusOf(leader).clean, false);
  take(leader, 2, { ...append, entries: entries.slice(2), commitIndex: 4 });
  assert.is(statusOf(leader).clean, false, 'not on the disk yet');
  store(leader);
  assert.is(statusOf(leader).clean, true);
});

test('P15: an unclean replica that is named leader waits for another', () => {
  const { leader } = takingOver();
  take(leader, 1, position(leader, createLog(history('t1 m m')), { commitIndex: 3 }));
  step(leader, { type: 'record', record: record({ term: 3, version: 4 }) });
  assert.is(roleOf(leader), 'follower');
});

test('P16: another entry at a committed place halts', () => {
  const { leader } = takingOver();
  const other = createLog(history('t1 x'));
  const effects = take(leader, 1, position(leader, other, { commitIndex: 2 }));
  assert.equal(halts(effects), ['order-1 has another committed entry at 2 than this log']);
});

test('P16: a committed place that a follower does not name proves nothing', () => {
  const { leader } = takingOver();
  const effects = take(leader, 1, position(leader, leader.log, { commitIndex: 2, locator: [] }));
  assert.equal(halts(effects), []);
});

test('P17: commits nothing before the first entry of the term is everywhere', () => {
  const { leader } = atBarrier();
  store(leader);
  take(leader, 1, ack(leader, 3));
  take(leader, 2, ack(leader, 2));
  assert.is(leader.commitIndex, 0);
  assert.equal(words(take(leader, 2, ack(leader, 3))), ['commit', 'fence']);
  assert.is(leader.commitIndex, 3);
});

test('P18: fences the catalog, appends what the log lacks, commits it, and only then serves', () => {
  const { leader } = atBarrier();
  const [fence] = calls(replicate(leader));
  assert.equal(fence, { type: 'fence', call: 1, term: 2, after: 1 });
  const effects = answer(leader, decided(journal(3)));
  assert.equal(words(effects), ['append', 'send append 1', 'send append 2']);
  assert.equal([leader.leadership?.phase, leader.log.lastIndex()], ['catching_up', 5]);
  assert.equal(answers(place(leader, 1, ['a'])), [[1, { ok: false, reason: 'not_ready' }]]);
  replicate(leader);
  assert.equal([leader.leadership?.phase, roleOf(leader), statusOf(leader).serving], ['serving', 'leader', true]);
});

test('P18: asks on while the catalog has more', () => {
  const { leader } = atBarrier();
  replicate(leader);
  const [again] = calls(answer(leader, decided(journal(2), [], true)));
  assert.equal([again?.type, again?.after], ['fence', 2]);
  assert.is(leader.leadership?.phase, 'fencing');
  answer(leader, decided(journal(4).slice(1)));
  replicate(leader);
  assert.equal([leader.leadership?.phase, leader.log.lastIndex()], ['serving', 6]);
});

test('P18: serves at once if the log lacks nothing', () => {
  const { leader } = atBarrier();
  replicate(leader);
  answer(leader, decided(journal(1)));
  assert.is(leader.leadership?.phase, 'serving');
});

test('P19: reads are answered from the first committed entry of the term on', () => {
  const { leader } = atBarrier();
  assert.not.ok(isReadable(leader, 2));
  replicate(leader);
  assert.ok(isReadable(leader, 2));
  assert.not.ok(isReadable(leader, 1));
  assert.not.ok(isReadable(leader, 3));
  assert.not.ok(isReadable(create(), 1));
  const { leader: early } = takingOver();
  assert.not.ok(isReadable(early, 2));
});

test('P19: reads go on while the catalog is away, orders do not', () => {
  const { leader } = atBarrier();
  replicate(leader);
  answer(leader, { kind: 'lost' });
  assert.equal(calls(tick(leader, 1)).length, 1, 'it is asked again');
  assert.ok(isReadable(leader, 2));
  assert.equal(answers(place(leader, 1, ['a'])), [[1, { ok: false, reason: 'catalog_away' }]]);
});

test('P27: a catalog that lacks movements of the log gets no orders', () => {
  const leader = serving();
  place(leader, 1, ['a']);
  answer(leader, { kind: 'behind', sequence: 1 });
  assert.is(statusOf(leader).serving, false);
  assert.equal(answers(place(leader, 2, ['b'])), [[2, { ok: false, reason: 'catalog_behind' }]]);
  assert.equal(calls(pass(leader, 190)), []);
  assert.equal(calls(pass(leader, 20)).length, 1, 'it is asked again after a while');
  answer(leader, decided(journal(3).slice(2), [{ key: 'a', status: 'conflict' }]));
  assert.is(statusOf(leader).serving, true);
});

test('P27: a catalog that tells another history gets no orders', () => {
  const { leader } = atBarrier({ log: 't1 m m t2 m' });
  replicate(leader);
  answer(leader, decided(journal(4, 'other').slice(2)));
  assert.equal(
    [leader.leadership?.phase, leader.leadership?.catalogBehind, leader.log.lastIndex()],
    ['fencing', true, 6],
  );
  pass(leader, 200);
  answer(leader, decided(journal(4).slice(2)));
  assert.equal([leader.leadership?.phase, leader.log.lastIndex()], ['catching_up', 7]);
});

test('P27: a movement that the log cannot compare is judged by its place', () => {
  const { leader } = atBarrier({ log: '' });
  replicate(leader);
  answer(leader, decided(journal(1)));
  assert.is(leader.leadership?.phase, 'catching_up');
  const damaged = atBarrier().leader;
  replicate(damaged);
  answer(damaged, decided(['{}']));
  assert.ok(damaged.leadership?.catalogBehind);
});

test('P28: a gap in the movements stops the process', () => {
  const leader = serving();
  place(leader, 1, ['a']);
  assert.throws(() => answer(leader, decided(journal(4).slice(3))), 'Movement 4 must not follow movement 2');
});

test('P6: a record of this term that this leader knows already ends nothing', () => {
  const leader = serving();
  step(leader, { type: 'record', record: record({ term: 2, version: 4, inSync: [member(1), member(3)] }) });
  assert.equal([roleOf(leader), leader.durable.record?.version], ['leader', 4]);
});

test('P34: hands over to a higher id once nothing is under way', () => {
  const lower = handingOver();
  place(lower, 1, ['a']);
  answering(lower, 650);
  assert.is(lower.leadership?.phase, 'draining');
  assert.equal(answers(place(lower, 2, ['b'])), [[2, { ok: false, reason: 'not_ready' }]]);
  assert.is(lower.leadership?.proposal, null);
  answer(lower, decided(journal(3).slice(2), [{ key: 'a', status: 'conflict' }]));
  tick(lower);
  assert.is(lower.leadership?.proposal, null, '3 does not hold all of the log yet');
  answering(lower, 50);
  const { proposal } = statusOf(lower);
  assert.equal(proposal, {
    id: 1,
    term: 2,
    version: 3,
    leader: member(1),
    inSync: [member(1), member(3)],
    handOverTo: member(3),
  });
  answering(lower, 1000);
  assert.equal(statusOf(lower).proposal, proposal, 'one proposal, until it is settled');
});

test('P34: the follower learns what is committed before it leads', () => {
  const lower = handingOver();
  place(lower, 1, ['a']);
  answering(lower, 650);
  assert.is(lower.leadership?.phase, 'draining');
  answer(lower, decided(journal(3).slice(2), [{ key: 'a', status: 'conflict' }]));
  store(lower);
  const [told] = sent(take(lower, 3, ack(lower, 5)), 'append');
  assert.equal([told?.entries, told?.commitIndex], [[], 5]);
  assert.equal(sent(take(lower, 3, ack(lower, 5)), 'append'), []);
});

test('P34: serves on if it takes too long, and tries again later', () => {
  const lower = handingOver();
  answering(lower, 500);
  place(lower, 1, ['a']);
  answering(lower, 150);
  assert.is(lower.leadership?.phase, 'draining');
  answering(lower, 300);
  assert.is(lower.leadership?.phase, 'serving');
  answer(lower, decided([], [{ key: 'a', status: 'conflict' }]));
  answering(lower, 500);
  assert.is(statusOf(lower).proposal, null);
  answering(lower, 150);
  assert.equal(statusOf(lower).proposal?.handOverTo, member(3));
});

test('P34: serves on if the higher id leaves the set meanwhile', () => {
  const lower = handingOver();
  place(lower, 1, ['a']);
  answering(lower, 650);
  assert.is(lower.leadership?.phase, 'draining');
  step(lower, { type: 'record', record: lead(4, [member(1)]) });
  tick(lower);
  assert.is(lower.leadership?.phase, 'serving');
  pass(lower, 700);
  assert.is(lower.leadership?.phase, 'serving');
});

test('P34: what the catalog still has is fetched before the hand-over', () => {
  const lower = handingOver();
  place(lower, 1, ['a']);
  answering(lower, 650);
  assert.is(lower.leadership?.phase, 'draining');
  const [next] = calls(answer(lower, decided(journal(3).slice(2), [{ key: 'a', status: 'conflict' }], true)));
  assert.equal([next?.type, next?.after, next?.type === 'decide' && next.orders], ['decide', 3, []]);
});

test('P35: a leader lets what is under way end before it says that it leaves', () => {
  const leader = serving();
  place(leader, 1, ['a']);
  step(leader, { type: 'leave' });
  tick(leader);
  assert.equal([leader.leadership?.phase, statusOf(leader).leaving], ['draining', false]);
  answer(leader, decided(journal(3).slice(2), [{ key: 'a', status: 'conflict' }]));
  replicate(leader);
  tick(leader);
  assert.is(statusOf(leader).leaving, true);
});

test('P35: and it does not wait for ever', () => {
  const leader = serving();
  place(leader, 1, ['a']);
  step(leader, { type: 'leave' });
  pass(leader, 320);
  assert.is(statusOf(leader).leaving, true);
});

test('P35: a leader that does not serve yet has nothing under way', () => {
  const { leader } = takingOver();
  step(leader, { type: 'leave' });
  tick(leader);
  assert.is(statusOf(leader).leaving, true);
});

/** A record by which 1 leads term 2, beside 3. */
const lead = (version: number, inSync = [member(1), member(3)]) =>
  record({ term: 2, version, leader: member(1), inSync });

/** Lets time pass while 3 answers that it holds all of the log. */
const answering = (lower: Replica, ms: number): void => {
  for (let at = 0; at < ms; at += 50) {
    replicate(lower, [3]);
    pass(lower, 50);
  }
};

/** Replica 1 serves; 3, of a higher id, is in sync. */
const handingOver = () => {
  const leader = create({ log: 't1 m' });
  step(leader, { type: 'record', record: lead(3) });
  take(leader, 3, position(leader, leader.log));
  replicate(leader, [3]);
  answer(leader, decided(journal(2)));
  replicate(leader, [3]);
  assert.is(leader.leadership?.phase, 'serving');
  return leader;
};

test.run();
