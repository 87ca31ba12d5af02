/** What each rule prevents: the history that goes wrong when the rule is switched off. */
import { checkoutKey } from '@till/shared/keys';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import {
  accepted,
  ack,
  answer,
  answers,
  append,
  atBarrier,
  calls,
  create,
  decided,
  history,
  journal,
  lineOf,
  member,
  pass,
  place,
  position,
  probe,
  record,
  replicate,
  sent,
  serving,
  store,
  take,
} from '../../test/lab.ts';
import { entriesOf, journalOf, type Told, told } from '../../test/shop.ts';
import { createLog } from './log.ts';
import { createReplica, type Replica, type ReplicaRule, roleOf, statusOf } from './state.ts';
import { step } from './step.ts';

/** A leader with one more order under way, on its own disk. */
const oneMore = (rule: ReplicaRule, inSync = [member(1), member(2), member(3)]): Replica => {
  const leader = serving({ record: record({ inSync }), without: [rule] });
  place(leader, 1, ['a']);
  answer(leader, decided(journal(3).slice(2), [accepted('a', 3)]));
  store(leader);
  return leader;
};

const proposing = (leader: Replica, inSync: number[]): void => {
  if (leader.leadership === null) throw new Error('It leads');
  leader.leadership.proposal = {
    id: 1,
    term: 2,
    version: 3,
    leader: member(3),
    inSync: inSync.map((id) => member(id)),
    handOverTo: null,
  };
};

test('P40: without countUnion, a member that is being added lacks an acknowledged order', () => {
  const leader = oneMore('countUnion', [member(2), member(3)]);
  proposing(leader, [1, 2, 3]);
  assert.is(answers(take(leader, 2, ack(leader, 5))).length, 1);
});

test('P40: without waitForGrant, a member that is still in the set lacks an acknowledged order', () => {
  const leader = oneMore('waitForGrant');
  proposing(leader, [2, 3]);
  assert.is(answers(take(leader, 2, ack(leader, 5))).length, 1);
});

test('P40: without timeoutIsNoAnswer, a second proposal goes out while the first may still be granted', () => {
  const leader = serving({ without: ['timeoutIsNoAnswer'] });
  pass(leader, 500);
  assert.ok((statusOf(leader).proposal?.id ?? 0) > 1);
});

test('P40: without refuseLowerTerm, a deposed leader still writes', () => {
  const replica = create({ record: record({ term: 3 }), without: ['refuseLowerTerm'] });
  take(replica, 3, append(history('t1 m'), 0));
  assert.is(replica.log.lastIndex(), 2);
  const leader = serving({ without: ['refuseLowerTerm'] });
  take(leader, 1, probe({ term: 1 }));
  assert.is(roleOf(leader), 'follower');
});

test('P40: without growNeedsCatchUp, one is counted that lacks what is committed', () => {
  const leader = serving({ record: record({ inSync: [member(2), member(3)] }), without: ['growNeedsCatchUp'] });
  grows(leader, 1);
  assert.is(statusOf(leader).proposal?.inSync.length, 3);
});

test('P40: without growNeedsTermStart, one is counted before this term has begun', () => {
  const { leader } = atBarrier({ record: record({ inSync: [member(2), member(3)] }), without: ['growNeedsTermStart'] });
  grows(leader, 2);
  assert.is(statusOf(leader).proposal?.inSync.length, 3);
});

/** Follower 1 says again and again that it holds so much. */
const grows = (leader: Replica, held: number): void => {
  take(leader, 1, position(leader, createLog(leader.log.slice(1, held, 10_000))));
  for (let at = 0; at < 250; at += 50) {
    take(leader, 1, ack(leader, held));
    take(leader, 2, ack(leader, leader.leadership?.phase === 'barrier' ? 2 : leader.log.lastIndex()));
    pass(leader, 50);
  }
};

test('P40: without truncateOnlyOnConflict, a late message cuts what was acknowledged', () => {
  const replica = create({ log: 't1 m m m', without: ['truncateOnlyOnConflict'] });
  take(replica, 3, append(history('t1 m m m'), 1, { to: 2 }));
  assert.equal([replica.log.lastIndex(), replica.stored], [2, 2]);
});

