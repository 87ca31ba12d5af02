/** What the routes of the front need to know of the cluster; the configuration manager offers it. */
import type { ClusterRecord, ReplicaStatus } from '@till/shared/cluster';

export type Leader = { id: number; term: number };

/** A replica as the last health check saw it. */
export type ReplicaView = {
  id: number;
  /** Whether it answers health checks at present. */
  alive: boolean;
  /** What it said last; null if it never answered. */
  status: ReplicaStatus | null;
};

export type Cluster = {
  /** The record as it stands on disk, or null before there was any. */
  record(): ClusterRecord | null;
  /** Whom to send orders to, under which term. null: nobody may lead at present, see `whyNot`. */
  leader(): Leader | null;
  /** Reason (snake_case) while `leader()` is null. */
  whyNot(): string;
  /** Resolves when the record is newer than `afterVersion`, or after `waitMs`. */
  changed(afterVersion: number, waitMs: number): Promise<void>;
  /** A call to this replica was refused or broke: look at it now instead of at the next round. */
  suspect(id: number): void;
  /** Changes of the term since this process started: elections and hand-overs. */
  elections(): number;
  /** All replicas, by id. */
  statuses(): ReplicaView[];
};
