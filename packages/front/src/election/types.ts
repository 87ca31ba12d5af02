/** The vocabulary of the configuration manager: what it hears, what it does. All of it is plain data. */
import type { ClusterRecord, ReplicaStatus } from '@till/shared/cluster';

export type Input =
  /** An answer to a health check. `now` is a monotonic clock in milliseconds, here and below. */
  | { type: 'status'; now: number; status: ReplicaStatus }
  /** A replica's connection was refused or broke: it is not there. */
  | { type: 'gone'; now: number; id: number }
  | { type: 'tick'; now: number };

/** To be performed in this order: what is told was stored before. */
export type Effect =
  /** The new record; must be on disk before any later effect is performed. */
  | { type: 'store'; record: ClusterRecord }
  /** Send the current record to this replica at once; every health check repeats it anyway. */
  | { type: 'notify'; to: number }
  /** This proposal is not granted, and never will be at this version. */
  | { type: 'refuse'; to: number; proposal: number; version: number };

export type ElectionLimits = {
  /** Silence after which a replica counts as dead. */
  suspectAfterMs: number;
};

/** Rules that test builds can switch off, to show that the simulator finds what each one prevents. */
export const ELECTION_RULES = [
  'casOnVersion',
  'incarnationInProposal',
  'electFromInSync',
  'lostStoreLeavesSet',
] as const;
export type ElectionRule = (typeof ELECTION_RULES)[number];

/** Why there is no leader that could take orders. */
export type NoLeader = 'starting' | 'waiting_for_all_replicas' | 'logs_without_record' | 'no_in_sync_replica';

/** What the manager knows of one replica. */
export type Sight = { heardAt: number; gone: boolean; status: ReplicaStatus | null };

export type Election = {
  replicas: number[];
  limits: ElectionLimits;
  record: ClusterRecord | null;
  /** The name that a new set of stores gets, should there be none yet. */
  newStoreId: string;
  now: number;
  sights: Map<number, Sight>;
  without: ReadonlySet<ElectionRule>;
};
