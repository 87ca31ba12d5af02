import { test } from 'uvu';
import * as assert from 'uvu/assert';
import {
  ack,
  answer,
  answers,
  append,
  create,
  halts,
  history,
  member,
  pass,
  place,
  probe,
  record,
  sent,
  serving,
  store,
  take,
  takingOver,
  tick,
  words,
} from '../../test/lab.ts';
import { createLog } from './log.ts';
import { createReplica, incarnationOf, roleOf, statusOf } from './state.ts';
import { step } from './step.ts';

const entries = history('t1 m m m');

test('P1: a term is saved before anything is said in it', () => {
  const replica = create();
  assert.equal(words(take(replica, 2, probe({ term: 4 }))), ['save', 'send position 2']);
  assert.is(replica.durable.term, 4);
  const { effects } = takingOver();
  assert.equal(words(effects).slice(0, 2), ['save', 'send probe 1']);
});

test('P1: a restart knows the term', () => {
  const replica = create();
  take(replica, 2, probe({ term: 4 }));
  const { id, limits, durable, now } = replica;
  const again = createReplica({ id, boot: '1b', limits, durable, now, log: createLog() });
  assert.is(statusOf(again).term, 4);
  step(again, { type: 'record', record: record({ version: 3 }) });
  assert.is(statusOf(again).term, 4, 'a record of a lower term does not lower it');
});

test('P2: a leader of a lower term is told the higher one', () => {
  const replica = create({ record: record({ term: 3 }) });
  for (const message of [probe({ term: 2 }), append(entries, 0, { term: 2 })]) {
    assert.equal(take(replica, 2, message), [{ type: 'send', to: 2, message: { type: 'refuse', term: 3 } }]);
  }
  assert.is(replica.log.lastIndex(), 0);
});

test('P2: answers of a lower term are dropped', () => {
  const leader = serving();
  assert.equal(take(leader, 1, { ...ack(leader, 4), term: 1 }), []);
  assert.equal(take(leader, 1, { type: 'refuse', term: 1 }), []);
  assert.is(roleOf(leader), 'leader');
});

test('P2: answers to nobody are dropped', () => {
  const replica = create();
  const leader = serving();
  assert.equal(take(replica, 2, { ...ack(leader, 4), term: 1 }), []);
});

test('P3: an older, equal or foreign record changes nothing', () => {
  const replica = create({ record: record({ version: 5 }) });
  for (const other of [
    record({ version: 4 }),
    record({ version: 5, term: 9 }),
    record({ storeId: 'other', version: 9 }),
  ]) {
    assert.equal(step(replica, { type: 'record', record: other }), []);
  }
  assert.equal(replica.durable.record, record({ version: 5 }));
});

test('P3: a store without a name takes it from a record that names its run', () => {
  const replica = create({ record: null, boot: '1b' });
  assert.equal(step(replica, { type: 'record', record: record() }), []);
  assert.is(statusOf(replica).storeId, null);
  const named = record({ version: 3, registered: [{ id: 1, incarnation: 3, boot: '1b' }] });
  assert.equal(words(step(replica, { type: 'record', record: named })), ['save']);
  assert.equal([statusOf(replica).storeId, incarnationOf(replica)], ['store', 3]);
});

test('P4: a run that is not registered neither says nor takes anything', () => {
  const replica = create({ boot: '1b' });
  assert.equal(take(replica, 3, append(entries, 0)), []);
  assert.equal(take(replica, 3, probe({ term: 7 })), []);
  assert.equal([replica.log.lastIndex(), replica.durable.term, statusOf(replica).incarnation], [0, 1, null]);
});

test('P4: a run that loses its place to a newer one falls silent', () => {
  const replica = create();
  take(replica, 3, probe());
  const replaced = record({ version: 3, registered: [{ id: 1, incarnation: 3, boot: '1b' }] });
  take(replica, 3, append(entries, 0));
  step(replica, { type: 'record', record: replaced });
  assert.equal(words(store(replica)), []);
});

test('P5: leads when the record names this very run', () => {
  const { leader } = takingOver();
  assert.equal([roleOf(leader), statusOf(leader).serving], ['taking_over', false]);
});

