/** The vocabulary of the cache core. All of it is plain data; names of products are always folded (see shared/names). */
import type { LRU } from 'tiny-lru';

/**
 * The rules that keep a stale product from being shown. Each can be switched off in a test build, so that the simulator
 * can prove that it is needed. H-numbers: the hazards in docs/replication.md.
 */
export const CACHE_RULES = [
  /** H44: what was fetched is shown and kept only if it is not older than what was pushed or shown. */
  'fillVersionCheck',
  /** H44: showing a version raises the floor of its product. */
  'raiseFloorOnShow',
  /** H44: a floor stays when its entry is evicted. */
  'floorOutlivesEviction',
  /** H45: an entry older than what is being shown goes first. */
  'evictOlderOnShow',
  /** H46: an answer from before the current subscription is never kept. */
  'fillAfterBase',
  /** H47: an answer that reveals a sequence waits until that sequence is applied. */
  'holdReplies',
  /** H48: a gap, a repeat or another run of the catalog breaks the subscription. */
  'gapCheck',
  /** H48: a broken subscription empties the cache. */
  'flushOnBreak',
  /** H48: without a subscription nothing is kept or answered from the cache. */
  'bypassOnBreak',
  /** H47, H48: a lookup sees everything that was let out, or that a new subscription skipped, before it began. */
  'seeWhatWasRevealed',
] as const;

export type CacheRule = (typeof CACHE_RULES)[number];

/** A kept product: the encoded answer, ready to be sent. It is itself the result of a lookup that finds it. */
export type Hit = { kind: 'hit'; version: number; body: string };

/** What a lookup has to see: given back with the fetched answer. */
export type FetchToken = { name: string; since: number };

export type Lookup = Hit | { kind: 'fetch'; token: FetchToken };

/** A product as the catalog gave it: `asOf` is the catalog's sequence at the moment of the read. */
export type Fetched = { epoch: string; asOf: number; version: number; body: string };

/** All products at one moment. */
export type FetchedList = { epoch: string; asOf: number; products: { name: string; version: number }[] };

/** `again`: the answer is older than something already known; fetch anew, with the same token. */
export type Verdict = 'show' | 'again';

export type Changes = {
  epoch: string;
  /** First and last sequence covered. */
  from: number;
  to: number;
  products: { name: string; version: number; body: string }[];
};

/** What the stream's message did. `broken`: the subscription is over; drop the stream and subscribe again. */
export type Pushed = { kind: 'applied' | 'broken'; released: number[] };

export type CacheStats = {
  capacity: number;
  size: number;
  hits: number;
  misses: number;
  bypassing: boolean;
  /** Last sequence applied, or null without a subscription. */
  applied: number | null;
  held: number;
};

export type Subscription = {
  epoch: string;
  /** The catalog's sequence when the subscription began. */
  base: number;
  /** Everything from `base` to here has been applied. */
  applied: number;
};

export type Cache = {
  readonly capacity: number;
  readonly without: Readonly<Partial<Record<CacheRule, boolean>>>;
  /** null when the capacity is 0: the cache is switched off, and everything is fetched. */
  readonly entries: LRU<Hit> | null;
  /** Lowest version of each product that may be shown. Never falls; as many as there are products. */
  readonly floors: Map<string, number>;
  subscription: Subscription | null;
  /**
   * Highest sequence that somebody outside may know although its changes were never pushed here: answers let out without
   * a subscription, and all that a new subscription skipped. Never falls.
   */
  horizon: number;
  /** Replies that wait for a sequence, in the order in which they came. */
  held: { id: number; sequence: number }[];
  lastHoldId: number;
  hits: number;
  misses: number;
};
