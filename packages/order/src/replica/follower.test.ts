import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { append, create, halts, history, probe, record, sent, store, take, words } from '../../test/lab.ts';
import { createLog } from './log.ts';
import { statusOf } from './state.ts';
import { step } from './step.ts';

const entries = history('t1 m m m');

test('P7: acknowledges once the entries are on disk', () => {
  const replica = create();
  assert.equal(words(take(replica, 3, append(entries, 0))), ['append']);
  const [acknowledged] = sent(store(replica), 'ack');
  assert.equal(acknowledged?.held, { index: 4, hash: entries[3]?.hash });
  assert.equal([acknowledged?.incarnation, acknowledged?.leaderIncarnation, acknowledged?.term], [1, 1, 1]);
});

test('P7: the end of a first write acknowledges no more than that', () => {
  const replica = create();
  take(replica, 3, append(entries, 0, { to: 2 }));
  take(replica, 3, append(entries, 2));
  const [first] = sent(step(replica, { type: 'stored', write: 1 }), 'ack');
  assert.is(first?.held.index, 2);
  assert.equal(step(replica, { type: 'stored', write: 1 }), [], 'a second word of the same write says nothing new');
  const [second] = sent(step(replica, { type: 'stored', write: 2 }), 'ack');
  assert.is(second?.held.index, 4);
});

test('P7: the end of a late write covers those before it', () => {
  const replica = create();
  take(replica, 3, append(entries, 0, { to: 2 }));
  take(replica, 3, append(entries, 2));
  assert.is(sent(step(replica, { type: 'stored', write: 2 }), 'ack')[0]?.held.index, 4);
  assert.equal(step(replica, { type: 'stored', write: 1 }), []);
});

test('P7: while a write is under way, a message without entries is not acknowledged', () => {
  const replica = create();
  take(replica, 3, append(entries, 0));
  assert.equal(take(replica, 3, append(entries, 4)), []);
});

test('P7: acknowledges nothing that it has not compared with the leader', () => {
  const replica = create({ log: 't1 m m m' });
  const [acknowledged] = sent(take(replica, 3, append(entries, 2, { to: 2 })), 'ack');
  assert.is(acknowledged?.held.index, 2);
});

test('P7: what was compared with one leader is not acknowledged to the next', () => {
  const replica = create({ log: 't1 m m m' });
  take(replica, 3, append(entries, 0, { commitIndex: 1 }));
  assert.is(replica.verified, 4);
  const [acknowledged] = sent(take(replica, 2, append(entries, 2, { to: 2, term: 2, commitIndex: 4 })), 'ack');
  assert.equal([acknowledged?.held.index, replica.commitIndex], [2, 2]);
});

test('P7: what ends while nobody leads is acknowledged to nobody', () => {
  const replica = create();
  take(replica, 3, append(entries, 0));
  step(replica, { type: 'record', record: record({ term: 2, version: 3, leader: { id: 2, incarnation: 1 } }) });
  assert.equal(store(replica), []);
  assert.is(replica.stored, 4);
});

test('P8: what equals stays, what is new is added', () => {
  const replica = create({ log: 't1 m' });
  const effects = take(replica, 3, append(entries, 0));
  assert.equal(words(effects), ['append']);
  assert.equal(effects[0]?.type === 'append' && effects[0].entries, entries.slice(2));
  assert.equal(replica.log.slice(1, 9, 10_000), entries);
});

test('P8: a conflict is cut from the first difference on', () => {
  const replica = create({ log: 't1 m x x' });
  const effects = take(replica, 3, append(entries, 0));
  assert.equal(words(effects), ['truncate', 'append']);
  assert.equal(effects[0], { type: 'truncate', from: 3 });
  assert.equal(replica.log.slice(1, 9, 10_000), entries);
  assert.is(replica.stored, 2);
});

test('P8: a short message cuts nothing', () => {
  const replica = create({ log: 't1 m m m' });
  assert.equal(words(take(replica, 3, append(entries, 0, { to: 2 }))), ['send ack 3']);
  assert.equal(words(take(replica, 3, append(entries, 2, { to: 2 }))), ['send ack 3']);
  assert.is(replica.log.lastIndex(), 4);
});

test('P9: never cuts what is committed', () => {
  const replica = create({ log: 't1 m' });
  take(replica, 3, append(entries, 0, { to: 2, commitIndex: 2 }));
  const effects = take(replica, 2, append(history('t1 x'), 1, { term: 2 }));
  assert.equal(halts(effects), ['The leader asks to cut at 2, but 2 is committed']);
  assert.is(replica.log.lastIndex(), 2);
  assert.is(statusOf(replica).clean, false);
});

test('P10: an entry that does not chain halts', () => {
  const replica = create();
  const effects = take(replica, 3, append(entries, 0, { entries: [...entries.slice(0, 1), ...entries.slice(2)] }));
  assert.equal(halts(effects), ['Entry 3 from order-3 does not chain to the entry before it']);
});

test('P11: says where it stands when it lacks the place before the entries', () => {
  for (const log of ['t1', 't1 x m m']) {
    const replica = create({ log });
    const effects = take(replica, 3, append(entries, 2));
    assert.equal(words(effects), ['send position 3']);
    assert.is(replica.log.lastIndex(), createLog(history(log)).lastIndex());
  }
});

test('P11: names places that double, and its commit index', () => {
  const long = history(`t1${' m'.repeat(39)}`);
  const replica = create({ log: `t1${' m'.repeat(39)}` });
  take(replica, 3, append(long, 5, { to: 6, commitIndex: 6 }));
  const [position] = sent(take(replica, 3, probe()), 'position');
  assert.equal(
    position?.locator.map(({ index }) => index),
    [40, 39, 37, 33, 25, 9, 6],
  );
  assert.equal([position?.last.index, position?.commitIndex], [40, 6]);
  assert.equal(sent(take(create(), 3, probe()), 'position')[0]?.locator, []);
});

test('P12: the commit index stays within what was compared, and never falls', () => {
  const replica = create({ log: 't1 m m m' });
  take(replica, 3, append(entries, 0, { to: 2, commitIndex: 4 }));
  assert.is(replica.commitIndex, 2);
  take(replica, 3, append(entries, 2, { commitIndex: 3 }));
  assert.is(replica.commitIndex, 3);
  take(replica, 3, append(entries, 0, { to: 1, commitIndex: 1 }));
  assert.is(replica.commitIndex, 3);
});

test('P13: an entry that is written, cut and written again counts with its last write', () => {
  const replica = create({ log: 't1' });
  take(replica, 3, append(history('t1 m'), 1));
  take(replica, 2, append(history('t1 t2'), 1, { term: 2 }));
  take(replica, 3, append(history('t1 m'), 1, { term: 3 }));
  step(replica, { type: 'stored', write: 1 });
  assert.is(replica.stored, 1);
  step(replica, { type: 'stored', write: 2 });
  assert.is(replica.stored, 1);
  assert.is(sent(step(replica, { type: 'stored', write: 3 }), 'ack')[0]?.held.index, 2);
});

test('P13: what a cut left of a write is on disk with it', () => {
  const replica = create({ log: 't1' });
  take(replica, 3, append(history('t1 m m'), 1));
  take(replica, 2, append(history('t1 m t2'), 1, { term: 2 }));
  assert.is(sent(step(replica, { type: 'stored', write: 1 }), 'ack')[0]?.held.index, 2);
  assert.is(replica.stored, 2);
});

test.run();
