/** The state of a replica, and what it says of itself. */
import type { Member, ReplicaStatus } from '@till/shared/cluster';
import type { Outcome, Placed } from '@till/shared/movement';
import { holds, positionAt, START } from './entry.ts';
import type { CheckoutQueue } from './queue.ts';
import type { ClusterRecord, Durable, Effect, Entry, Log, Proposal, ReplicaLimits, Role } from './types.ts';

/** Rules that test builds can switch off, to show that the simulator finds what each one prevents. */
export const REPLICA_RULES = [
  'countUnion',
  'waitForGrant',
  'timeoutIsNoAnswer',
  'refuseLowerTerm',
  'growNeedsCatchUp',
  'growNeedsTermStart',
  'truncateOnlyOnConflict',
  'incarnationInAcks',
  'grantNamesRun',
  'storeBeforeAck',
  'everyMemberAcks',
  'rollForward',
  'heaviestFirst',
  'checkoutsAge',
  'inheritCheckouts',
  'ownOrderPerCheckout',
] as const;
export type ReplicaRule = (typeof REPLICA_RULES)[number];

/** What the leader knows of another replica, in this term. */
export type Follower = {
  id: number;
  /** The run it is registered as; an answer from another run does not count. */
  incarnation: number;
  /** True once the leader knows a place that both logs share: then `next` is right. */
  matched: boolean;
  /** Index of the next entry to send. */
  next: number;
  /** Highest index it is known to hold on disk, equal to the leader's log. Never falls within a term. */
  held: number;
  /** Highest commit index it has been told and has confirmed. */
  commitIndex: number;
  /** When the message went out that has not been answered yet. */
  sentAt: number | null;
  lastSentAt: number;
  misses: number;
  /** Since when it has been nearly level with the log's end. */
  levelSince: number | null;
  /** How long it must be level before it counts again; doubles each time it is removed. */
  levelForMs: number;
};

/** A batch of orders that waits for its decisions and their commit. */
export type Request = {
  /** null: the leader's own, from the queue of checkouts; nobody waits for its answer. */
  id: number | null;
  orders: Placed[];
  outcomes: (Outcome | null)[];
  /** Orders that have no outcome yet. */
  undecided: number;
  /** The highest sequence among the outcomes: answered once this is committed. */
  sequence: number;
  /** True once any of its orders was sent to the catalog. */
  sent: boolean;
  deadline: number;
};

export type CatalogCall = {
  id: number;
  kind: 'fence' | 'decide';
  sentAt: number;
  /** Which order of which request stands at each place of the call. */
  slots: { request: Request; place: number }[];
};

/** Where a new leader is on its way; orders are taken when it is `serving`. */
export type Phase =
  /** Waits until every in-sync follower has said where it stands. */
  | 'positions'
  /** Waits until every in-sync follower holds the first entry of the term. */
  | 'barrier'
  /** Waits for the catalog to refuse older terms and to return what the log lacks. */
  | 'fencing'
  /** Waits until that is committed. */
  | 'catching_up'
  | 'serving'
  /** Lets what is under way end, then hands over or leaves. */
  | 'draining';

export type Leadership = {
  term: number;
  incarnation: number;
  phase: Phase;
  followers: Map<number, Follower>;
  /** Index of the first entry of this term; 0 until it is appended. */
  startIndex: number;
  /** Serves once this is committed. */
  readyIndex: number;
  proposal: Proposal | null;
  proposals: number;
  requests: Request[];
  queued: number;
  call: CatalogCall | null;
  /** No call to the catalog before this time. */
  callAfter: number;
  /** The catalog has more to return than its last answer could hold. */
  catalogHasMore: boolean;
  /** The catalog's journal ends before this log, or differs from it: no orders until it is repaired. */
  catalogBehind: boolean;
  preferredSince: number | null;
  drainingSince: number;
  queue: CheckoutQueue;
  /** A checkout was executed, and leadership is to go to the next member. */
  rotating: boolean;
};

export type Replica = {
  id: number;
  boot: string;
  limits: ReplicaLimits;
  durable: Durable;
  log: Log;
  now: number;
  /** Highest index that is on this replica's own disk. */
  stored: number;
  /** Writes under way, and the last index that each will have put on disk. A number tells a write from a later one of the same entries. */
  writing: { write: number; last: number }[];
  writes: number;
  /** Highest index known to be held by every member of the in-sync set. Never falls. */
  commitIndex: number;
  /** Whom this replica follows in its term, once it has heard from them. */
  following: { leader: number; leaderIncarnation: number } | null;
  /** Highest index known to equal the log of the leader of this term. */
  verified: number;
  leadership: Leadership | null;
  clean: boolean;
  /** An index that was committed and that this log turned out not to have; clean again once it holds all up to there. */
  shortOf: number;
  /** When the commit index was last saved. */
  markedAt: number;
  leaving: boolean;
  /** Leaving is announced once nothing is under way any more. */
  drained: boolean;
  halted: string | null;
  calls: number;
  without: ReadonlySet<ReplicaRule>;
};