test('P5: a late grant for an earlier run, or for an earlier term, is not taken', () => {
  const restarted = create({ id: 3, boot: '3b', record: record({ term: 1, version: 1 }) });
  step(restarted, { type: 'record', record: record({ version: 2 }) });
  assert.is(roleOf(restarted), 'follower');
  const registered = [
    { id: 2, incarnation: 1, boot: '2a' },
    { id: 3, incarnation: 3, boot: '3b' },
  ];
  step(restarted, { type: 'record', record: record({ version: 3, registered }) });
  assert.is(roleOf(restarted), 'follower', 'the leader is 3, but another run of it');

  const ahead = create({ id: 3 });
  take(ahead, 2, probe({ term: 4 }));
  step(ahead, { type: 'record', record: record({ term: 2, version: 3 }) });
  assert.is(roleOf(ahead), 'follower');
});

test('P6: whoever meets a higher term stops leading', () => {
  for (const message of [probe({ term: 3 }), { type: 'refuse', term: 3 } as const]) {
    const leader = serving();
    place(leader, 1, ['a']);
    const effects = take(leader, 2, message);
    assert.equal(words(effects).slice(0, 2), ['answer', 'save']);
    assert.equal([roleOf(leader), leader.durable.term], ['follower', 3]);
  }
});

test('P6: another leader in the record ends this one', () => {
  const leader = serving();
  step(leader, { type: 'record', record: record({ term: 3, version: 4, leader: member(2) }) });
  assert.is(roleOf(leader), 'follower');
  const same = serving();
  step(same, { type: 'record', record: record({ term: 2, version: 4, leader: null }) });
  assert.is(roleOf(same), 'follower');
});

test('P6: a higher term of the catalog ends this leader, and is remembered', () => {
  const leader = serving();
  place(leader, 1, ['a']);
  const effects = answer(leader, { kind: 'old_term', term: 9 });
  assert.equal(words(effects), ['answer', 'save']);
  assert.equal([roleOf(leader), statusOf(leader).term], ['follower', 9]);
});

test('P6: two leaders of one term are a broken promise', () => {
  const leader = serving();
  assert.equal(halts(take(leader, 2, probe({ term: 2 }))), ['order-2 leads term 2, and so does this replica']);
});

test('P35: a follower that wants to end says so at its next tick', () => {
  const replica = create();
  step(replica, { type: 'leave' });
  assert.is(statusOf(replica).leaving, false);
  tick(replica);
  assert.is(statusOf(replica).leaving, true);
});

test('P37: a halted replica refuses orders and does nothing else', () => {
  const leader = serving();
  place(leader, 1, ['a']);
  const effects = take(leader, 2, probe({ term: 2 }));
  assert.equal(words(effects), ['halt', 'answer'], 'what waits is answered');
  assert.equal(answers(effects), [[1, { ok: false, reason: 'unknown' }]]);
  assert.equal(answers(place(leader, 2, ['b'])), [[2, { ok: false, reason: 'not_leader' }]]);
  assert.equal(pass(leader, 500), []);
  assert.equal(step(leader, { type: 'record', record: record({ term: 9, version: 9 }) }), []);
  assert.is(statusOf(leader).clean, false);
});

test('P37: and stays so over a restart', () => {
  const replica = create({ halted: 'because' });
  assert.equal([statusOf(replica).clean, replica.halted], [false, 'because']);
  assert.equal(take(replica, 3, probe()), []);
});

test('P37: effects of the step that halts, but the halt and the answers, are not performed', () => {
  const replica = create({ log: 't1 m' });
  take(replica, 3, append(entries, 0, { to: 2, commitIndex: 2 }));
  const effects = take(replica, 2, append(history('t1 x'), 1, { term: 5 }));
  assert.equal(words(effects), ['halt']);
});

test('inputs for a leader change nothing in a follower', () => {
  const replica = create();
  assert.equal(step(replica, { type: 'refused', proposal: 1, version: 2 }), []);
  assert.equal(step(replica, { type: 'catalog', call: 1, answer: { kind: 'busy' } }), []);
  assert.equal(sent(tick(replica), 'append'), []);
});

test.run();
