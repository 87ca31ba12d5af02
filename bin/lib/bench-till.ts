/** Till as a subject, on one runtime; and the same without fsync, which only shows what fsync costs. */
import { request } from 'undici';
import { runMixedClients } from './bench-clients.ts';
import {
  cachedLookups,
  firstProduct,
  orderRequests,
  productAnswer,
  queryRequests,
  uncachedLookups,
} from './bench-goods.ts';
import type { Load, Loader, LoadRequest, LoadResult } from './bench-load.ts';
import type { Processes } from './bench-processes.ts';
import { prepareServices, type Runtime, type Services } from './bench-services.ts';
import type { Measurement, Sample, Subject } from './bench-subject.ts';
import { clusterOf, type TillLoad } from './bench-till-load.ts';
import { momentsOf, RESTOCK_EVERY_MS } from './bench-till-moments.ts';
import { watchCores } from './bench-usage.ts';
import { WARM_CLIENTS, warmUp } from './bench-warm.ts';
import { Failure } from './command.ts';

type TillOptions = {
  processes: Processes;
  loader: Loader;
  seconds: number;
  warmSeconds: number;
  runtime: Runtime;
};

/** Its name among the subjects. */
export const UNSYNCED = 'unsynced';

const CLIENTS = 32;
const WARM_READ_SECONDS = 1;

export const createTillSubject = (options: TillOptions): Subject => {
  const { processes, seconds, runtime } = options;
  const place = createPlace(options, { RESTOCK_EVERY_MS: String(RESTOCK_EVERY_MS) });
  const { till, load } = place;

  /** A lookup, and the share of them that the cache answered. */
  const lookup = async (requests: LoadRequest[]): Promise<Sample> => {
    const before = (await clusterOf(till())).cache;
    const { count: _, ...sample } = await load(requests);
    const after = (await clusterOf(till())).cache;
    const hits = after.hits - before.hits;
    return { ...sample, also: { cacheHitShare: hits / (hits + after.misses - before.misses) } };
  };

  const measurements: Measurement[] = [
    { name: `lookup-cached-${CLIENTS}`, title: 'lookup, cached', clients: CLIENTS, run: () => lookup(cachedLookups) },
    {
      name: `lookup-uncached-${CLIENTS}`,
      title: 'lookup, not cached',
      clients: CLIENTS,
      run: () => lookup(uncachedLookups),
    },
    ...[1, 8, 32, 128].map((clients) => ({ name: `order-${clients}`, title: 'order', ...place.orders(clients) })),
    {
      name: `order-query-${CLIENTS}`,
      title: 'order query',
      clients: CLIENTS,
      async run() {
        if (place.ordersMade() === 0) await load(orderRequests);
        return load(queryRequests(place.ordersMade()));
      },
    },
    {
      name: `mixed-${CLIENTS}`,
      title: 'bin/client: lookups, orders, checks',
      clients: CLIENTS,
      run: async () => {
        const used = watchCores(till().running());
        const sample = await runMixedClients({ processes, url: till().url, clients: CLIENTS, seconds });
        return { ...sample, cores: used() };
      },
    },
    ...momentsOf({ ...place, seconds }),
  ];

  return {
    name: runtime,
    title: `Till on ${runtime}`,
    measurements,
    async open() {
      await place.open();
      if (options.warmSeconds === 0) return;
      const warm = { connections: WARM_CLIENTS, forSeconds: Math.min(WARM_READ_SECONDS, options.warmSeconds) };
      for (const requests of [cachedLookups, uncachedLookups, queryRequests(place.ordersMade())]) {
        await load(requests, warm);
      }
    },
    close: place.close,
  };
};

export const createUnsyncedSubject = (options: TillOptions): Subject => {
  const place = createPlace(options, { CHAOS: '1', CHAOS_NO_FSYNC: '1' });
  return {
    name: UNSYNCED,
    title: `Till on ${options.runtime}, without fsync`,
    measurements: [1, 32, 128].map((clients) => ({
      name: `order-unsynced-${clients}`,
      title: 'order, not on disk when it is answered',
      ...place.orders(clients),
    })),
    open: place.open,
    close: place.close,
  };
};

/** Where a Till is opened for each round, warmed up, loaded, and killed in the end. */
const createPlace = (
  { processes, loader, seconds, warmSeconds, runtime }: TillOptions,
  settings: Record<string, string>,
) => {
  let opened: Services | null = null;
  /** So many orders are acknowledged at least. */
  let made = 0;

  const till = (): Services => {
    if (opened === null) throw new Error('Cannot measure: this Till is not open');
    return opened;
  };

  const loadBy =
    <Result extends LoadResult>(run: (load: Load) => Promise<Result>) =>
    async (requests: LoadRequest[], { connections = CLIENTS, forSeconds = seconds } = {}): Promise<Result> => {
      const used = watchCores(till().running());
      const result = await run({ url: till().url, requests, connections, seconds: forSeconds });
      if (requests === orderRequests) made += result.count - result.failed;
      return { ...result, cores: { ...used(), ...result.cores } };
    };
  const loads: TillLoad = { load: loadBy(loader.run), watch: loadBy(loader.watch) };

  return {
    ...loads,
    till,
    ordersMade: () => made,
    /** The part of a measurement that says how orders are placed. */
    orders: (clients: number) => ({ clients, run: () => loads.load(orderRequests, { connections: clients }) }),
    async open() {
      made = 0;
      opened = await prepareServices(processes, runtime, settings);
      await opened.start();
      await opened.ready();
      await complainOfOtherBytes(opened.url);
      await warmUp((forSeconds) => loads.load(orderRequests, { connections: WARM_CLIENTS, forSeconds }), {
        secondsMax: warmSeconds,
      });
    },
    async close() {
      await opened?.kill();
      opened = null;
    },
  };
};

/** The floor is one only if it answers what Till answers. */
const complainOfOtherBytes = async (url: string): Promise<void> => {
  const { body } = await request(`${url}/products/${firstProduct}`);
  const text = await body.text();
  if (text !== productAnswer)
    throw new Failure(`Cannot compare: Till answers ${text}, the bare server ${productAnswer}`);
};
