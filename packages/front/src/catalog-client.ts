/**
 * Products as the front may show them: the shell around the cache core. It reads from the catalog what the cache lacks,
 * keeps the subscription to the stream of changes alive, and lets replies wait for their sequence.
 */
import { CallError, type Client, openStream, type StreamEnd } from '@till/shared/client';
import { monotonicMs, sleep } from '@till/shared/clock';
import { type ChangeLine, type catalogContract, changeLineSchema } from '@till/shared/contract';
import { limits } from '@till/shared/limits';
import type { ProductState, TrailEntry } from '@till/shared/movement';
import { foldName } from '@till/shared/names';
import * as core from './cache/cache.ts';
import type { CacheStats, Fetched, FetchToken, Lookup } from './cache/types.ts';
import { QueueFull, Unavailable } from './unavailable.ts';

export type CatalogReader = Pick<Client<typeof catalogContract>, 'product' | 'products' | 'trail'>;
/** Changes of stock after a sequence, and where to go on. */
export type Trail = { changes: TrailEntry[]; next: number | null };

export type CatalogClient = {
  /** Synchronous, for the most frequent request of all: a kept answer, or a token for `fetch`. */
  lookup(foldedName: string): Lookup;
  /**
   * The encoded answer, or null for a product that does not exist. Throws `QueueFull` at once or `Unavailable` at the
   * deadline, and so do `list` and `trail`.
   */
  fetch(token: FetchToken): Promise<string | null>;
  /** The encoded answer with all products. */
  list(): Promise<string>;
  /** One page of the trail, perhaps an empty one that is not the last; null for a product that does not exist. */
  trail(query: { after: number; limit: number; product?: string }, waitMs: number): Promise<Trail | null>;
  /** Resolves when an answer that reveals this sequence may go out; `undefined` when it may at once. */
  hold(sequence: number): Promise<void> | undefined;
  /** Whether the stream of changes is open, so that the catalog is there. */
  isConnected(): boolean;
  /** The harm on purpose that is switched on in the catalog, as it said last; null if there is none. */
  chaos(): string | null;
  stats(): CacheStats & { flights: number; subscriptions: number; holdsExpired: number };
  /** Nothing is read any more: who waits for a read gets `Unavailable`, and replies that are held go out. */
  close(): void;
};

export type CatalogClientOptions = {
  catalog: CatalogReader;
  /** Where the stream of changes is. */
  changesUrl: string;
  cacheSize: number;
  requestWaitMs: number;
  /** How many may wait for reads at a time. */
  queueLengthMax?: number;
  /** How long a reply may wait for its sequence before the stream counts as broken. */
  holdWaitMs?: number;
  /** Once for each loss. */
  onStreamEnd?(end: { kind: string; message: string }): void;
  onStreamOpen?(hello: { epoch: string; sequence: number }): void;
};

/** Pause before the stream is opened again; doubles up to the maximum while the catalog is away. */
const RESUBSCRIBE_MS = 20;
const RESUBSCRIBE_MS_MAX = 200;
/** Pause before a read that failed is tried again. */
const RETRY_MS = 20;
/** What a product looks like from outside, ready to be sent. */
const encode = ({ name, price, quantity }: ProductState): string => JSON.stringify({ data: { name, price, quantity } });

/** null for what the catalog does not know. */
const orNull = async <Answer>(call: Promise<Answer>): Promise<Answer | null> => {
  try {
    return await call;
  } catch (error) {
    if (error instanceof CallError && error.status === 404) return null;
    throw error;
  }
};

/** A catalog that has too much to read says so; to ask it again would only add to that. */
const refuseIfFull = (error: unknown): never => {
  throw error instanceof CallError && error.status === 429 ? new QueueFull() : error;
};

/** `reason`: why there is no answer so far. */
type Wait = { over: boolean; reason: string };

