import { readdirSync, readFileSync } from 'node:fs';
import type { ClusterRecord, Member, Proposal, ReplicaStatus } from '@till/shared/cluster';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { createElection, isAlive, leaderOf, step } from './election.ts';
import { type Effect, ELECTION_RULES, type Election, type ElectionRule } from './types.ts';

const SUSPECT_AFTER_MS = 500;

const member = (id: number, incarnation = 1): Member => ({ id, incarnation });

const run = (id: number, incarnation = 1, boot = `${id}a`) => ({ id, incarnation, boot });

/** Three replicas in sync, 3 leads term 5 at version 20; boots are `1a`, `2a`, `3a`. */
const record = (over: Partial<ClusterRecord> = {}): ClusterRecord => ({
  storeId: 'store',
  term: 5,
  version: 20,
  leader: member(3),
  inSync: [member(1), member(2), member(3)],
  registered: [run(1), run(2), run(3)],
  ...over,
});

const status = (id: number, over: Partial<ReplicaStatus> = {}): ReplicaStatus => ({
  id,
  boot: `${id}a`,
  incarnation: 1,
  storeId: 'store',
  clean: true,
  leaving: false,
  role: 'follower',
  serving: false,
  term: 5,
  lastIndex: 7,
  commitIndex: 7,
  record: null,
  proposal: null,
  ...over,
});

/** What an empty store says that was never part of a cluster. */
const virgin = (id: number, over: Partial<ReplicaStatus> = {}): ReplicaStatus =>
  status(id, { incarnation: null, storeId: null, term: 0, lastIndex: 0, commitIndex: 0, ...over });

const proposal = (over: Partial<Proposal> = {}): Proposal => ({
  id: 1,
  term: 5,
  version: 20,
  leader: member(3),
  inSync: [member(1), member(2), member(3)],
  handOverTo: null,
  ...over,
});

const create = (
  start: { record?: ClusterRecord | null; replicas?: number[]; without?: ElectionRule[] } = {},
): Election =>
  createElection({
    replicas: start.replicas ?? [1, 2, 3],
    limits: { suspectAfterMs: SUSPECT_AFTER_MS },
    record: start.record === undefined ? record() : start.record,
    newStoreId: 'new store',
    now: 0,
    without: start.without ?? [],
  });

const hear = (election: Election, ...statuses: ReplicaStatus[]): Effect[] =>
  statuses.flatMap((one) => step(election, { type: 'status', now: election.now, status: one }));

/** A cluster with a record from which everybody was heard. */
const running = (start: Parameters<typeof create>[0] = {}): Election => {
  const election = create(start);
  for (const id of election.replicas) hear(election, status(id));
  return election;
};

const gone = (election: Election, id: number): Effect[] => step(election, { type: 'gone', now: election.now, id });

/** Lets time pass in steps, with a word from these replicas at each. */
const pass = (election: Election, ms: number, ...heard: ReplicaStatus[]): Effect[] => {
  const effects: Effect[] = [];
  for (const until = election.now + ms; election.now < until; ) {
    const now = election.now + 50;
    effects.push(...step(election, { type: 'tick', now }));
    for (const one of heard) effects.push(...step(election, { type: 'status', now, status: one }));
  }
  return effects;
};

const ids = (election: Election): number[] => (election.record?.inSync ?? []).map(({ id }) => id);

const stored = (effects: Effect[]): ClusterRecord[] =>
  effects.flatMap((effect) => (effect.type === 'store' ? [effect.record] : []));

test('P1: founds a cluster with a word from every replica', () => {
  const election = create({ record: null });
  assert.equal(hear(election, virgin(3), virgin(1)), []);
  assert.is(election.record, null);
  hear(election, virgin(2));
  assert.equal(election.record, {
    storeId: 'new store',
    term: 0,
    version: 1,
    leader: null,
    inSync: [member(1), member(2), member(3)],
    registered: [run(1), run(2), run(3)],
  });
});

