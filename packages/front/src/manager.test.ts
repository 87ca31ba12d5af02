/** The manager against real servers that speak the replicas' health check from small scripts. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { deadline } from '@till/shared/clock';
import type { ClusterRecord, ReplicaStatus } from '@till/shared/cluster';
import { silentLogger } from '@till/shared/logger';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { until } from '../test/until.ts';
import { createManager, type Manager } from './manager.ts';
import type { RecordStore } from './record-store.ts';

/** Nobody is suspected for silence in a test that names no shorter time: no run takes so long. */
const NEVER_MS = 60_000;
const IDS = [1, 2, 3];

const closing: (() => unknown)[] = [];
test.after.each(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

type Health = { record: ClusterRecord | null; refused: { proposal: number; version: number } | null };

type FakeReplica = {
  url: string;
  /** Everything that it was told, in order. */
  told: Health[];
  /** What it says beyond the usual. */
  says: Partial<ReplicaStatus>;
  /** What it does with its next health checks instead of answering. */
  scripts: ('break' | 'hang')[];
  /** Ends at once, as after kill -9: connections break, and the next ones are refused. */
  kill(): void;
};

/** Registers itself like a replica: its run is the one that the record names with its boot. */
const startReplica = async (id: number, onTold: (health: Health) => void): Promise<FakeReplica> => {
  const boot = `${id}a`;
  let record: ClusterRecord | null = null;
  const status = (): ReplicaStatus => ({
    id,
    boot,
    incarnation: record?.registered.find((run) => run.boot === boot)?.incarnation ?? null,
    storeId: record?.storeId ?? null,
    clean: true,
    leaving: false,
    role: record?.leader?.id === id ? 'leader' : 'follower',
    serving: record?.leader?.id === id,
    term: record?.term ?? 0,
    lastIndex: 0,
    commitIndex: 0,
    record,
    proposal: null,
    ...replica.says,
  });
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    // It knows no links (link.ts), and says so.
    if (request.headers.upgrade !== undefined) return void response.writeHead(404).end();
    let text = '';
    for await (const chunk of request) text += chunk;
    const script = replica.scripts.shift();
    if (script === 'break') return void request.socket.destroy();
    if (script === 'hang') return;
    const health: Health = JSON.parse(text);
    record = health.record ?? record;
    replica.told.push(health);
    onTold(health);
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify(status()));
  };
  const server = createServer((request, response) => {
    answer(request, response).catch(() => request.socket.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const replica: FakeReplica = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    told: [],
    says: {},
    scripts: [],
    kill: () => {
      server.close();
      server.closeAllConnections();
    },
  };
  closing.push(replica.kill);
  return replica;
};

/** Keeps what was stored; `onWrite` may fail. */
const createMemoryStore = (onWrite: (record: ClusterRecord) => void): RecordStore & { stored: ClusterRecord[] } => {
  const stored: ClusterRecord[] = [];
  return {
    stored,
    read: () => stored.at(-1) ?? null,
    write: (record) => {
      onWrite(record);
      stored.push(record);
    },
  };
};

type Settings = { suspectAfterMs?: number; onWrite?: (record: ClusterRecord) => void };

const setUp = async ({ suspectAfterMs = NEVER_MS, onWrite = () => {} }: Settings = {}) => {
  const store = createMemoryStore(onWrite);
  /** Versions that somebody was told of before they were stored. */
  const early: number[] = [];
  const onTold = ({ record }: Health): void => {
    if (record !== null && !store.stored.some(({ version }) => version === record.version)) early.push(record.version);
  };
  const replicas = new Map<number, FakeReplica>();
  for (const id of IDS) replicas.set(id, await startReplica(id, onTold));
  const replica = (id: number): FakeReplica => replicas.get(id) as FakeReplica;
  const failures: Error[] = [];
  const start = (): Manager => {
    const manager = createManager({
      urls: new Map([...replicas].map(([id, { url }]) => [id, url])),
      store,
      suspectAfterMs,
      onFailed: (error) => {
        failures.push(error);
        void manager.close();
      },
      logger: silentLogger,
    });
    closing.push(() => {
      for (const { kill } of replicas.values()) kill();
      return manager.close();
    });
    return manager;
  };
  return { replica, store, early, failures, start };
};

/** A cluster in which 3 leads and everybody has heard so. */
const running = async (settings: Settings = {}) => {
  const world = await setUp(settings);
  const manager = world.start();
  await until(() => manager.leader()?.id === 3, 'a first leader');
  const { version } = manager.record() as ClusterRecord;
  const haveHeard = () => IDS.every((id) => world.replica(id).told.at(-1)?.record?.version === version);
  await until(haveHeard, 'a record that everybody has');
  return { ...world, manager };
};

/** Waits until each of these was told something more, twice: the first may have been on its way. */
const toldMore = async (...replicas: FakeReplica[]): Promise<void> => {
  const before = replicas.map(({ told }) => told.length);
  await until(() => replicas.every(({ told }, at) => told.length >= (before[at] ?? 0) + 2), 'health checks');
};

test('there is no cluster before every replica was heard', async () => {
  const { replica, start, store } = await setUp({ suspectAfterMs: 200 });
  replica(1).scripts = Array.from({ length: 1000 }, () => 'hang');
  const manager = start();
  await toldMore(replica(2), replica(3));
  assert.is(manager.leader(), null);
  assert.is(manager.whyNot(), 'waiting_for_all_replicas');
  assert.is(manager.record(), null);
  assert.equal(store.stored, []);
  const heard = manager.statuses().map(({ id, alive, status }) => [id, alive, status?.boot]);
  assert.equal(heard, [
    [1, false, undefined],
    [2, true, '2a'],
    [3, true, '3a'],
  ]);
  replica(1).scripts = [];
  await until(() => manager.leader()?.id === 3, 'a first leader');
  assert.equal(manager.record(), store.stored.at(-1));
});

test('logs without a record are no cluster', async () => {
  const { replica, start } = await setUp();
  replica(2).says = { storeId: 'lost', lastIndex: 4 };
  const manager = start();
  await until(() => manager.whyNot() === 'logs_without_record', 'the reason');
  await toldMore(...IDS.map(replica));
  assert.is(manager.record(), null);
});

test('a record is stored before anybody is told of it', async () => {
  const { replica, manager, store, early } = await running();
  replica(3).kill();
  await until(() => manager.leader()?.id === 2, 'another leader');
  await toldMore(replica(1), replica(2));
  assert.is(replica(1).told.at(-1)?.record?.version, store.stored.at(-1)?.version);
  assert.equal(early, []);
});

test('a record that cannot be stored is told to nobody, and this front is over', async () => {
  const { replica, failures, early } = await running({
    onWrite: ({ leader }) => {
      if (leader?.id === 2) throw new Error('disk full');
    },
  });
  replica(3).kill();
  await until(() => failures.length > 0, 'the failure');
  assert.is(failures[0]?.message, 'disk full');
  assert.equal(early, []);
  for (const id of [1, 2]) assert.is(replica(id).told.at(-1)?.record?.leader?.id, 3);
});

test('a leader that is gone is replaced without waiting for its silence', async () => {
  const { replica, manager } = await running();
  const { term, version } = manager.record() as ClusterRecord;
  const changed = deadline(manager.changed(version, NEVER_MS), 10_000);
  replica(3).kill();
  await changed;
  assert.equal(manager.leader(), { id: 2, term: term + 1 });
  assert.equal(
    manager.record()?.inSync.map(({ id }) => id),
    [1, 2],
  );
  await until(() => replica(1).told.at(-1)?.record?.leader?.id === 2, 'the news at the follower');
  assert.is(manager.statuses()[2]?.alive, false);
});

test('a leader that hangs is replaced after its silence', async () => {
  const { replica, manager } = await running({ suspectAfterMs: 300 });
  const { term } = manager.record() as ClusterRecord;
  replica(3).scripts = Array.from({ length: 1000 }, () => 'hang');
  await until(() => manager.leader()?.id === 2, 'another leader');
  assert.ok((manager.record() as ClusterRecord).term > term);
});

test('one broken connection is no death', async () => {
  const { replica, manager } = await running();
  const version = manager.record()?.version;
  for (let time = 0; time < 3; time += 1) {
    replica(3).scripts = ['break'];
    await until(() => replica(3).scripts.length === 0, 'the break');
    await toldMore(replica(3));
  }
  assert.is(manager.leader()?.id, 3);
  assert.is(manager.record()?.version, version);
});

test('two in a row are', async () => {
  const { replica, manager } = await running();
  replica(3).scripts = ['break', 'break'];
  await until(() => manager.leader()?.id === 2, 'another leader');
  await until(() => manager.statuses()[2]?.alive === true, 'its return');
  assert.is(manager.leader()?.id, 2, 'it does not get its place back');
});

test('a proposal is granted, or refused and told so until it was heard', async () => {
  const { replica, manager } = await running();
  const { term, version, leader, inSync } = manager.record() as ClusterRecord;
  assert.ok(leader);
  const proposal = { term, version, leader, handOverTo: null };
  const unknownRun = { id: 2, incarnation: 77 };
  replica(3).says = { proposal: { ...proposal, id: 41, inSync: [unknownRun, leader] } };
  await until(() => replica(3).told.some(({ refused }) => refused !== null), 'the refusal');
  assert.equal(replica(3).told.at(-1)?.refused, { proposal: 41, version });
  assert.is(manager.record()?.version, version);

  replica(3).says = {};
  await until(() => replica(3).told.at(-1)?.refused === null, 'the end of the refusal');
  assert.ok(replica(1).told.every(({ refused }) => refused === null));
  replica(3).says = { proposal: { ...proposal, id: 42, inSync: inSync.filter(({ id }) => id !== 1) } };
  await until(() => manager.record()?.version === version + 1, 'the grant');
  assert.equal(
    manager.record()?.inSync.map(({ id }) => id),
    [2, 3],
  );
});

test('elections are counted, other changes of the record are not', async () => {
  const { replica, manager, start, store } = await running();
  assert.is(manager.elections(), 1);
  replica(1).kill();
  await until(() => manager.record()?.inSync.length === 2, 'the shrinking');
  assert.is(manager.elections(), 1);
  const { term, version, leader, inSync } = manager.record() as ClusterRecord;
  assert.ok(leader);
  const handOverTo = inSync.find(({ id }) => id === 2) ?? null;
  replica(3).says = { proposal: { id: 9, term, version, leader, inSync, handOverTo } };
  await until(() => manager.leader()?.id === 2, 'the hand-over');
  assert.is(manager.elections(), 2);
  await manager.close();
  const next = start();
  await until(() => next.leader()?.id === 2, 'the leader that the store knows');
  assert.is(next.elections(), 0);
  assert.is(next.record()?.version, store.stored.at(-1)?.version);
});

test('nobody is left: the last member is waited for, and there is a reason', async () => {
  const { replica, manager } = await running();
  for (const id of IDS) replica(id).kill();
  await until(() => manager.leader() === null, 'the loss of the leader');
  assert.is(manager.whyNot(), 'no_in_sync_replica');
  await until(() => manager.statuses().every(({ alive }) => !alive), 'the loss of all');
  assert.ok((manager.record()?.inSync.length ?? 0) > 0);
});

test('waiting for a change ends at once if there was one, at its time if there is none, and when the manager closes', async () => {
  const { manager } = await running();
  const { version } = manager.record() as ClusterRecord;
  await deadline(manager.changed(version - 1, NEVER_MS), 10_000);
  await manager.changed(version, 10);
  assert.is(manager.record()?.version, version);
  const last = deadline(manager.changed(version, NEVER_MS), 10_000);
  await manager.close();
  await last;
});

test.run();
