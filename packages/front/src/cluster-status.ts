/** What the front says of the whole: the page of the cluster, and whether orders can be decided. */
import type { CatalogClient } from './catalog-client.ts';
import type { Cluster, ReplicaView } from './cluster-view.ts';

type Sources = {
  cluster: Cluster;
  catalog: Pick<CatalogClient, 'isConnected' | 'stats' | 'chaos'>;
  /** The harm on purpose that is switched on in the front itself; null if there is none. */
  chaos: string | null;
};

export const clusterStatus = ({ cluster, catalog, chaos }: Sources) => {
  const record = cluster.record();
  const replicas = cluster.statuses();
  const leader = cluster.leader();
  const leaderLast = replicas.find(({ id }) => id === leader?.id)?.status?.lastIndex ?? null;
  const harm = harmOf({ front: chaos, catalog: catalog.chaos() }, replicas);
  const { capacity, size, hits, misses, bypassing, applied } = catalog.stats();
  return {
    term: record?.term ?? 0,
    version: record?.version ?? 0,
    leader: leader?.id ?? null,
    inSync: record?.inSync.map(({ id }) => id) ?? [],
    replicas: replicas.map((replica) => replicaStatus(replica, leaderLast)),
    catalog: { alive: catalog.isConnected(), sequence: applied },
    cache: { capacity, size, hits, misses, bypassing },
    ...(Object.keys(harm).length === 0 ? {} : { chaos: harm }),
  };
};

/** What each service said last of its chaos switches, by its name; those where none is on are left out. */
const harmOf = (services: Record<string, string | null>, replicas: ReplicaView[]): Record<string, string> => {
  const told = replicas.map(({ id, status }) => [`order-${id}`, status?.chaos ?? null] as const);
  const harm: Record<string, string> = {};
  for (const [name, text] of [...Object.entries(services), ...told]) if (text !== null) harm[name] = text;
  return harm;
};

const replicaStatus = ({ id, alive, status }: ReplicaView, leaderLast: number | null) => ({
  id,
  role: alive ? (status?.role ?? 'unknown') : 'unknown',
  alive,
  lastIndex: status?.lastIndex ?? null,
  commitIndex: status?.commitIndex ?? null,
  lag: status === null || leaderLast === null ? null : Math.max(0, leaderLast - status.lastIndex),
});

/** null when orders can be decided; else the reason why not. */
export const whyNotReady = ({ cluster, catalog }: Sources): string | null => {
  const leader = cluster.leader();
  if (leader === null) return cluster.whyNot();
  const view = cluster.statuses().find(({ id }) => id === leader.id);
  const serves = view?.alive === true && view.status?.serving === true && view.status.term === leader.term;
  if (!serves) return 'leader_not_serving';
  return catalog.isConnected() ? null : 'catalog_away';
};
