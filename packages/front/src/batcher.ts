/**
 * Sends items in batches to whoever leads: while a few batches are on their way, the next one fills. A batch that fails in
 * any way is put back and sent again, to the leader of that moment, until its items' deadlines; so a change of leader is
 * latency to a caller and no error. Sending twice must be harmless: orders carry keys, queries change nothing.
 *
 * Batches may overtake each other on their way, and what is put back goes again in the order in which it came. An item that
 * must not overtake anything waits until all that came before it is settled.
 */
import { CallError } from '@till/shared/client';
import { monotonicMs } from '@till/shared/clock';
import type { Cluster, Leader } from './cluster-view.ts';
import { QueueFull, Unavailable } from './unavailable.ts';

/** What became of a batch: a result for each item, in their order, or why there is none. */
export type Sent<Result> = { term: number } & ({ ok: true; results: Result[] } | { ok: false; reason: string });

/** A result, and whether it was shared with an earlier caller. */
export type Answered<Result> = { result: Result; joined: boolean };

export type BatcherStats = { queued: number; onTheWay: number; batches: number; items: number; putBack: number };

export type Batcher<Item, Result> = {
  /**
   * Resolves with the item's result, or throws `QueueFull` at once or `Unavailable` at the deadline. An item with the
   * `shareKey` of one that is still waiting shares its result. A caller with less time than others may say so.
   */
  add(item: Item, shareKey?: string, lessMs?: number): Promise<Answered<Result>>;
  stats(): BatcherStats;
  /** Nothing is sent any more; who still waits gets `Unavailable`. */
  close(): void;
};

type Waiter<Result> = {
  entry: Entry<unknown, Result>;
  joined: boolean;
  deadlineMs: number;
  /** Of a caller that has less time than others. */
  timer: ReturnType<typeof setTimeout> | undefined;
  resolve(answered: Answered<Result>): void;
  reject(error: Error): void;
};
/** `arrival`: how manieth it is. */
type Entry<Item, Result> = {
  item: Item;
  arrival: number;
  bytes: number;
  shareKey: string | undefined;
  waiters: Set<Waiter<Result>>;
};
/** A batch on its way. `abandon` ends the wait for one whose leader leads no more. */
type Flight = { leader: Leader; length: number; abandon(): void };

export type BatcherOptions<Item, Result> = {
  cluster: Cluster;
  send(leader: Leader, items: Item[]): Promise<Sent<Result>>;
  /** About how long the item is on the wire. */
  bytesOf(item: Item): number;
  /** Whether the item may only be sent once all that came before it is settled. None is, if this is absent. */
  goesAfterAll?(item: Item): boolean;
  /** How long an item may wait altogether. */
  waitMs: number;
  queueLengthMax: number;
  itemsInBatchMax: number;
  batchBytesMax: number;
  /** How many batches may be on their way at a time. */
  flightsMax: number;
  /** Hears of each batch that was answered, for metrics. */
  onBatch?(length: number): void;
  /** Hears of each batch that will be sent again, and why. */
  onPutBack?(items: Item[], reason: string): void;
};

/** Pause before a batch that failed is sent again, doubling; a change of the cluster record ends it early. */
const PAUSE_MS = 5;
const PAUSE_MS_MAX = 20;
/** How long one wait for a newer cluster record lasts; only bounds how long a watcher outlives its batch. */
const WATCH_MS = 500;
const NO_ANSWER = 'no_answer';

