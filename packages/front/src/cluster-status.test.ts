import type { ReplicaStatus } from '@till/shared/cluster';
import { Compile } from 'typebox/compile';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { createFakeCluster } from '../test/fake-cluster.ts';
import { clusterStatus, whyNotReady } from './cluster-status.ts';
import { clusterViewSchema } from './routes.ts';

const status = (id: number, fields: Partial<ReplicaStatus> = {}): ReplicaStatus => ({
  id,
  boot: `boot ${id}`,
  incarnation: 1,
  storeId: 'store',
  clean: true,
  leaving: false,
  role: 'follower',
  serving: false,
  term: 4,
  lastIndex: 10,
  commitIndex: 9,
  record: null,
  proposal: null,
  ...fields,
});

const setUp = (isConnected = true) => {
  const cluster = createFakeCluster({ id: 3, term: 4 });
  cluster.views = [
    { id: 1, alive: false, status: status(1, { lastIndex: 7 }) },
    { id: 2, alive: false, status: null },
    { id: 3, alive: true, status: status(3, { role: 'leader', serving: true, lastIndex: 12 }) },
  ];
  const stats = { capacity: 10, size: 2, hits: 5, misses: 3, bypassing: !isConnected, held: 1, applied: 8 };
  const counts = { flights: 0, subscriptions: 1, holdsExpired: 0 };
  const catalog = {
    isConnected: () => isConnected,
    stats: () => ({ ...stats, ...counts }),
    chaos: (): string | null => null,
  };
  return { cluster, catalog, chaos: null };
};

test('the page of the cluster says who leads, who lacks what, and how the cache does', () => {
  const page = clusterStatus(setUp());
  assert.equal(page, {
    term: 4,
    version: 1,
    leader: 3,
    inSync: [3],
    replicas: [
      { id: 1, role: 'unknown', alive: false, lastIndex: 7, commitIndex: 9, lag: 5 },
      { id: 2, role: 'unknown', alive: false, lastIndex: null, commitIndex: null, lag: null },
      { id: 3, role: 'leader', alive: true, lastIndex: 12, commitIndex: 9, lag: 0 },
    ],
    catalog: { alive: true, sequence: 8 },
    cache: { capacity: 10, size: 2, hits: 5, misses: 3, bypassing: false },
  });
  assert.ok(Compile(clusterViewSchema).Check(page));
});

test('before there is a record the page is there all the same', () => {
  const { cluster, ...sources } = setUp();
  const page = clusterStatus({
    ...sources,
    cluster: { ...cluster, record: () => null, leader: () => null, statuses: () => [] },
  });
  assert.equal([page.term, page.version, page.leader, page.inSync, page.replicas], [0, 0, null, [], []]);
});

test('the page says where harm is done on purpose, also of a service that is gone', () => {
  const { cluster, catalog } = setUp();
  cluster.views = [
    { id: 1, alive: false, status: status(1, { chaos: 'crashes' }) },
    { id: 2, alive: true, status: status(2) },
    { id: 3, alive: true, status: null },
  ];
  const page = clusterStatus({ cluster, catalog: { ...catalog, chaos: () => 'waits' }, chaos: 'waits too' });
  assert.equal(page.chaos, { front: 'waits too', catalog: 'waits', 'order-1': 'crashes' });
  assert.ok(Compile(clusterViewSchema).Check(page));
});

test('orders can be decided when the leader serves and the catalog is there', () => {
  assert.is(whyNotReady(setUp()), null);
});

for (const [what, change, reason] of [
  ['nobody leads', (world) => world.cluster.lead(null, 'missing_replica'), 'missing_replica'],
  [
    'the leader is not alive',
    (world) => Object.assign(world.cluster.views[2] ?? {}, { alive: false }),
    'leader_not_serving',
  ],
  ['the leader does not serve yet', (world) => serve(world, { serving: false }), 'leader_not_serving'],
  ['the leader serves under an older term', (world) => serve(world, { term: 3 }), 'leader_not_serving'],
] as [string, (world: ReturnType<typeof setUp>) => unknown, string][]) {
  test(`not ready: ${what}`, () => {
    const world = setUp();
    change(world);
    assert.is(whyNotReady(world), reason);
  });
}

test('not ready: the catalog is away', () => {
  assert.is(whyNotReady(setUp(false)), 'catalog_away');
});

const serve = ({ cluster }: ReturnType<typeof setUp>, fields: Partial<ReplicaStatus>): void => {
  cluster.views = [{ id: 3, alive: true, status: status(3, { role: 'leader', serving: true, ...fields }) }];
};

test.run();