export const createCatalogClient = (options: CatalogClientOptions): CatalogClient => {
  const { catalog } = options;
  const holdWaitMs = options.holdWaitMs ?? limits.replyHoldMs;
  const cache = core.createCache({ capacity: options.cacheSize });
  const queueLengthMax = options.queueLengthMax ?? limits.queueLengthMax;
  const counts = { subscriptions: 0, holdsExpired: 0 };
  let closed = false;

  // Reads.

  /** One read of a product at a time, shared: the cache core says for each caller whether what it brings is new enough. */
  const flights = new Map<string, Promise<Fetched | null>>();
  let listFlight: ReturnType<CatalogReader['products']> | undefined;

  const shareProduct = (name: string): Promise<Fetched | null> => {
    const known = flights.get(name);
    if (known !== undefined) return known;
    const flight = readProduct(name).finally(() => flights.delete(name));
    flights.set(name, flight);
    return flight;
  };

  const readProduct = async (name: string): Promise<Fetched | null> => {
    const answer = await orNull(catalog.product({ params: { name } }));
    if (answer === null) return null;
    const { epoch, asOf, product } = answer;
    return { epoch, asOf, version: product.version, body: encode(product) };
  };

  const shareList = (): ReturnType<CatalogReader['products']> => {
    listFlight ??= catalog.products().finally(() => {
      listFlight = undefined;
    });
    return listFlight;
  };

  /** Ends a caller's wait. One for each that waits. */
  const waiting = new Set<(reason: string) => void>();

  /** Tries until an answer may be shown, the deadline has passed or the client closes. `judge` gives undefined for "again". */
  const insist = async <Read, Shown>(
    read: () => Promise<Read>,
    judge: (answer: Read) => Shown | undefined,
    waitMs = options.requestWaitMs,
  ) => {
    if (closed) throw new Unavailable('stopping');
    // A read outlives those who wait for it, so that both are bounded.
    if (waiting.size >= queueLengthMax || flights.size >= queueLengthMax) throw new QueueFull();
    const wait: Wait = { over: false, reason: 'catalog_silent' };
    const { promise: givenUp, reject } = Promise.withResolvers<never>();
    const giveUp = (reason: string): void => {
      wait.over = true;
      reject(new Unavailable(reason));
    };
    waiting.add(giveUp);
    // Not asked between the reads only: a catalog that hangs keeps each of them for as long as a call may take.
    const timer = setTimeout(() => giveUp(wait.reason), waitMs);
    try {
      return await Promise.race([readAgain(wait, read, judge), givenUp]);
    } finally {
      clearTimeout(timer);
      waiting.delete(giveUp);
    }
  };

  const readAgain = async <Read, Shown>(
    wait: Wait,
    read: () => Promise<Read>,
    judge: (answer: Read) => Shown | undefined,
  ): Promise<Shown> => {
    // An answer that was too old was on its way when the news came; the next one knows it.
    let pauseMs = 0;
    while (!wait.over) {
      try {
        const shown = judge(await read());
        if (shown !== undefined) return shown;
        wait.reason = 'catalog_behind';
      } catch (error) {
        if (!(error instanceof CallError)) throw error;
        wait.reason = error.kind === 'timeout' ? 'catalog_silent' : 'catalog_away';
        pauseMs = RETRY_MS;
      }
      await sleep(pauseMs);
      pauseMs = RETRY_MS;
    }
    throw new Unavailable(wait.reason);
  };

  const fetch = (token: FetchToken): Promise<string | null> =>
    insist(
      () => shareProduct(token.name),
      (answer) => {
        if (answer === null) return null;
        return core.filled(cache, token, answer) === 'show' ? answer.body : undefined;
      },
    );

  const list = (): Promise<string> => {
    const token = core.listing(cache);
    return insist(shareList, ({ epoch, asOf, products }) => {
      const versions = products.map(({ name, version }) => ({ name: foldName(name), version }));
      if (core.listed(cache, token, { epoch, asOf, products: versions }) === 'again') return undefined;
      return JSON.stringify({ data: products.map(({ name, price, quantity }) => ({ name, price, quantity })) });
    });
  };

  const trail: CatalogClient['trail'] = (query, waitMs) => {
    const token = core.listing(cache);
    return insist(
      () => orNull(catalog.trail({ query })).catch(refuseIfFull),
      (page) => {
        if (page === null) return null;
        const { epoch, asOf, changes, next } = page;
        // It shows no product as it is now, only what became of it; but not from before what this caller may know.
        return core.listed(cache, token, { epoch, asOf, products: [] }) === 'show' ? { changes, next } : undefined;
      },
      waitMs,
    );
  };

  // Replies that wait.

  const held = new Map<number, { sinceMs: number; resolve: () => void }>();
  let holdTimer: ReturnType<typeof setTimeout> | undefined;

  const release = (ids: number[]): void => {
    for (const id of ids) {
      held.get(id)?.resolve();
      held.delete(id);
    }
  };

  const watchHolds = (): void => {
    holdTimer = undefined;
    const [oldest] = held.values();
    if (oldest === undefined) return;
    const leftMs = oldest.sinceMs + holdWaitMs - monotonicMs();
    if (leftMs > 0) holdTimer = setTimeout(watchHolds, leftMs);
    else {
      counts.holdsExpired += 1;
      drop();
    }
  };

  const hold = (sequence: number): Promise<void> | undefined => {
    const id = core.hold(cache, sequence);
    if (id === 'now') return undefined;
    return new Promise((resolve) => {
      held.set(id, { sinceMs: monotonicMs(), resolve });
      holdTimer ??= setTimeout(watchHolds, holdWaitMs);
    });
  };

  // The stream of changes.

  let stream: { close(): void } | undefined;
  let chaos: string | null = null;
  let resubscribeTimer: ReturnType<typeof setTimeout> | undefined;
  let pauseMs = RESUBSCRIBE_MS;
  /** One loss is told once, however often the next attempts fail. */
  let isLossTold = false;

  const subscribe = (): void => {
    counts.subscriptions += 1;
    stream = openStream(options.changesUrl, {
      schema: changeLineSchema,
      idleMs: limits.streamSilentMs,
      onLine: take,
      onEnd: ended,
    });
  };

  const take = (line: ChangeLine): void => {
    if (line.type === 'hello') {
      pauseMs = RESUBSCRIBE_MS;
      isLossTold = false;
      chaos = line.chaos ?? null;
      options.onStreamOpen?.(line);
      release(core.subscribed(cache, line).released);
      return;
    }
    const pushed =
      line.type === 'beat' ? core.beat(cache, line) : core.changed(cache, { ...line, products: named(line) });
    release(pushed.released);
    if (pushed.kind === 'broken') drop();
  };

  const named = ({ products }: { products: ProductState[] }) =>
    products.map((product) => ({ name: foldName(product.name), version: product.version, body: encode(product) }));

  /** Gives the subscription up; `ended` sees to the next one. */
  const drop = (): void => {
    release(core.broken(cache));
    stream?.close();
  };

  const ended = (end: StreamEnd): void => {
    release(core.broken(cache));
    if (closed) return;
    if (!isLossTold) options.onStreamEnd?.(end);
    isLossTold = true;
    resubscribeTimer = setTimeout(subscribe, pauseMs);
    pauseMs = Math.min(pauseMs * 2, RESUBSCRIBE_MS_MAX);
  };

  subscribe();

  return {
    lookup: (name) => core.lookup(cache, name),
    fetch,
    list,
    trail,
    hold,
    isConnected: () => cache.subscription !== null,
    chaos: () => chaos,
    stats: () => ({ ...core.stats(cache), flights: flights.size, ...counts }),
    close: () => {
      closed = true;
      clearTimeout(resubscribeTimer);
      clearTimeout(holdTimer);
      for (const giveUp of waiting) giveUp('stopping');
      drop();
    },
  };
};