test('P1: never founds a cluster beside a log, or beside a store that had a record', () => {
  for (const old of [virgin(2, { lastIndex: 4 }), virgin(2, { storeId: 'store' })]) {
    const election = create({ record: null });
    hear(election, virgin(1), old, virgin(3));
    assert.is(election.record, null);
  }
});

test('P2: the first leader has the founded record on its disk', () => {
  const election = create({ record: null });
  hear(election, virgin(1), virgin(2), virgin(3));
  const known = { storeId: 'new store', incarnation: 1, term: 0, lastIndex: 0, commitIndex: 0 };
  hear(election, status(3, known), status(1, known));
  assert.is(election.record?.leader, null, '2 lives, but may not have it yet');
  hear(election, status(2, known));
  assert.equal([election.record?.leader, election.record?.term], [member(3), 1]);
});

test('P2: a founded replica that dies is not waited for', () => {
  const election = create({ record: null });
  hear(election, virgin(1), virgin(2), virgin(3));
  const known = { storeId: 'new store', incarnation: 1, term: 0, lastIndex: 0, commitIndex: 0 };
  hear(election, status(1, known), status(2, known));
  gone(election, 3);
  assert.equal([election.record?.leader, ids(election)], [member(2), [1, 2]]);
});

test('P2: an empty store keeps its place until somebody has led', () => {
  const election = create({ record: null, replicas: [1] });
  hear(election, virgin(1));
  hear(election, virgin(1, { boot: '1b' }));
  assert.equal(election.record?.inSync, [member(1, 2)]);
  hear(election, status(1, { boot: '1b', incarnation: 2, storeId: 'new store', term: 0 }));
  assert.equal(election.record?.leader, member(1, 2));
});

test('P2: a store that has entries is no empty store', () => {
  const founded = record({ term: 0, version: 1, leader: null });
  const election = create({ record: founded });
  hear(election, virgin(1, { boot: '1b', lastIndex: 3 }));
  assert.not.ok(election.record?.inSync.some(({ id, incarnation }) => id === 1 && incarnation > 1));
});

test('P3: rebuilds a lost record from the highest that any replica accepted', () => {
  const election = create({ record: null });
  const newest = record({ term: 6, version: 23, inSync: [member(1), member(2)], leader: member(2) });
  hear(election, status(1, { record: record({ version: 22 }) }), status(3, { record: record(), term: 9 }));
  assert.is(election.record, null, '2 has not spoken');
  const effects = hear(election, status(2, { record: newest, term: 6 }));
  const [first, second] = stored(effects);
  assert.equal(first, { ...newest, term: 1009, version: 1023, leader: null });
  assert.equal([second?.leader, second?.term, second?.version], [member(2), 1010, 1024]);
});

test('P3: of two records of one term, the higher version counts, whoever speaks first', () => {
  for (const versions of [
    [20, 21, 19],
    [21, 19, 20],
    [19, 20, 21],
  ]) {
    const election = create({ record: null });
    for (const [place, version] of versions.entries()) {
      hear(election, status(place + 1, { record: record({ version, inSync: [member(version - 18)] }) }));
    }
    assert.equal(election.record?.inSync, [member(3)]);
  }
});

test('P3: a replica that knows no record has its say too', () => {
  const election = create({ record: null });
  hear(election, status(1, { record: record() }), virgin(2), status(3));
  assert.equal(election.record?.term, 1006);
});

test('P3: stores of two clusters are never put together', () => {
  const election = create({ record: null });
  hear(election, status(1, { record: record() }), status(2), status(3, { storeId: 'other' }));
  assert.is(election.record, null);
});

test('P4: a record older than what a replica knows is found anew', () => {
  const election = create({ record: record({ version: 18 }) });
  hear(election, status(1, { boot: '1b', incarnation: 19, record: record({ version: 22 }) }));
  assert.is(election.record, null);
  assert.equal(leaderOf(election), { reason: 'waiting_for_all_replicas' });
  hear(election, status(2), status(3));
  assert.is(election.record?.version, 1023);
});

