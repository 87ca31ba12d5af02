/**
 * What the front may keep of the catalogue, and what it may show.
 *
 * The catalog pushes every change as a numbered stream; the cache applies it. Two promises hold at every moment:
 * a product never goes back to an older version once a newer one was shown, and whoever has learnt of a sequence (by the
 * answer to an order) never sees a product from before it. So an answer with a sequence waits here until the stream has
 * brought that sequence, and without a stream nothing is answered from the cache at all.
 *
 *                 subscribed              applied >= horizon
 *     away ───────────────► catching up ───────────────────► live
 *      ▲ ▲                       │                            │
 *      │ └──────── broken ───────┘                            │
 *      └────────────────────────── broken ────────────────────┘
 *
 * Only `live` answers from the cache and keeps what is fetched; `away` and `catching up` bypass it.
 */
import { lru } from 'tiny-lru';
import type {
  Cache,
  CacheRule,
  CacheStats,
  Changes,
  Fetched,
  FetchedList,
  FetchToken,
  Hit,
  Lookup,
  Pushed,
  Verdict,
} from './types.ts';

/** `capacity`: products kept; 0 switches the cache off. `without`: rules switched off, for tests of the rules only. */
export const createCache = (options: { capacity: number; without?: Partial<Record<CacheRule, boolean>> }): Cache => ({
  capacity: options.capacity,
  without: options.without ?? {},
  // A size of 0 would mean "no bound" to the library.
  entries: options.capacity > 0 ? lru<Hit>(options.capacity) : null,
  floors: new Map(),
  subscription: null,
  horizon: 0,
  held: [],
  lastHoldId: 0,
  hits: 0,
  misses: 0,
});

/** Whether the cache must not be used: no subscription, or one that still lacks something known outside. */
const bypassing = (cache: Cache): boolean => {
  const { subscription, without } = cache;
  if (cache.entries === null) return true;
  if (subscription === null) return !without.bypassOnBreak;
  return subscription.applied < cache.horizon && !without.seeWhatWasRevealed;
};

/** Looks a product up. With `fetch`, ask the catalog and give the answer and the token to `filled`. */
export const lookup = (cache: Cache, name: string): Lookup => {
  if (!bypassing(cache)) {
    const entry = cache.entries?.get(name);
    if (entry !== undefined) {
      cache.hits += 1;
      return entry;
    }
  }
  cache.misses += 1;
  return { kind: 'fetch', token: listing(cache, name) };
};

/** The token of a fetch that is not a lookup of one product: the list of all products needs one as well. */
export const listing = (cache: Cache, name = ''): FetchToken => ({ name, since: cache.horizon });

const floorOf = (cache: Cache, name: string): number => cache.floors.get(name) ?? 0;

const raiseFloor = (cache: Cache, name: string, version: number): void => {
  if (version > floorOf(cache, name)) cache.floors.set(name, version);
};

const evictOlder = (cache: Cache, name: string, version: number): void => {
  const entry = cache.entries?.peek(name);
  if (entry !== undefined && entry.version < version) cache.entries?.delete(name);
};

const isStale = (cache: Cache, name: string, version: number): boolean =>
  version < floorOf(cache, name) && !cache.without.fillVersionCheck;

/** Everything that showing a version means for later: its floor, and an older entry that must go before it is shown. */
const shown = (cache: Cache, name: string, version: number): void => {
  if (!cache.without.raiseFloorOnShow) raiseFloor(cache, name, version);
  if (!cache.without.evictOlderOnShow) evictOlder(cache, name, version);
};

/** Whether an answer belongs to the time that the current subscription covers. */
const isCovered = (cache: Cache, answer: { epoch: string; asOf: number }): boolean => {
  const { subscription, without } = cache;
  if (subscription === null || without.fillAfterBase) return true;
  return answer.epoch === subscription.epoch && answer.asOf >= subscription.base;
};

const keep = (cache: Cache, name: string, entry: Hit): void => {
  const evicted = cache.entries?.setWithEvicted(name, entry);
  if (evicted && cache.without.floorOutlivesEviction) cache.floors.delete(evicted.key);
};

