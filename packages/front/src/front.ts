/** The front without its process: everything between the public routes and the services behind them, wired together. */
import { type Client, createClient } from '@till/shared/client';
import { sleep } from '@till/shared/clock';
import { catalogContract, changesPath, orderContract } from '@till/shared/contract';
import { limits } from '@till/shared/limits';
import type { Logger } from '@till/shared/logger';
import type { Metrics } from '@till/shared/metrics';
import type { OrderLog } from '@till/shared/order-log';
import { type CatalogClient, createCatalogClient } from './catalog-client.ts';
import { createCheckout } from './checkout/handlers.ts';
import { clusterStatus, whyNotReady } from './cluster-status.ts';
import type { Cluster } from './cluster-view.ts';
import { createLedger } from './ledger.ts';
import { createOrderClient, type OrderClient } from './order-client.ts';
import { createPlacement, WAREHOUSE_SHARE } from './placement.ts';
import { createRouter } from './router.ts';
import { publicRoutes } from './routes.ts';
import { createTraffic } from './traffic.ts';
import { createWarehouse } from './warehouse.ts';

export type FrontOptions = {
  cluster: Cluster;
  catalogUrl: string;
  /** Where each replica is, by id. */
  orderUrls: Map<number, string>;
  cacheSize: number;
  requestWaitMs: number;
  shopifySecrets: readonly string[];
  /** A warehouse that is asked before anything is bought, and how long it is left alone when it is down. */
  warehouse: { url: string; holdMs: number } | null;
  /** Where each check of a checkout is asked for, null: it is done here; and how long all of them may take. */
  checks: { verification: string | null; fraud: string | null; suggestions: string | null; waitMs: number };
  metrics: Metrics;
  /** The harm on purpose that is switched on here, for `/cluster`. */
  chaos?: string | null;
  /** Where each step of each order is said, if anywhere. */
  orderLog?: OrderLog | null;
  logger: Logger;
};

export type Front = {
  fetch(request: Request): Response | Promise<Response>;
  /**
   * Closes the server and leaves nobody without an answer: what is under way may finish while the server drains; who waits
   * even then is answered 503, while there still is a connection to answer on. Then ends the connections to the services.
   */
  stop(server: { close(): Promise<void> }): Promise<void>;
};

/** How long the front's server drains: far more than an order takes, and the next request of a client that is at work. */
export const DRAIN_MS = 500;

export const createFront = (options: FrontOptions): Front => {
  const { cluster, catalogUrl, orderUrls, requestWaitMs, metrics, logger } = options;
  const traffic = createTraffic(metrics, publicRoutes.product.paths[0]);
  const catalogCalls = createClient(catalogContract, { url: catalogUrl, links: true });
  /** What is read from the journal takes long: it has connections of its own, so that no product waits behind it. */
  const journalCalls = createClient(catalogContract, { url: catalogUrl, connectionsMax: limits.trailsReadMax + 1 });
  const replicaCalls = new Map<number, Client<typeof orderContract>>();
  for (const [id, url] of orderUrls) replicaCalls.set(id, createClient(orderContract, { url, links: true }));

  const catalog = createCatalogClient({
    catalog: { product: catalogCalls.product, products: catalogCalls.products, trail: journalCalls.trail },
    changesUrl: catalogUrl + changesPath,
    cacheSize: options.cacheSize,
    requestWaitMs,
    onStreamOpen: ({ epoch, sequence }) => logger.info({ epoch, sequence }, 'subscribed to changes'),
    onStreamEnd: ({ kind, message }) => logger.warn({ kind, why: message }, 'changes lost, cache bypassed'),
  });
  const orders = createOrderClient({
    cluster,
    replica: (id) => {
      const calls = replicaCalls.get(id);
      if (calls === undefined) throw new Error(`Cannot call replica ${id}: it is not configured`);
      return calls;
    },
    requestWaitMs,
    onOrderBatch: traffic.orderBatch,
    orderLog: options.orderLog ?? null,
  });
  const sources = { cluster, catalog, chaos: options.chaos ?? null };
  measure(metrics, sources, orders);

  const ledger = createLedger({ orders, catalog, requestWaitMs });
  const warehouse =
    options.warehouse &&
    createWarehouse({ ...options.warehouse, waitMs: requestWaitMs * WAREHOUSE_SHARE, metrics, logger });
  const placement = createPlacement({ ledger, warehouse });
  const { waitMs: checkWaitMs, ...urls } = options.checks;
  const checkout = createCheckout({
    ledger,
    placement,
    requestWaitMs,
    urls,
    history: (range) => journalCalls.history({ query: range }),
    checkWaitMs,
    metrics,
    logger,
  });
  const router = createRouter({
    ledger,
    placement,
    requestWaitMs,
    shopifySecrets: options.shopifySecrets,
    checkout,
    traffic,
    status: () => clusterStatus(sources),
    whyNotReady: () => whyNotReady(sources),
    metrics,
    onError: (error) => logger.error({ error }, 'cannot answer a request'),
  });
  return {
    fetch: router.fetch,
    stop: async (server) => {
      const closed = server.close();
      await Promise.race([closed, sleep(DRAIN_MS)]);
      orders.close();
      catalog.close();
      const outside = [checkout.close(), warehouse?.close()];
      await closed;
      await Promise.all([
        ...outside,
        catalogCalls.close(),
        journalCalls.close(),
        ...[...replicaCalls.values()].map((calls) => calls.close()),
      ]);
    },
  };
};

/** Numbers that the parts keep anyway; they are read when somebody asks for the metrics. */
const measure = (
  metrics: Metrics,
  { cluster, catalog }: { cluster: Cluster; catalog: CatalogClient },
  orders: OrderClient,
): void => {
  const gauge = (name: string, help: string, read: () => number): void => {
    metrics.gauge({
      name,
      help,
      collect() {
        this.set(read());
      },
    });
  };
  const counter = (name: string, help: string, read: () => number): void => {
    metrics.counter({
      name,
      help,
      collect() {
        this.reset();
        this.inc(read());
      },
    });
  };
  counter('till_cache_hits_total', 'Products answered from the cache', () => catalog.stats().hits);
  counter('till_cache_misses_total', 'Products that the cache did not have', () => catalog.stats().misses);
  gauge('till_cache_size', 'Products in the cache', () => catalog.stats().size);
  gauge('till_cache_bypassing', '1 while the cache is not used', () => Number(catalog.stats().bypassing));
  gauge('till_replies_held', 'Answers that wait for the change of their sequence', () => catalog.stats().held);
  counter('till_subscriptions_total', 'Times the stream of changes was opened', () => catalog.stats().subscriptions);
  gauge('till_orders_queued', 'Orders that wait for their batch', () => orders.stats().orders.queued);
  gauge('till_orders_on_the_way', 'Orders in the batch on its way', () => orders.stats().orders.onTheWay);
  counter('till_order_batches_put_back_total', 'Batches to send again', () => orders.stats().orders.putBack);
  gauge('till_queries_queued', 'Queries for orders that wait for their batch', () => orders.stats().queries.queued);
  counter('till_elections_total', 'Changes of the term since the start', () => cluster.elections());
  gauge('till_term', 'Term of the cluster record', () => cluster.record()?.term ?? 0);
  gauge('till_in_sync_replicas', 'Replicas that hold every acknowledged order', () => inSyncCount(cluster));
};

const inSyncCount = (cluster: Cluster): number => cluster.record()?.inSync.length ?? 0;