/** What a store that was never part of a cluster keeps. */
export const NEW_STORE: Durable = { storeId: null, term: 0, record: null, committed: START };

export const createReplica = (start: {
  id: number;
  boot: string;
  limits: ReplicaLimits;
  durable: Durable;
  /** Everything in it is on disk. */
  log: Log;
  now: number;
  /** Why it halted in an earlier run, if it did. */
  halted?: string | null;
  without?: ReplicaRule[];
}): Replica => {
  const { committed } = start.durable;
  const isWhole = holds(start.log, committed);
  return {
    id: start.id,
    boot: start.boot,
    limits: start.limits,
    durable: start.durable,
    log: start.log,
    now: start.now,
    stored: start.log.lastIndex(),
    writing: [],
    writes: 0,
    commitIndex: isWhole ? committed.index : 0,
    following: null,
    verified: 0,
    leadership: null,
    clean: isWhole && (start.halted ?? null) === null,
    shortOf: isWhole ? 0 : committed.index,
    markedAt: start.now,
    leaving: false,
    drained: false,
    halted: start.halted ?? null,
    calls: 0,
    without: new Set(start.without),
  };
};

/** The incarnation of this run, or null until the record names it. */
export const incarnationOf = (replica: Replica): number | null =>
  replica.durable.record?.registered.find(({ id, boot }) => id === replica.id && boot === replica.boot)?.incarnation ??
  null;

export const recordOf = (replica: Replica): ClusterRecord | null => replica.durable.record;

/** True if this replica may answer reads for that term: everything it ever acknowledged is committed in its log. */
export const isReadable = (replica: Replica, term: number): boolean => {
  const { leadership } = replica;
  return (
    leadership !== null &&
    leadership.term === term &&
    replica.commitIndex >= leadership.startIndex &&
    leadership.startIndex > 0
  );
};

export const roleOf = (replica: Replica): Role => {
  if (replica.leadership === null) return 'follower';
  return replica.leadership.phase === 'serving' || replica.leadership.phase === 'draining' ? 'leader' : 'taking_over';
};

export const statusOf = (replica: Replica): ReplicaStatus => ({
  id: replica.id,
  boot: replica.boot,
  incarnation: incarnationOf(replica),
  storeId: replica.durable.storeId,
  clean: replica.clean,
  leaving: replica.leaving && replica.drained,
  role: roleOf(replica),
  serving: replica.leadership?.phase === 'serving' && !replica.leadership.catalogBehind,
  term: replica.durable.term,
  lastIndex: replica.log.lastIndex(),
  commitIndex: replica.commitIndex,
  record: replica.durable.record,
  proposal: replica.leadership?.proposal ?? null,
});

/** What this log may be asked for at the next start: committed, and on this disk. */
export const markOf = (replica: Replica): number => Math.min(replica.commitIndex, replica.stored);

/** Keeps what must outlive this process, with the commit index as it is now. */
export const save = (replica: Replica, changed: Partial<Durable>, effects: Effect[]): void => {
  const marked = markOf(replica);
  const committed =
    marked > replica.durable.committed.index ? positionAt(replica.log, marked) : replica.durable.committed;
  replica.durable = { ...replica.durable, committed, ...changed };
  replica.markedAt = replica.now;
  effects.push({ type: 'save', durable: replica.durable });
};

/** Adds entries to the log; they count as stored once the write of that number is. */
export const appendEntries = (replica: Replica, entries: Entry[], effects: Effect[]): void => {
  replica.log.append(entries);
  replica.writes += 1;
  replica.writing.push({ write: replica.writes, last: replica.log.lastIndex() });
  effects.push({ type: 'append', write: replica.writes, entries });
};

/** Drops the entry at `from` and all after it, those that are still being written too. */
export const cutEntries = (replica: Replica, from: number, effects: Effect[]): void => {
  replica.log.truncate(from);
  replica.stored = Math.min(replica.stored, from - 1);
  replica.verified = Math.min(replica.verified, from - 1);
  for (const writing of replica.writing) writing.last = Math.min(writing.last, from - 1);
  effects.push({ type: 'truncate', from });
};

export const sameMember = (a: Member, b: Member): boolean => a.id === b.id && a.incarnation === b.incarnation;
