/** The vocabulary of a replica: what comes in, what goes out, what replicas say to each other. All of it is plain data. */
import type { ClusterRecord, Proposal, Role } from '@till/shared/cluster';
import type { Outcome, Placed } from '@till/shared/movement';
import type { Contents } from './contents.ts';

/** One record of the replicated log. */
export type Entry = {
  /** Place in the log, from 1. */
  index: number;
  /** Term of the leader that appended it; kept for ever. */
  term: number;
  /** Sequence of the last movement at or before this entry: a movement's own, or its predecessor's for a term start. */
  sequence: number;
  hash: string;
  /** The sealed line as it stands in the file. */
  line: string;
};

/** A place in the log and what stands there: two logs that agree on it agree on everything before. */
export type Position = { index: number; hash: string };

export type Log = {
  lastIndex(): number;
  /** The entry at an index, or undefined beyond the end. */
  at(index: number): Entry | undefined;
  /** Entries from `from` on: at most `entriesMax` and about `bytesMax` (at least one if there is any). */
  slice(from: number, entriesMax: number, bytesMax: number): Entry[];
  append(entries: Entry[]): void;
  /** Drops the entry at `from` and all after it. */
  truncate(from: number): void;
  /** What the entries say. */
  contents: Contents;
};

/** What a replica keeps beside its log, in state.json; saved before anything that relies on it is sent. */
export type Durable = {
  storeId: string | null;
  /** Highest term seen. Never falls, over restarts too. */
  term: number;
  record: ClusterRecord | null;
  /** A place that was committed when this was saved: a log that does not have it has lost what was acknowledged. */
  committed: Position;
};

export type Message =
  /** A new leader asks where the receiver stands; also the leader's way to a replica that it has lost sight of. */
  | { type: 'probe'; term: number; leaderIncarnation: number }
  /** Where the sender stands: its end, its commit index, and a few places further back to find the common prefix. */
  | {
      type: 'position';
      term: number;
      leaderIncarnation: number;
      incarnation: number;
      last: Position;
      commitIndex: number;
      /** At least the commit index; more if its own log has lost something that was committed. */
      onceCommitted: number;
      locator: Position[];
    }
  /** Entries that follow `previous`; without entries it only carries the commit index. */
  | {
      type: 'append';
      term: number;
      leaderIncarnation: number;
      previous: Position;
      entries: Entry[];
      commitIndex: number;
    }
  /** Everything up to `held` is on the sender's disk and equals the leader's log. */
  | { type: 'ack'; term: number; leaderIncarnation: number; incarnation: number; held: Position; commitIndex: number }
  /** The sender knows a higher term. */
  | { type: 'refuse'; term: number };

/** What the catalog says to a batch of orders, or to a fence. */
export type CatalogAnswer =
  /** `lines`: the sealed journal lines after the sequence that was asked for; `more` if the answer was cut at its bound. */
  | { kind: 'decided'; outcomes: Outcome[]; lines: string[]; more: boolean }
  /** The catalog knows a higher term. */
  | { kind: 'old_term'; term: number }
  /** The catalog's journal ends before the sequence that this replica's log holds. */
  | { kind: 'behind'; sequence: number }
  /** The catalog's queue is full; nothing was decided. */
  | { kind: 'busy' }
  /** No answer, or none that can be relied on: the orders may have been decided or not. */
  | { kind: 'lost' };

/** Why a batch of orders was not decided here. Only `unknown` leaves open whether it was. */
export type Refusal =
  | 'not_leader'
  | 'not_ready'
  | 'too_few_in_sync'
  | 'catalog_away'
  | 'catalog_behind'
  | 'busy'
  | 'unknown';

export type PlaceResult = { ok: true; outcomes: Outcome[] } | { ok: false; reason: Refusal };

export type Input =
  /** `now` is a monotonic clock in milliseconds. */
  | { type: 'tick'; now: number }
  | { type: 'record'; record: ClusterRecord }
  | { type: 'refused'; proposal: number; version: number }
  | { type: 'propose'; request: number; term: number; orders: Placed[] }
  | { type: 'catalog'; call: number; answer: CatalogAnswer }
  /** The write of that number is on disk, and so is every one before it. */
  | { type: 'stored'; write: number }
  | { type: 'message'; from: number; message: Message }
  /** Leave the set, hand over if leading: the process wants to end. */
  | { type: 'leave' };

export type Effect =
  /** Must be on disk before any later effect is performed. */
  | { type: 'save'; durable: Durable }
  /** To disk, in order with `truncate`; `stored` comes back with the same number after the fsync. */
  | { type: 'append'; write: number; entries: Entry[] }
  | { type: 'truncate'; from: number }
  | { type: 'send'; to: number; message: Message }
  /** Ask the catalog to decide these orders (none: only to hear what is new) and to return what follows `after`. */
  | { type: 'decide'; call: number; term: number; after: number; orders: Placed[] }
  /** Shut older terms out and return what follows `after`, and the movement at `after` too: both must tell the same history. */
  | { type: 'fence'; call: number; term: number; after: number }
  | { type: 'answer'; request: number; result: PlaceResult }
  /** Everything up to `index` is committed and may be read. */
  | { type: 'commit'; index: number }
  /** A promise was found broken: stop loudly, keep the files as they are. */
  | { type: 'halt'; reason: string };

/** Times in milliseconds of the tick's clock, counts, bytes. */
export type ReplicaLimits = {
  /** How long the leader waits for an in-sync follower's answer before it counts as a miss, and before it sends again. */
  peerWaitMs: number;
  /** Misses in a row before the leader asks to go on without that follower. */
  missesMax: number;
  /** How long a follower must stay level before the leader asks to count it again; doubles after each removal. */
  levelForMs: number;
  levelForMsMax: number;
  /** How often at most the commit index is saved, as a mark that this log once reached it. */
  markEveryMs: number;
  /** Idle time between two messages that only carry the commit index. */
  beatMs: number;
  /** How long a follower of a higher id must be in sync before leadership is handed to it. */
  handOverAfterMs: number;
  /** How long a hand-over may hold orders back before the leader serves on. */
  drainMs: number;
  /** How long a batch of orders may wait for its commit before it is answered `unknown`. */
  requestWaitMs: number;
  /** How long the catalog may take for one call. */
  catalogWaitMs: number;
  /** Pause between two calls to the catalog when there are no orders. */
  catalogIdleMs: number;
  appendEntriesMax: number;
  appendBytesMax: number;
  ordersInCallMax: number;
  queueLengthMax: number;
  /** Fewest members, the leader included, that may acknowledge an order. */
  minInSync: number;
  /** How many checkouts are looked at in one step: each may cost a read. */
  checkoutsSeenMax: number;
  /** How many checkouts are executed in one go. */
  checkoutsInCallMax: number;
  /** How many later checkouts weigh as much as one book: what has waited for so many has one book more. */
  checkoutsPerBook: number;
  /** Leadership goes to the next member after each executed checkout. */
  rotateLeader: boolean;
};

export type { ClusterRecord, Proposal, Role };
