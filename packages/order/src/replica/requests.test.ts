import { test } from 'uvu';
import * as assert from 'uvu/assert';
import {
  accepted,
  answer,
  answers,
  calls,
  create,
  decided,
  journal,
  pass,
  place,
  replicate,
  serving,
  take,
  takingOver,
  tick,
} from '../../test/lab.ts';
import { step } from './step.ts';

const keysOf = (call: ReturnType<typeof calls>[number] | undefined): string[] =>
  call?.type === 'decide' ? call.orders.map(({ key }) => key) : [];

test('P23: answers a batch when all of it is decided and committed, in its own order', () => {
  const leader = serving();
  place(leader, 1, ['a', 'b']);
  assert.equal(answers(answer(leader, decided(journal(4).slice(2), [accepted('a', 3), accepted('b', 4)]))), []);
  assert.equal(answers(replicate(leader)), [[1, { ok: true, outcomes: [accepted('a', 3), accepted('b', 4)] }]]);
});

test('P23: a batch that moved nothing new is answered at once', () => {
  const leader = serving();
  place(leader, 1, ['a', 'b']);
  const outcomes = [{ key: 'a', status: 'conflict' } as const, { ...accepted('b', 2), replayed: true }];
  assert.equal(answers(answer(leader, decided([], outcomes))), [[1, { ok: true, outcomes }]]);
});

test('P23: a batch that is larger than a call is answered when its last part is committed', () => {
  const leader = serving();
  place(leader, 1, ['a', 'b', 'c', 'd']);
  const [second] = calls(
    answer(leader, decided(journal(5).slice(2), [accepted('a', 3), accepted('b', 4), accepted('c', 5)])),
  );
  assert.equal(keysOf(second), ['d']);
  assert.equal(answers(replicate(leader)), []);
  answer(leader, decided(journal(6).slice(5), [accepted('d', 6)]));
  assert.equal(answers(replicate(leader)).length, 1);
});

test('P23: an answer that is cut is completed before the batch is answered', () => {
  const leader = serving();
  pass(leader, 300);
  answer(leader, decided([]));
  place(leader, 1, ['a', 'b']);
  const [rest] = calls(answer(leader, decided(journal(3).slice(2), [accepted('a', 3), accepted('b', 4)], true)));
  assert.equal([rest?.after, keysOf(rest)], [3, []]);
  assert.equal(answers(replicate(leader)), []);
  answer(leader, decided(journal(4).slice(3)));
  assert.equal(answers(replicate(leader)).length, 1);
});

test('P23: the catalog must say something to each order', () => {
  const leader = serving();
  place(leader, 1, ['a', 'b']);
  assert.throws(() => answer(leader, decided([], [accepted('a', 2)])), 'an outcome for each order');
});

test('P24: asks again under the same keys until it knows', () => {
  for (const kind of ['lost', 'busy'] as const) {
    const leader = serving();
    assert.equal(keysOf(calls(place(leader, 1, ['a', 'b']))[0]), ['a', 'b']);
    assert.equal(answers(answer(leader, { kind })), []);
    assert.equal(keysOf(calls(tick(leader))[0]), ['a', 'b']);
  }
});

test('P24: a batch that was sent and waits too long may have been decided', () => {
  const leader = serving();
  place(leader, 1, ['a', 'b', 'c']);
  place(leader, 2, ['d']);
  assert.equal(answers(pass(leader, 990)), []);
  assert.equal(answers(pass(leader, 10)), [
    [1, { ok: false, reason: 'unknown' }],
    [2, { ok: false, reason: 'catalog_away' }],
  ]);
  assert.is(leader.leadership?.queued, 0);
});

test('P24: what is decided after the answer still gets into the log', () => {
  const leader = serving();
  place(leader, 1, ['a']);
  pass(leader, 1000);
  const [call] = calls(pass(leader, 300));
  assert.equal(keysOf(call), []);
  answer(leader, decided(journal(3).slice(2)));
  assert.is(leader.log.lastIndex(), 5);
  assert.equal(answers(replicate(leader)), []);
});