test('P4: a record of another cluster is no newer one', () => {
  const election = create();
  hear(election, status(1, { storeId: 'other', record: record({ storeId: 'other', version: 99 }) }));
  assert.is(election.record?.storeId, 'store');
});

test('P5: stores, then tells everybody', () => {
  const effects = gone(running(), 2);
  assert.equal(
    effects.map((effect) => (effect.type === 'notify' ? effect.to : effect.type)),
    ['store', 1, 2, 3],
  );
});

test('P5: says nothing when nothing has changed', () => {
  assert.equal(pass(running(), 1000, status(1), status(2), status(3)), []);
});

test('P6: every change raises the version by one, every change of the leader the term', () => {
  const election = running();
  const effects = [
    ...gone(election, 1),
    ...hear(election, status(1, { boot: '1b', incarnation: null })),
    ...gone(election, 3),
    ...hear(election, status(3, { boot: '3b', incarnation: null })),
    ...gone(election, 1),
  ];
  const records = [record(), ...stored(effects)];
  assert.equal(
    records.map(({ version }) => version),
    [20, 21, 22, 23, 24],
  );
  for (const [place, after] of records.slice(1).entries()) {
    const before = records[place];
    assert.is(after.term, (before?.term ?? 0) + (before?.leader?.id === after.leader?.id ? 0 : 1));
  }
});

test('P7: a new run is registered once, under an incarnation that nobody had', () => {
  const election = running();
  hear(election, status(2, { boot: '2b', incarnation: null }));
  hear(election, status(2, { boot: '2b', incarnation: null }));
  assert.equal(election.record?.registered, [run(1), run(2, 21, '2b'), run(3)]);
  hear(election, status(1, { boot: '1b', incarnation: null }));
  assert.equal(election.record?.registered, [run(1, 22, '1b'), run(2, 21, '2b'), run(3)]);
});

test('P8: a clean store keeps its place under its new incarnation', () => {
  const election = running();
  hear(election, status(2, { boot: '2b', incarnation: null }));
  assert.equal(election.record?.inSync, [member(1), member(2, 21), member(3)]);
});

test('P8: a lost or damaged store loses its place', () => {
  for (const over of [{ storeId: null, lastIndex: 0 }, { clean: false }]) {
    const election = running();
    hear(election, status(2, { boot: '2b', incarnation: null, ...over }));
    assert.equal(ids(election), [1, 3]);
  }
});

test('P8: an empty store does not become the lost one by restarting', () => {
  const election = create({ record: record({ inSync: [member(3)] }) });
  gone(election, 1);
  gone(election, 2);
  hear(election, virgin(3, { boot: '3b' }));
  hear(election, status(3, { boot: '3c', incarnation: null, lastIndex: 0 }));
  assert.equal(election.record?.inSync, [member(3)]);
  assert.equal(leaderOf(election), { reason: 'no_in_sync_replica' });
});

test('P8: a run that was taken out of the set does not get back in by restarting', () => {
  const election = running();
  gone(election, 2);
  hear(election, status(2, { boot: '2b', incarnation: null }));
  assert.equal(ids(election), [1, 3]);
});

test('P9: a run that is over changes nothing', () => {
  const election = running();
  hear(election, status(2, { boot: '2b', incarnation: null }));
  gone(election, 2);
  const before = election.record;
  assert.equal(hear(election, status(2), status(9)), []);
  assert.is(election.record, before);
  assert.not.ok(isAlive(election, 2));
});

test('P10: a leader that restarts is elected anew or replaced', () => {
  const election = running();
  hear(election, status(3, { boot: '3b', incarnation: null }));
  assert.equal([election.record?.term, election.record?.leader], [6, member(3, 21)]);

  const lost = running();
  hear(lost, virgin(3, { boot: '3b' }));
  assert.equal([lost.record?.term, lost.record?.leader, ids(lost)], [6, member(2), [1, 2]]);
});

