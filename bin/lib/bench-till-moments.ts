/** What Till does at moments that are not every day's: under full load, while a replica comes back, while it writes snapshots. */
import { monotonicMs, sleep } from '@till/shared/clock';
import { request } from 'undici';
import { cachedLookups, orderRequests, refilledProduct } from './bench-goods.ts';
import type { Watched } from './bench-load.ts';
import type { Services } from './bench-services.ts';
import { type Measurement, type Sample, spreadOf } from './bench-subject.ts';
import { clusterOf, type TillLoad } from './bench-till-load.ts';
import { Failure } from './command.ts';

const CLIENTS = 32;
/** So many orders at a time are more than Till can do. */
const FULL_CLIENTS = 128;
/** Beside the load of orders: few, so that they wait for the front and not for each other. */
const LOOKUP_CLIENTS = 8;
/** The load of orders begins so much before the lookups, and ends after them. */
const LEAD_SECONDS = 1;
const LOOK_EVERY_MS = 20;
/** The replica that goes and comes back: not the leader. */
const FOLLOWER = 'order-1';
/** Restocks come this often, if there is something to restock: so what was restocked is sold out at once. */
export const RESTOCK_EVERY_MS = 100;
/** About 10 MiB of each journal and log: a snapshot and a checkpoint of each index are due every 8 MiB. */
const MOVEMENTS_MIN = 25_000;
/** Where that takes too long, fewer must do. */
const PAUSE_RUNS_MAX = 4;

type Tools = TillLoad & { till(): Services; seconds: number };

export const momentsOf = (tools: Tools): Measurement[] => [
  {
    name: `lookup-under-orders-${LOOKUP_CLIENTS}`,
    title: `lookup, cached, beside ${FULL_CLIENTS} clients that order`,
    clients: LOOKUP_CLIENTS,
    run: () => lookUnderOrders(tools),
  },
  {
    name: `order-during-catch-up-${CLIENTS}`,
    title: 'order, while a replica catches up',
    clients: CLIENTS,
    run: () => orderDuringCatchUp(tools),
  },
  {
    name: `order-with-restocks-${CLIENTS}`,
    title: 'order, with restocks and snapshots',
    clients: CLIENTS,
    run: () => orderWithRestocks(tools),
  },
];

const lookUnderOrders = async ({ load, seconds }: Tools): Promise<Sample> => {
  const ordering = load(orderRequests, { connections: FULL_CLIENTS, forSeconds: seconds + 2 * LEAD_SECONDS });
  // Whoever waits for it hears of its failure; the other one may fail first.
  ordering.catch(() => {});
  await sleep(LEAD_SECONDS * 1000);
  const { count: _, ...sample } = await load(cachedLookups, { connections: LOOKUP_CLIENTS });
  const { perSecond, failed, p99Ms } = await ordering;
  const also = { ordersPerSecond: perSecond, orderP99Ms: p99Ms ?? 0 };
  return { ...sample, failed: sample.failed + failed, also };
};

/**
 * Orders from the start of a replica that lacks many until it is in sync, by the catalog's own count of movements; then
 * as many clients order once more, with all replicas in sync.
 */
const orderDuringCatchUp = async ({ till, load, seconds }: Tools): Promise<Sample> => {
  await till().stopOne(FOLLOWER);
  const stoppedAt = (await clusterOf(till())).catalog.sequence;
  const away = await load(orderRequests);
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
  const { failed, p50Ms, p99Ms, cores } = await loading;
  await till().ready();
  const level = await load(orderRequests);
  const passedSeconds = (to.ms - from.ms) / 1000;
  return {
    ...{ p50Ms, p99Ms, cores: cores ?? {} },
    perSecond: (to.sequence - from.sequence) / passedSeconds,
    failed: away.failed + failed + level.failed,
    also: {
      catchUpSeconds: passedSeconds,
      entriesBehind: from.sequence - stoppedAt,
      perSecondWhileAway: away.perSecond,
      perSecondWhenLevel: level.perSecond,
    },
  };
};

const orderWithRestocks = async ({ till, watch }: Tools): Promise<Sample> => {
  const before = (await clusterOf(till())).catalog.sequence;
  const buying = buyRefilled(till().url);
  const runs: Watched[] = [];
  let movements = 0;
  try {
    while (movements < MOVEMENTS_MIN && runs.length < PAUSE_RUNS_MAX) {
      runs.push(await watch(orderRequests));
      movements = (await clusterOf(till())).catalog.sequence - before;
    }
  } finally {
    buying.stop();
  }
  const restocks = await buying.restocks;
  if (restocks === 0) throw new Failure('Cannot tell how long restocks take: there was none');
  const medianOf = (figure: 'perSecond' | 'p50Ms' | 'p99Ms'): number =>
    spreadOf(runs.map((run) => run[figure] ?? 0))?.median ?? 0;
  return {
    ...{ perSecond: medianOf('perSecond'), p50Ms: medianOf('p50Ms'), p99Ms: medianOf('p99Ms') },
    failed: runs.reduce((sum, { failed }) => sum + failed, 0),
    cores: runs[0]?.cores ?? {},
    also: {
      longestGapMs: Math.max(...runs.map(({ longestGapMs }) => longestGapMs)),
      loaderDelayMs: Math.max(...runs.map(({ ownDelayMs }) => ownDelayMs)),
      restocks,
      movements,
    },
  };
};

/** Buys all there is of one product whenever there is some. Each time but the first there was a restock. */
const buyRefilled = (url: string): { stop(): void; restocks: Promise<number> } => {
  let isBuying = true;
  const buy = async (): Promise<number> => {
    let bought = 0;
    while (isBuying) {
      const product = await request(`${url}/products/${refilledProduct}`);
      const { data } = (await product.body.json()) as { data: { quantity: number } };
      if (data.quantity > 0) {
        const { statusCode, body } = await request(`${url}/orders`, {
          ...{ method: 'POST', headers: { 'content-type': 'application/json' } },
          body: JSON.stringify({ name: refilledProduct, quantity: data.quantity }),
        });
        await body.dump();
        if (statusCode === 200) bought += 1;
      }
      await sleep(RESTOCK_EVERY_MS / 2);
    }
    return Math.max(0, bought - 1);
  };
  const restocks = buy();
  // Whoever waits for it hears of its failure; the load may fail first.
  restocks.catch(() => {});
  return {
    stop: () => {
      isBuying = false;
    },
    restocks,
  };
};
