/**
 * The first record of a cluster, or the first after the manager lost its own.
 *
 * Both need a word from every replica. A new cluster starts only beside empty stores. A lost record is rebuilt from the
 * highest one that any replica accepted: one that no replica knows cannot have committed anything, since the leader
 * must know it to commit under it.
 */
import type { ClusterRecord, ReplicaStatus } from '@till/shared/cluster';
import type { Election } from './types.ts';

/**
 * A rebuilt record jumps this far in term and version, over all that the lost ones may have been: records that were
 * published but that no replica heard of, and whose late copies must not pass for the rebuilt one.
 */
const REBUILD_JUMP = 1000;

export const foundRecord = (election: Election): ClusterRecord | null => {
  const statuses: ReplicaStatus[] = [];
  for (const id of election.replicas) {
    const status = election.sights.get(id)?.status;
    if (status === null || status === undefined) return null;
    statuses.push(status);
  }
  const best = statuses.map(({ record }) => record).reduce(higher, null);
  if (best !== null) return rebuilt(best, statuses);
  if (statuses.some(({ lastIndex, storeId }) => lastIndex > 0 || storeId !== null)) return null;
  const members = statuses.map(({ id }) => ({ id, incarnation: 1 }));
  // Nobody leads yet: the first leader is one that has this record on its disk.
  return {
    storeId: election.newStoreId,
    term: 0,
    version: 1,
    leader: null,
    inSync: members,
    registered: statuses.map(({ id, boot }) => ({ id, incarnation: 1, boot })),
  };
};

const higher = (a: ClusterRecord | null, b: ClusterRecord | null): ClusterRecord | null => {
  if (a === null || b === null) return a ?? b;
  return b.term > a.term || (b.term === a.term && b.version > a.version) ? b : a;
};

const rebuilt = (best: ClusterRecord, statuses: ReplicaStatus[]): ClusterRecord | null => {
  if (statuses.some(({ storeId }) => storeId !== null && storeId !== best.storeId)) return null;
  const term = Math.max(best.term, ...statuses.map((status) => status.term)) + REBUILD_JUMP;
  return { ...best, term, version: best.version + REBUILD_JUMP, leader: null };
};