test('P11: grants at exactly the term and version', () => {
  for (const wrong of [{ version: 19 }, { version: 21 }, { term: 4 }, { term: 6 }]) {
    const election = running();
    assert.equal(hear(election, status(3, { proposal: proposal({ inSync: [member(3)], ...wrong }) })), []);
    assert.is(election.record?.version, 20);
  }
  const election = running();
  hear(election, status(3, { proposal: proposal({ inSync: [member(3), member(1)] }) }));
  assert.equal(election.record, record({ version: 21, inSync: [member(1), member(3)] }));
});

test('P11: a late copy of a granted proposal changes nothing', () => {
  const election = running({ record: record({ inSync: [member(2), member(3)] }) });
  const grow = status(3, { proposal: proposal() });
  hear(election, grow);
  gone(election, 1);
  hear(election, status(1));
  assert.equal(ids(election), [2, 3]);
  assert.equal(hear(election, grow), []);
  assert.equal(ids(election), [2, 3]);
});

test('P12: refuses what another run than the leader proposes', () => {
  const election = running();
  const effects = hear(election, status(2, { proposal: proposal({ id: 7, leader: member(2), inSync: [member(2)] }) }));
  assert.equal(effects, [{ type: 'refuse', to: 2, proposal: 7, version: 20 }]);
  const old = proposal({ leader: member(3, 9), inSync: [member(3)] });
  assert.equal(hear(running(), status(3, { proposal: old })).length, 1);
  const nobody = create({ record: record({ leader: null, inSync: [] }) });
  assert.equal(hear(nobody, status(3, { proposal: proposal() })).length, 1);
});

test('P12: refuses a run that is not registered, and a set without its leader', () => {
  for (const inSync of [[member(1, 9), member(3)], [member(1), member(2)], []]) {
    const election = running();
    const effects = hear(election, status(3, { proposal: proposal({ inSync }) }));
    assert.equal(effects, [{ type: 'refuse', to: 3, proposal: 1, version: 20 }]);
    assert.is(election.record?.version, 20);
  }
});

test('P12: the same answer each time it is asked', () => {
  const election = running();
  const refused = status(3, { proposal: proposal({ inSync: [] }) });
  assert.equal(hear(election, refused), hear(election, refused));
});

test('P13: who comes back waits outside the set until the leader asks for it', () => {
  const election = running();
  gone(election, 1);
  pass(election, 2000, status(1), status(2), status(3));
  assert.equal(ids(election), [2, 3]);
  hear(election, status(3, { proposal: proposal({ version: 21 }) }));
  assert.equal(ids(election), [1, 2, 3]);
});

test('P14: a hand-over makes a member the leader of the next term', () => {
  const election = running({ record: record({ leader: member(2) }) });
  hear(election, status(2, { proposal: proposal({ leader: member(2), handOverTo: member(3) }) }));
  assert.equal(election.record, record({ term: 6, version: 21 }));
});

test('P14: nobody from outside the set is handed the lead', () => {
  const election = running({ record: record({ leader: member(2), inSync: [member(1), member(2)] }) });
  const effects = hear(
    election,
    status(2, { proposal: proposal({ leader: member(2), inSync: [member(1), member(2)], handOverTo: member(3) }) }),
  );
  assert.equal(effects, [{ type: 'refuse', to: 2, proposal: 1, version: 20 }]);
});

test('P15: a dead follower leaves the set', () => {
  const election = running();
  gone(election, 2);
  assert.equal(election.record, record({ version: 21, inSync: [member(1), member(3)] }));
});

test('P15: nobody leaves before anybody was heard, who might know a newer record', () => {
  const election = create();
  gone(election, 2);
  assert.equal(election.record, record());
  hear(election, status(3));
  assert.equal(election.record, record({ version: 21, inSync: [member(1), member(3)] }));
});