test('P24: an outcome that comes twice is taken once', () => {
  const leader = serving();
  place(leader, 1, ['a']);
  const slots = leader.leadership?.call?.slots ?? [];
  slots.push(...slots);
  answer(leader, decided(journal(3).slice(2), [accepted('a', 3), accepted('a', 3)]));
  assert.equal(answers(replicate(leader)), [[1, { ok: true, outcomes: [accepted('a', 3)] }]]);
});

test('P25: one call at a time, the next fills up meanwhile, within its bound', () => {
  const leader = serving();
  assert.equal(keysOf(calls(place(leader, 1, ['a']))[0]), ['a']);
  assert.equal(calls(place(leader, 2, ['b', 'c'])), []);
  assert.equal(calls(place(leader, 3, ['d', 'e'])), []);
  const next = calls(answer(leader, decided(journal(3).slice(2), [accepted('a', 3)])));
  assert.equal([next.length, next[0]?.after, keysOf(next[0])], [1, 3, ['b', 'c', 'd']]);
});

test('P25: asks for news from time to time when there are no orders', () => {
  const leader = serving();
  assert.equal(calls(pass(leader, 240)), []);
  assert.equal(keysOf(calls(pass(leader, 20))[0]), []);
  answer(leader, decided(journal(3).slice(2)));
  assert.is(leader.log.lastIndex(), 5);
  assert.equal(calls(pass(leader, 240)), []);
});

test('P26: an answer to a call that was given up changes nothing', () => {
  const leader = serving();
  place(leader, 1, ['a']);
  const given = leader.leadership?.call?.id ?? 0;
  const [again] = calls(pass(leader, 200));
  assert.equal(keysOf(again), ['a']);
  const late = decided(journal(3).slice(2), [accepted('a', 3)]);
  assert.equal(step(leader, { type: 'catalog', call: given, answer: late }), []);
  assert.is(leader.log.lastIndex(), 4);
  answer(leader, late);
  assert.equal(step(leader, { type: 'catalog', call: again?.call ?? 0, answer: late }), []);
  assert.is(leader.log.lastIndex(), 5);
});

test('P29: whoever stops leading says what is open and what is not', () => {
  const leader = serving();
  place(leader, 1, ['a', 'b', 'c']);
  place(leader, 2, ['d']);
  assert.equal(answers(take(leader, 2, { type: 'refuse', term: 3 })), [
    [1, { ok: false, reason: 'unknown' }],
    [2, { ok: false, reason: 'not_leader' }],
  ]);
});

test('P30: refuses at once, with the reason', () => {
  const refusal = (replica: Parameters<typeof place>[0], term = 2, keys = ['a']) => {
    const [[, result] = []] = answers(place(replica, 1, keys, term));
    return result?.ok === false && result.reason;
  };
  assert.is(refusal(create(), 1), 'not_leader');
  assert.is(refusal(serving(), 1), 'not_leader');
  assert.is(refusal(serving(), 3), 'not_leader');
  assert.is(refusal(takingOver().leader), 'not_ready');
  assert.is(refusal(serving(), 2, ['a', 'b', 'c', 'd', 'e', 'f', 'g']), 'busy');
});

test('P30: room comes back as batches are answered', () => {
  const leader = serving();
  place(leader, 1, ['a', 'b', 'c']);
  place(leader, 2, ['d', 'e', 'f']);
  assert.equal(answers(place(leader, 3, ['g'])), [[3, { ok: false, reason: 'busy' }]]);
  answer(
    leader,
    decided(
      [],
      ['a', 'b', 'c'].map((key) => ({ key, status: 'conflict' }) as const),
    ),
  );
  assert.equal(answers(place(leader, 4, ['g'])), []);
});

test.run();