test('P40: without incarnationInAcks, what an earlier run held counts for the next', () => {
  const leader = oneMore('incarnationInAcks', [member(2), member(3)]);
  const registered = [member(2, 4), member(3)].map((run) => ({ ...run, boot: run.id === 3 ? '3a' : '2b' }));
  const restarted = record({ term: 2, version: 4, inSync: [member(2, 4), member(3)], registered });
  step(leader, { type: 'record', record: restarted });
  take(leader, 2, ack(leader, 5, { incarnation: 1 }));
  assert.is(leader.commitIndex, 5);
});

test('P40: without grantNamesRun, a late grant makes a run lead that it was not meant for', () => {
  const replica = create({ id: 3, boot: '3b', log: 't1', without: ['grantNamesRun'] });
  step(replica, { type: 'record', record: record({ term: 2, version: 3 }) });
  assert.is(roleOf(replica), 'taking_over');
});

test('P40: without storeBeforeAck, what is acknowledged can still be lost', () => {
  const replica = create({ without: ['storeBeforeAck'] });
  const [acknowledged] = sent(take(replica, 3, append(history('t1 m'), 0)), 'ack');
  assert.equal([acknowledged?.held.index, replica.stored], [2, 0]);
});

test('P40: without everyMemberAcks, a member of the set lacks an acknowledged order', () => {
  const leader = oneMore('everyMemberAcks');
  assert.is(answers(take(leader, 2, ack(leader, 5))).length, 1);
  const alone = serving({ record: record({ inSync: [member(3)] }), without: ['everyMemberAcks'] });
  assert.is(alone.commitIndex, 4);
});

test('P40: without rollForward, stock has moved for an order that no log has', () => {
  const { leader } = atBarrier({ without: ['rollForward'] });
  replicate(leader);
  answer(leader, decided(journal(3)));
  assert.equal([leader.leadership?.phase, leader.log.lastIndex()], ['serving', 3]);
});

/** A leader of term 2 whose queue has got three checkouts: the keys that it executes, in its order. */
const executed = (rule: ReplicaRule): string[] => {
  const limits = { checkoutsInCallMax: 9, ordersInCallMax: 9, checkoutsPerBook: 1 };
  const leader = serving({ limits, without: [rule] });
  while (leader.leadership?.call === null) {
    pass(leader, 50);
    replicate(leader);
  }
  const books = [1, 3, 4];
  const lines = ['a', 'b', 'c'].map((id, at) => lineOf(3 + at, told.checkout(id, books[at])));
  const [call] = calls(answer(leader, decided(lines)));
  return call?.type === 'decide' ? call.orders.map(({ key }) => key) : [];
};

test('P40: without heaviestFirst, checkouts go in the order of their arrival', () => {
  assert.equal(executed('heaviestFirst'), ['a', 'b', 'c'].map(checkoutKey));
});

test('P40: without checkoutsAge, a light one waits for all the heavier ones that come after it', () => {
  assert.equal(executed('checkoutsAge'), ['c', 'b', 'a'].map(checkoutKey));
});

/** What a new leader executes that finds these movements in its log. */
const executedAfter = (movements: Told[], without: ReplicaRule[]): string[] => {
  const { boot, limits, durable, now } = create({ id: 3 });
  const leader = createReplica({ id: 3, boot, limits, durable, now, log: createLog(entriesOf(movements)), without });
  step(leader, { type: 'record', record: record({ term: 2, version: 3 }) });
  for (const id of [1, 2]) take(leader, id, position(leader, leader.log));
  replicate(leader);
  answer(leader, decided(journalOf([...movements, told.fence()]).slice(movements.length - 1)));
  const [call] = calls(replicate(leader));
  return call?.type === 'decide' ? call.orders.map(({ key }) => key) : [];
};

test('P40: without ownOrderPerCheckout, each leader makes another order of it', () => {
  const executedOnce = [told.checkout('a'), told.order(0, checkoutKey('a'))];
  assert.equal(executedAfter(executedOnce, []), []);
  const executedBefore = [told.checkout('a'), told.order(0, checkoutKey('a in term 1'))];
  assert.equal(executedAfter(executedBefore, ['ownOrderPerCheckout']), [checkoutKey('a in term 2')]);
});

test('P40: without inheritCheckouts, what was queued under another leader waits for ever', () => {
  assert.equal(executedAfter([told.fence(), told.checkout('a')], []), [checkoutKey('a')]);
  assert.equal(executedAfter([told.fence(), told.checkout('a')], ['inheritCheckouts']), []);
});

test.run();
