/** Till as a subject, on one runtime. */
import { monotonicMs, sleep } from '@till/shared/clock';
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
import type { Loader, LoadRequest } from './bench-load.ts';
import type { Processes } from './bench-processes.ts';
import { prepareServices, type Runtime, type Services } from './bench-services.ts';
import type { Measurement, Sample, Subject } from './bench-subject.ts';
import { watchCores } from './bench-usage.ts';
import { readCluster } from './cluster-view.ts';
import { Failure } from './command.ts';

const CLIENTS = 32;
const WARM_SECONDS_MAX = 2;
/** Beside the load of orders: few, so that they wait for the front and not for each other. */
const LOOKUP_CLIENTS = 8;
/** The load of orders begins so much before the lookups, and ends after them. */
const LEAD_SECONDS = 1;
const LOOK_EVERY_MS = 20;
/** The replica that goes and comes back: not the leader. */
const FOLLOWER = 'order-1';

export const createTillSubject = ({
  processes,
  loader,
  seconds,
  runtime,
}: {
  processes: Processes;
  loader: Loader;
  seconds: number;
  runtime: Runtime;
}): Subject => {
  let opened: Services | null = null;
  /** So many orders are acknowledged at least. */
  let orders = 0;

  const till = (): Services => {
    if (opened === null) throw new Error('Cannot measure: this Till is not open');
    return opened;
  };

  const load = async (
    requests: LoadRequest[],
    { connections = CLIENTS, forSeconds = seconds }: { connections?: number; forSeconds?: number } = {},
  ): Promise<Sample> => {
    const used = watchCores(till().running());
    const { count, ...sample } = await loader.run({ url: till().url, requests, connections, seconds: forSeconds });
    if (requests === orderRequests) orders += count - sample.failed;
    return { ...sample, cores: used() };
  };

  /** A lookup, and the share of them that the cache answered. */
  const lookup = async (requests: LoadRequest[]): Promise<Sample> => {
    const before = await cacheOf(till());
    const sample = await load(requests);
    const after = await cacheOf(till());
    const hits = after.hits - before.hits;
    return { ...sample, also: { cacheHitShare: hits / (hits + after.misses - before.misses) } };
  };

  const lookupUnderOrders = async (): Promise<Sample> => {
    const ordering = load(orderRequests, { forSeconds: seconds + 2 * LEAD_SECONDS });
    // Whoever waits for it hears of its failure; the other one may fail first.
    ordering.catch(() => {});
    await sleep(LEAD_SECONDS * 1000);
    const sample = await load(cachedLookups, { connections: LOOKUP_CLIENTS });
    const { perSecond, failed, p99Ms } = await ordering;
    const also = { ordersPerSecond: perSecond, orderP99Ms: p99Ms ?? 0 };
    return { ...sample, failed: sample.failed + failed, also };
  };

  /** Orders from the start of a replica that lacks many until it is in sync, by the catalog's own count of movements. */
  const orderDuringCatchUp = async (): Promise<Sample> => {
    await till().stopOne(FOLLOWER);
    const stoppedAt = (await clusterOf(till())).catalog.sequence;
    await load(orderRequests);
    let isLoading = true;
    const loading = load(orderRequests, { forSeconds: 2 * seconds }).finally(() => {
      isLoading = false;
    });
    loading.catch(() => {});
    await sleep(LOOK_EVERY_MS);
    const from = { sequence: (await clusterOf(till())).catalog.sequence, ms: monotonicMs() };
    till().startOne(FOLLOWER);
    let to = from;
    for (let isLevel = false; !isLevel && isLoading; ) {
      await sleep(LOOK_EVERY_MS);
      const { catalog, inSync } = await clusterOf(till());
      to = { sequence: catalog.sequence, ms: monotonicMs() };
      isLevel = inSync.length === 3;
    }
    const { failed, p50Ms, p99Ms } = await loading;
    await till().ready();
    const passedSeconds = (to.ms - from.ms) / 1000;
    return {
      perSecond: (to.sequence - from.sequence) / passedSeconds,
      p50Ms,
      p99Ms,
      failed,
      also: { catchUpSeconds: passedSeconds, entriesBehind: from.sequence - stoppedAt },
    };
  };

  const measurements: Measurement[] = [
    { name: `lookup-cached-${CLIENTS}`, title: 'lookup, cached', clients: CLIENTS, run: () => lookup(cachedLookups) },
    {
      name: `lookup-uncached-${CLIENTS}`,
      title: 'lookup, not cached',
      clients: CLIENTS,
      run: () => lookup(uncachedLookups),
    },
    ...[1, 8, 32, 128].map((clients) => ({
      name: `order-${clients}`,
      title: 'order',
      clients,
      run: () => load(orderRequests, { connections: clients }),
    })),
    { name: `order-query-${CLIENTS}`, title: 'order query', clients: CLIENTS, run: () => load(queryRequests(orders)) },
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
    {
      name: `lookup-under-orders-${LOOKUP_CLIENTS}`,
      title: `lookup, cached, beside ${CLIENTS} clients that order`,
      clients: LOOKUP_CLIENTS,
      run: lookupUnderOrders,
    },
    {
      name: `order-during-catch-up-${CLIENTS}`,
      title: 'order, while a replica catches up',
      clients: CLIENTS,
      run: orderDuringCatchUp,
    },
  ];

  return {
    name: runtime,
    title: `Till on ${runtime}`,
    measurements,
    async open() {
      orders = 0;
      opened = await prepareServices(processes, runtime);
      await opened.start();
      await opened.ready();
      await complainOfOtherBytes(opened.url);
      const forSeconds = Math.min(seconds, WARM_SECONDS_MAX);
      for (const requests of [cachedLookups, uncachedLookups, orderRequests]) await load(requests, { forSeconds });
    },
    async close() {
      await opened?.kill();
      opened = null;
    },
  };
};

const clusterOf = async ({ url }: Services) => {
  const cluster = await readCluster(url);
  if (cluster === null) throw new Failure(`Cannot read the state of the cluster at ${url}`);
  return cluster;
};

const cacheOf = async (services: Services) => (await clusterOf(services)).cache;

/** The floor is one only if it answers what Till answers. */
const complainOfOtherBytes = async (url: string): Promise<void> => {
  const { body } = await request(`${url}/products/${firstProduct}`);
  const text = await body.text();
  if (text !== productAnswer)
    throw new Failure(`Cannot compare: Till answers ${text}, the bare server ${productAnswer}`);
};