test('P15: a dead leader leaves the set in the record that elects the highest candidate', () => {
  const election = running();
  const effects = gone(election, 3);
  assert.equal(stored(effects), [record({ term: 6, version: 21, leader: member(2), inSync: [member(1), member(2)] })]);
});

test('P15: ids that are no longer of this cluster count as dead', () => {
  const election = create({ replicas: [1, 2] });
  assert.equal(leaderOf(election), { reason: 'no_in_sync_replica' });
  hear(election, status(2), status(1));
  assert.equal([election.record?.leader, ids(election)], [member(2), [1, 2]]);
});

test('P16: nobody from outside the set is elected', () => {
  const election = running({ record: record({ inSync: [member(1)], leader: member(1) }) });
  gone(election, 1);
  pass(election, 2000, status(2), status(3));
  assert.is(election.record?.version, 20);
  assert.equal(leaderOf(election), { reason: 'no_in_sync_replica' });
  hear(election, status(1, { boot: '1b', incarnation: null }));
  assert.equal(election.record?.leader, member(1, 21));
});

test('P17: the last members are waited for', () => {
  const election = running();
  for (const id of [1, 2, 3]) gone(election, id);
  assert.equal(election.record?.inSync, [member(3)]);
  hear(election, status(2));
  assert.equal(election.record?.inSync, [member(3)]);
  hear(election, status(3));
  assert.equal(leaderOf(election), { leader: member(3), term: 5 });
});

test('P18: who is leaving or damaged does not lead, and leaves the set', () => {
  for (const over of [{ leaving: true }, { clean: false }]) {
    const leads = running();
    hear(leads, status(3, over));
    assert.equal([leads.record?.term, leads.record?.leader, ids(leads)], [6, member(2), [1, 2]]);

    const follows = running();
    hear(follows, status(2, over));
    assert.equal([follows.record?.term, ids(follows)], [5, [1, 3]]);
    gone(follows, 3);
    assert.equal(follows.record?.leader, member(1));
  }
});

test('P18: the last member stays in the set, even if it is damaged', () => {
  const election = create({ record: record({ inSync: [member(3)] }) });
  hear(election, status(3, { clean: false }), status(1));
  assert.equal(election.record, record({ inSync: [member(3)] }));
  assert.equal(leaderOf(election), { reason: 'no_in_sync_replica' });
});

test('P19: a store of another cluster has no place here', () => {
  const election = running();
  const before = election.record;
  hear(election, status(2, { boot: '2b', incarnation: null, storeId: 'other' }));
  assert.equal(election.record?.registered, before?.registered);
  assert.equal(ids(election), [1, 3]);
  gone(election, 3);
  assert.equal(election.record?.leader, member(1));
});

test('P20: who is silent for long enough is dead, and a word revives', () => {
  const election = running();
  pass(election, SUSPECT_AFTER_MS - 50, status(1), status(3));
  assert.ok(isAlive(election, 2));
  pass(election, 50, status(1), status(3));
  assert.not.ok(isAlive(election, 2));
  hear(election, status(2));
  assert.ok(isAlive(election, 2));
});

test('P20: silence while the manager stood still is no evidence', () => {
  const election = running();
  step(election, { type: 'status', now: 10_000, status: status(1) });
  assert.equal([election.record?.version, isAlive(election, 3)], [20, true]);
  pass(election, SUSPECT_AFTER_MS, status(1));
  assert.equal([election.record?.leader, ids(election)], [member(1), [1]]);
});

test('P20: a clock that goes back changes nothing', () => {
  const election = running();
  pass(election, 200, status(1), status(2), status(3));
  step(election, { type: 'tick', now: 10 });
  assert.is(election.now, 200);
});

test('P21: a leader that knows a higher term gives way to one above it', () => {
  const election = running();
  hear(election, status(1, { term: 8 }));
  assert.is(election.record?.term, 5, 'the leader can still lead');
  hear(election, status(3, { term: 7 }));
  assert.equal([election.record?.term, election.record?.leader], [9, member(3)]);
});

