/** A cluster whose leader a test names. */
import type { ClusterRecord } from '@till/shared/cluster';
import type { Cluster, Leader, ReplicaView } from '../src/cluster-view.ts';

export type FakeCluster = Cluster & {
  /** Names the leader, or none and why, in a new version of the record. */
  lead(leader: Leader | null, whyNot?: string): void;
  suspected: number[];
  views: ReplicaView[];
};

export const createFakeCluster = (first: Leader | null = null): FakeCluster => {
  let leader = first;
  let reason = 'no_in_sync_replica';
  let version = 1;
  const waiting = new Set<() => void>();
  const record = (): ClusterRecord => ({
    storeId: 'store',
    term: leader?.term ?? 0,
    version,
    leader: leader && { id: leader.id, incarnation: 1 },
    inSync: leader ? [{ id: leader.id, incarnation: 1 }] : [],
    registered: [],
  });
  const cluster: FakeCluster = {
    record,
    leader: () => leader,
    whyNot: () => reason,
    changed: (afterVersion, waitMs) =>
      new Promise((resolve) => {
        if (version > afterVersion) return resolve();
        const finish = () => {
          clearTimeout(timer);
          waiting.delete(finish);
          resolve();
        };
        const timer = setTimeout(finish, waitMs);
        waiting.add(finish);
      }),
    suspect: (id) => {
      cluster.suspected.push(id);
    },
    elections: () => 0,
    statuses: () => cluster.views,
    lead: (next, whyNot = reason) => {
      leader = next;
      reason = whyNot;
      version += 1;
      for (const finish of waiting) finish();
    },
    suspected: [],
    views: [],
  };
  return cluster;
};