export const createBatcher = <Item, Result>(options: BatcherOptions<Item, Result>): Batcher<Item, Result> => {
  const { cluster, bytesOf, waitMs } = options;
  let queue: Entry<Item, Result>[] = [];
  const shared = new Map<string, Entry<Item, Result>>();
  /** Everybody who waits, by deadline: all wait equally long, so in the order in which they came. */
  const waiters = new Set<Waiter<Result>>();
  let sweeper: ReturnType<typeof setTimeout> | undefined;
  const flights = new Set<Flight>();
  let scheduled = false;
  let pausing = false;
  let pauseMs = PAUSE_MS;
  let watching = false;
  let closed = false;
  let arrivals = 0;
  /** Why the last batch failed, for who runs out of time. */
  let lastReason = NO_ANSWER;
  const counts = { batches: 0, items: 0, putBack: 0 };

  const add = (item: Item, shareKey?: string, lessMs = waitMs): Promise<Answered<Result>> =>
    new Promise((resolve, reject) => {
      if (closed) return reject(new Unavailable('stopping'));
      const known = shareKey === undefined ? undefined : shared.get(shareKey);
      if (waiters.size >= options.queueLengthMax) return reject(new QueueFull());
      if (known === undefined && queue.length >= options.queueLengthMax) return reject(new QueueFull());
      const entry = known ?? enqueue(item, shareKey);
      // One that waits in the queue with nobody waiting for it is not in flight: whoever comes back to it begins anew.
      const joined = known !== undefined && (known.waiters.size > 0 || !queue.includes(known));
      const waiter: Waiter<Result> = {
        entry,
        joined,
        deadlineMs: monotonicMs() + waitMs,
        timer: lessMs < waitMs ? setTimeout(() => giveUp(waiter), Math.max(lessMs, 0)) : undefined,
        resolve,
        reject,
      };
      entry.waiters.add(waiter);
      waiters.add(waiter);
      sweeper ??= setTimeout(sweep, waitMs);
    });

  const enqueue = (item: Item, shareKey: string | undefined): Entry<Item, Result> => {
    arrivals += 1;
    const entry: Entry<Item, Result> = {
      item,
      arrival: arrivals,
      bytes: bytesOf(item),
      shareKey,
      waiters: new Set(),
    };
    queue.push(entry);
    if (shareKey !== undefined) shared.set(shareKey, entry);
    schedule();
    return entry;
  };

  const settle = (waiter: Waiter<Result>): void => {
    clearTimeout(waiter.timer);
    waiters.delete(waiter);
    waiter.entry.waiters.delete(waiter);
  };

  const giveUp = (waiter: Waiter<Result>): void => {
    settle(waiter);
    waiter.reject(new Unavailable(lastReason, waiter.joined));
  };

  const sweep = (): void => {
    sweeper = undefined;
    const nowMs = monotonicMs();
    for (const waiter of waiters) {
      if (waiter.deadlineMs > nowMs) {
        sweeper = setTimeout(sweep, waiter.deadlineMs - nowMs);
        return;
      }
      giveUp(waiter);
    }
  };

  const forget = (entry: Entry<Item, Result>): void => {
    if (entry.shareKey !== undefined) shared.delete(entry.shareKey);
  };

  /** The next batch, without the entries that nobody waits for any more; empty if what is next has to wait. */
  const take = (): Entry<Item, Result>[] => {
    const batch: Entry<Item, Result>[] = [];
    let bytes = 0;
    let taken = 0;
    for (const entry of queue) {
      if (entry.waiters.size === 0) forget(entry);
      else {
        bytes += entry.bytes;
        const full = batch.length >= options.itemsInBatchMax || bytes > options.batchBytesMax;
        if (full && batch.length > 0) break;
        // What comes before it in its own batch is settled before it: a batch is decided in its order.
        if (flights.size > 0 && options.goesAfterAll?.(entry.item) === true) break;
        batch.push(entry);
      }
      taken += 1;
    }
    queue = queue.slice(taken);
    return batch;
  };

  /** Sends what waits, as far as there are flights for it; called again by each flight that ends. */
  const pump = (): void => {
    scheduled = false;
    while (!closed && !pausing && flights.size < options.flightsMax) {
      const batch = take();
      if (batch.length === 0) return;
      void fly(batch);
      // It comes straight back, and all others would.
      if (cluster.leader() === null) return;
    }
  };

  const schedule = (): void => {
    if (scheduled) return;
    scheduled = true;
    // All requests that the current round of the event loop brings go in one batch.
    setImmediate(pump);
  };

  const fly = async (batch: Entry<Item, Result>[]): Promise<void> => {
    const version = cluster.record()?.version ?? 0;
    const failure = await attempt(batch);
    if (failure === null) {
      pauseMs = PAUSE_MS;
      lastReason = NO_ANSWER;
      pump();
      return;
    }
    lastReason = failure;
    queue = batch.concat(queue).sort((one, other) => one.arrival - other.arrival);
    counts.putBack += 1;
    options.onPutBack?.(
      batch.map((entry) => entry.item),
      failure,
    );
    if (pausing) return;
    pausing = true;
    await cluster.changed(version, pauseMs);
    pauseMs = Math.min(pauseMs * 2, PAUSE_MS_MAX);
    pausing = false;
    pump();
  };

  /** Sends a batch and hands out its results. Returns null, or the reason of its failure. */
  const attempt = async (batch: Entry<Item, Result>[]): Promise<string | null> => {
    const leader = cluster.leader();
    if (leader === null) return cluster.whyNot();
    const { promise, resolve } = Promise.withResolvers<Sent<Result>>();
    const flight: Flight = {
      leader,
      length: batch.length,
      abandon: () => resolve({ term: leader.term, ok: false, reason: 'leader_changed' }),
    };
    flights.add(flight);
    watch();
    options
      .send(
        leader,
        batch.map((entry) => entry.item),
      )
      .then(resolve, (error) => resolve({ term: leader.term, ok: false, reason: failureOf(leader, error) }));
    const sent = await promise;
    flights.delete(flight);
    // An answer under another term is of no worth, whatever it says.
    if (sent.term !== leader.term) return 'leader_changed';
    if (!sent.ok) return sent.reason;
    if (sent.results.length !== batch.length) return 'leader_failed';
    counts.batches += 1;
    counts.items += batch.length;
    options.onBatch?.(batch.length);
    batch.forEach((entry, at) => {
      forget(entry);
      for (const waiter of entry.waiters) {
        settle(waiter);
        waiter.resolve({ result: sent.results[at] as Result, joined: waiter.joined });
      }
    });
    return null;
  };

  const failureOf = (leader: Leader, error: unknown): string => {
    if (!(error instanceof CallError)) throw error;
    if (error.kind === 'timeout') return 'leader_silent';
    if (error.kind === 'status' || error.kind === 'invalid') return 'leader_failed';
    cluster.suspect(leader.id);
    return 'leader_away';
  };

  /** Abandons the batches on their way as soon as somebody else leads: the old leader may be hung, not gone. */
  const watch = async (): Promise<void> => {
    if (watching) return;
    watching = true;
    while (flights.size > 0) {
      await cluster.changed(cluster.record()?.version ?? 0, WATCH_MS);
      const leader = cluster.leader();
      for (const flight of flights) {
        if (leader?.id !== flight.leader.id || leader.term !== flight.leader.term) flight.abandon();
      }
    }
    watching = false;
  };

  return {
    add,
    stats: () => {
      let onTheWay = 0;
      for (const { length } of flights) onTheWay += length;
      return { queued: queue.length, onTheWay, ...counts };
    },
    close: () => {
      closed = true;
      clearTimeout(sweeper);
      for (const waiter of waiters) {
        settle(waiter);
        waiter.reject(new Unavailable('stopping'));
      }
    },
  };
};