test('P22: says who leads, or why nobody does', () => {
  const none = create({ record: null });
  assert.equal(leaderOf(none), { reason: 'waiting_for_all_replicas' });
  hear(none, virgin(1, { lastIndex: 3 }));
  assert.equal(leaderOf(none), { reason: 'logs_without_record' });

  const election = create();
  assert.equal(leaderOf(election), { reason: 'starting' });
  hear(election, status(3));
  assert.equal(leaderOf(election), { leader: member(3), term: 5 });
  assert.equal(leaderOf(create({ record: record({ leader: null }) })), { reason: 'no_in_sync_replica' });
});

test('P22: nobody leads as long as the leader was only heard as another run', () => {
  const election = create({ record: record({ inSync: [member(3)] }) });
  hear(election, virgin(3, { boot: '3b' }));
  assert.equal(leaderOf(election), { reason: 'no_in_sync_replica' });
});

test('P22: a replica that is none of ours is a mistake of the caller', () => {
  assert.throws(() => gone(running(), 4), 'Replica 4 is not one of this cluster');
});

test('P23: a manager that starts gives everybody time to speak', () => {
  const election = create();
  hear(election, status(1));
  assert.is(election.record?.version, 20);
  pass(election, SUSPECT_AFTER_MS - 50, status(1));
  assert.is(election.record?.version, 20);
  pass(election, 50, status(1));
  assert.equal([election.record?.leader, ids(election)], [member(1), [1]]);
});

test('P24: without casOnVersion, a late copy brings a follower back that was dropped since', () => {
  const election = running({ record: record({ inSync: [member(2), member(3)] }), without: ['casOnVersion'] });
  const grow = status(3, { proposal: proposal() });
  hear(election, grow);
  gone(election, 1);
  hear(election, status(1), grow);
  assert.equal(ids(election), [1, 2, 3]);
});

test('P24: without incarnationInProposal, a run counts on what an earlier one held', () => {
  const election = running({ record: record({ inSync: [member(3)] }), without: ['incarnationInProposal'] });
  hear(election, virgin(1, { boot: '1b' }));
  const old = proposal({ version: 21, inSync: [member(1), member(3), member(8)] });
  hear(election, status(1, { boot: '1b', incarnation: 21 }), status(3, { proposal: old }));
  assert.equal(election.record?.inSync, [member(1, 21), member(3)]);
});

test('P24: without electFromInSync, one leads that lacks acknowledged orders', () => {
  const election = running({
    record: record({ inSync: [member(1)], leader: member(1) }),
    without: ['electFromInSync'],
  });
  gone(election, 1);
  assert.equal([election.record?.leader, election.record?.inSync], [member(3), [member(3)]]);
});

test('P24: without lostStoreLeavesSet, an empty store counts as one that holds everything', () => {
  const election = create({ record: record({ inSync: [member(3)] }), without: ['lostStoreLeavesSet'] });
  hear(election, virgin(3, { boot: '3b' }));
  hear(election, status(3, { boot: '3b', incarnation: 21, lastIndex: 0 }));
  assert.equal(election.record?.leader, member(3, 21));
});

test('every promise of DESIGN.md has a test of its number, and no test another', () => {
  const folder = new URL('.', import.meta.url);
  const promised = [...readFileSync(new URL('DESIGN.md', folder), 'utf8').matchAll(/\*\*(P\d+)\*\*/g)].map(
    ([, name]) => name,
  );
  const tests = readdirSync(folder).filter((file) => file.endsWith('.test.ts'));
  const text = tests.map((file) => readFileSync(new URL(file, folder), 'utf8')).join('\n');
  const tested = new Set([...text.matchAll(/^test\('(P\d+): /gm)].map(([, name]) => name));
  assert.equal([...tested].sort(), promised.sort());
  for (const rule of ELECTION_RULES) assert.match(text, `test('P24: without ${rule}, `);
});

test.run();