/** Judges a product that was fetched. The token may be used again after `again`. */
export const filled = (cache: Cache, token: FetchToken, answer: Fetched): Verdict => {
  const { name } = token;
  if (isStale(cache, name, answer.version)) return 'again';
  if (answer.asOf < token.since && !cache.without.seeWhatWasRevealed) return 'again';
  shown(cache, name, answer.version);
  if (!bypassing(cache) && isCovered(cache, answer)) {
    keep(cache, name, { kind: 'hit', version: answer.version, body: answer.body });
  }
  return 'show';
};

/** Judges a list of products. A list is never kept, but it counts as shown. */
export const listed = (cache: Cache, token: FetchToken, answer: FetchedList): Verdict => {
  if (answer.products.some(({ name, version }) => isStale(cache, name, version))) return 'again';
  if (answer.asOf < token.since && !cache.without.seeWhatWasRevealed) return 'again';
  for (const { name, version } of answer.products) shown(cache, name, version);
  return 'show';
};

/** The stream began: `sequence` is where the catalog stood. Ends an earlier subscription. */
export const subscribed = (cache: Cache, hello: { epoch: string; sequence: number }): { released: number[] } => {
  const released = cache.subscription === null ? [] : broken(cache);
  cache.subscription = { epoch: hello.epoch, base: hello.sequence, applied: hello.sequence };
  // What happened up to here may be known outside, and its changes will not be pushed any more.
  cache.horizon = Math.max(cache.horizon, hello.sequence);
  return { released };
};

const releaseUpTo = (cache: Cache, sequence: number): number[] => {
  const due = cache.held.filter((reply) => reply.sequence <= sequence);
  if (due.length > 0) cache.held = cache.held.filter((reply) => reply.sequence > sequence);
  return due.map((reply) => reply.id);
};

/** Applies pushed changes. */
export const changed = (cache: Cache, changes: Changes): Pushed => {
  const { subscription } = cache;
  if (subscription === null) return { kind: 'broken', released: [] };
  const follows =
    changes.epoch === subscription.epoch && changes.from === subscription.applied + 1 && changes.to >= changes.from;
  if (!follows && !cache.without.gapCheck) return { kind: 'broken', released: broken(cache) };
  for (const { name, version, body } of changes.products) {
    raiseFloor(cache, name, version);
    const entry = cache.entries?.peek(name);
    if (entry === undefined || entry.version >= version) continue;
    entry.version = version;
    entry.body = body;
  }
  subscription.applied = Math.max(subscription.applied, changes.to);
  return { kind: 'applied', released: releaseUpTo(cache, subscription.applied) };
};

/** The stream's heartbeat: it carries the last sequence that was pushed, so that a lost message shows. */
export const beat = (cache: Cache, { epoch, sequence }: { epoch: string; sequence: number }): Pushed => {
  const { subscription } = cache;
  if (subscription === null) return { kind: 'broken', released: [] };
  const level = epoch === subscription.epoch && sequence === subscription.applied;
  if (!level && !cache.without.gapCheck) return { kind: 'broken', released: broken(cache) };
  return { kind: 'applied', released: [] };
};

/** The stream is lost or no longer trusted: flush, bypass, let every held reply go. Returns the ids of those. */
export const broken = (cache: Cache): number[] => {
  cache.subscription = null;
  if (!cache.without.flushOnBreak) cache.entries?.clear();
  for (const { sequence } of cache.held) cache.horizon = Math.max(cache.horizon, sequence);
  return releaseUpTo(cache, Number.POSITIVE_INFINITY);
};

/**
 * A reply is about to reveal a sequence. `now`: it may go at once; else it must wait until its id is released.
 * `now` without a subscription is safe because later lookups must see that sequence.
 */
export const hold = (cache: Cache, sequence: number): 'now' | number => {
  const { subscription, without } = cache;
  if (subscription !== null && (sequence <= subscription.applied || without.holdReplies)) return 'now';
  if (subscription === null || cache.entries === null) {
    cache.horizon = Math.max(cache.horizon, sequence);
    return 'now';
  }
  cache.lastHoldId += 1;
  cache.held.push({ id: cache.lastHoldId, sequence });
  return cache.lastHoldId;
};

export const stats = (cache: Cache): CacheStats => ({
  capacity: cache.capacity,
  size: cache.entries?.size ?? 0,
  hits: cache.hits,
  misses: cache.misses,
  bypassing: bypassing(cache),
  applied: cache.subscription?.applied ?? null,
  held: cache.held.length,
});
