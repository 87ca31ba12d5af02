/** The cluster record: who leads, in which term, and which replicas hold every acknowledged order. */

/** One run of one replica: its id and the incarnation that it was given when it registered. */
export type Member = { id: number; incarnation: number };

export type ClusterRecord = {
  /** Names the set of stores that belong together; made once, at the very first start. */
  storeId: string;
  /** Grows by one at each change of leader. */
  term: number;
  /** Grows by one at each change of anything here. */
  version: number;
  leader: Member | null;
  /** Every running, undamaged member of this set holds every acknowledged order. Ordered by id. */
  inSync: Member[];
  /** The run of each replica that registered last. `boot` is the run's own random name for itself. */
  registered: { id: number; incarnation: number; boot: string }[];
};

/** What the leader asks of the configuration manager. It is granted at exactly (term, version), or never. */
export type Proposal = {
  /** Chosen by the leader, new for each proposal of its term. */
  id: number;
  term: number;
  version: number;
  leader: Member;
  inSync: Member[];
  /** The member of `inSync` that is to lead from then on, in a new term; null keeps the leader. */
  handOverTo: Member | null;
};

export type Role = 'follower' | 'taking_over' | 'leader';

/** What a replica says of itself to the configuration manager, in every health check. */
export type ReplicaStatus = {
  id: number;
  boot: string;
  /** null until the record names this run. */
  incarnation: number | null;
  /** null for a store that was never part of a cluster. */
  storeId: string | null;
  /** False once the replica knows that its store lacks or has damaged something it must hold. */
  clean: boolean;
  /** The replica is stopping: it wants to be out of the set, and not to lead. */
  leaving: boolean;
  role: Role;
  /** True when it leads and takes orders. */
  serving: boolean;
  term: number;
  lastIndex: number;
  commitIndex: number;
  /** The last cluster record it accepted, for the case that the manager lost its own. */
  record: ClusterRecord | null;
  proposal: Proposal | null;
  /** The harm on purpose that is switched on there, in words; absent if there is none. */
  chaos?: string;
};
