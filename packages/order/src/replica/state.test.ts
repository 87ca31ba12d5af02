import { test } from 'uvu';
import * as assert from 'uvu/assert';
import {
  append,
  create,
  history,
  pass,
  position,
  probe,
  record,
  sent,
  store,
  take,
  takingOver,
  tick,
  words,
} from '../../test/lab.ts';
import { positionAt, START } from './entry.ts';
import { createLog } from './log.ts';
import { createReplica, NEW_STORE, roleOf, statusOf } from './state.ts';
import { step } from './step.ts';

const entries = history('t1 m m m');

const at = (index: number) => positionAt(createLog(entries), index);

test('P39: marks what is committed, now and then', () => {
  const replica = create({ log: 't1 m m m', limits: { markEveryMs: 100 } });
  take(replica, 3, append(entries, 0, { commitIndex: 2 }));
  assert.equal(pass(replica, 90), []);
  assert.equal(words(tick(replica)), ['save']);
  assert.equal(replica.durable.committed, at(2));
  take(replica, 3, append(entries, 4, { commitIndex: 4 }));
  assert.equal(pass(replica, 90), [], 'not more often');
  assert.equal(words(pass(replica, 200)), ['save'], 'and only what is new');
});

test('P39: whatever is saved marks it too', () => {
  const replica = create({ log: 't1 m m m' });
  take(replica, 3, append(entries, 0, { commitIndex: 4 }));
  take(replica, 2, probe({ term: 2 }));
  assert.equal(replica.durable.committed, at(4));
});

test('P39: a log that has the marked place begins from there', () => {
  const replica = create({ log: 't1 m m m', committed: at(3) });
  assert.equal([replica.commitIndex, statusOf(replica).clean], [3, true]);
  assert.equal([create().commitIndex, create().clean], [0, true]);
});

test('P39: a log that lacks it, or has another entry there, is not clean until it is level', () => {
  for (const log of ['t1 m', 't1 m x x']) {
    const replica = create({ log, committed: at(4) });
    assert.equal([replica.commitIndex, statusOf(replica).clean], [0, false]);
    take(replica, 3, append(entries, 0, { to: 3, commitIndex: 4 }));
    store(replica);
    assert.is(statusOf(replica).clean, false, 'one is missing still');
    take(replica, 3, append(entries, 3, { commitIndex: 4 }));
    store(replica);
    assert.is(statusOf(replica).clean, true);
  }
});

test('P39: the mark does not fall while a short log is brought level', () => {
  const replica = create({ log: 't1 m', committed: at(4) });
  take(replica, 3, append(entries, 0, { to: 3, commitIndex: 3 }));
  store(replica);
  take(replica, 2, probe({ term: 2 }));
  assert.equal(replica.durable.committed, at(4));
});

test('P39: nothing is marked that is not on this disk', () => {
  const replica = create();
  take(replica, 3, append(entries, 0, { commitIndex: 4 }));
  take(replica, 2, probe({ term: 2 }));
  assert.equal(replica.durable.committed, START);
});

test('P39: a short replica warns the leader of what was committed once', () => {
  const replica = create({ log: 't1 m', committed: at(4) });
  const [said] = sent(take(replica, 3, probe()), 'position');
  assert.equal([said?.commitIndex, said?.onceCommitted], [0, 4]);
  const { leader } = takingOver();
  take(leader, 1, position(leader, createLog(entries), { onceCommitted: 4 }));
  assert.equal([roleOf(leader), statusOf(leader).clean], ['follower', false]);
});

test('P3: a store that was never part of a cluster knows nothing', () => {
  const replica = createReplica({ ...create(), durable: NEW_STORE, boot: '1a', halted: null, without: [] });
  assert.equal(statusOf(replica).storeId, null);
  step(replica, { type: 'record', record: record() });
  assert.equal(statusOf(replica).storeId, 'store');
});

test.run();
