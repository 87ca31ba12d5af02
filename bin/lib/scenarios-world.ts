/** Where the scenarios are played: a Till of its own, and stand-ins for the shop and the warehouse that it works with. */
import { describeSettings } from '@till/shared/config';
import type { SeedProduct } from '@till/shared/movement';
import { type FakeShopify, startFakeShopify } from '../../test/fakes/shopify.ts';
import { type FakeWarehouse, startFakeWarehouse } from '../../test/fakes/warehouse.ts';
import { type ChildRunner, openTill, type Till, type TillOptions } from '../../test/system/till.ts';
import { until } from '../../test/system/until.ts';
import { readCluster, readUnreadiness } from './cluster-view.ts';
import { Failure } from './command.ts';

export type Runtime = 'node' | 'bun' | 'deno';

export type World = {
  till: Till<ChildRunner>;
  shopify: FakeShopify;
  warehouse: FakeWarehouse;
  /** Stops the services in order; returns those that did not end well. */
  stop(): Promise<string[]>;
  /** Ends whatever is left, and removes the folder unless it is to be kept. */
  close(): Promise<void>;
};

/** Shopify signs with one of two secrets while one replaces the other. */
export const SECRETS = { older: 'an-older-secret', newer: 'a-newer-secret' };
const SHOPIFY_TOKEN = 'a-token-of-the-shop';

/** Long enough that the orders of a scenario fall into it. */
export const WAREHOUSE_HOLD_MS = 6000;

const product = (name: string, quantity: number): SeedProduct => ({
  name,
  kind: 'toy',
  price: 9.99,
  quantity,
  restock: false,
});

/** What is on our shelves. */
const PRODUCTS = [
  ...['Tux', 'Whale', 'Fox', 'Python', 'Lego', 'Chess', 'Clue', 'Frisbee', 'Twister'].map((name) => product(name, 100)),
  product('Uno', 3),
];
/** What the warehouse says that it has; it never heard of a Twister. */
const WAREHOUSE_STOCK = {
  ...Object.fromEntries(PRODUCTS.filter(({ name }) => name !== 'Twister').map(({ name }) => [name, 1000])),
  Frisbee: 2,
};

/** Settings of the caller's that must not reach this Till; an empty one counts as not given. */
const PLAIN = Object.fromEntries(
  describeSettings()
    .map(({ name }) => name)
    .filter((name) => !['PORT_BASE', 'DATA_DIR', 'REPLICAS', 'RUNTIME', 'SEED', 'REPLICA_ID'].includes(name))
    .map((name) => [name, '']),
);

export const openWorld = async ({ runtime, keep }: { runtime: Runtime; keep: boolean }): Promise<World> => {
  const closers: (() => Promise<void>)[] = [];
  const close = async (): Promise<void> => {
    await Promise.all(closers.splice(0).map((one) => one()));
  };
  try {
    const products = PRODUCTS.map(({ name, quantity }) => ({ sku: name, quantity }));
    const shopify = await startFakeShopify({ token: SHOPIFY_TOKEN, products });
    closers.push(shopify.close);
    const warehouse = await startFakeWarehouse({ stock: { ...WAREHOUSE_STOCK } });
    closers.push(warehouse.close);
    const settings = {
      ...PLAIN,
      SHOPIFY_SECRETS: `${SECRETS.older},${SECRETS.newer}`,
      SHOPIFY_URL: shopify.url,
      SHOPIFY_TOKEN,
      WMS_URL: warehouse.url,
      WMS_HOLD_MS: String(WAREHOUSE_HOLD_MS),
      LOG_ORDERS: '1',
    };
    const till = await startTill({ runtime, keep, seed: PRODUCTS, settings });
    closers.push(till.end);
    return { till, shopify, warehouse, stop: () => stopAll(till), close };
  } catch (error) {
    await close();
    throw error;
  }
};

/** A port that was free when it was chosen may be somebody else's by now: then other ones. */
const startTill = async (options: TillOptions): Promise<Till<ChildRunner>> => {
  for (let tries = 1; ; tries += 1) {
    const till = await openTill(options);
    const problem = await startServices(till).then(
      () => null,
      (error: Error) => error,
    );
    if (problem === null) return till;
    const words = till.logs();
    await till.end();
    if (tries === START_TRIES_MAX || !words.includes(PORT_TAKEN)) {
      throw new Failure(`${words}\nCannot start the services (above is what they said): ${problem.message}`);
    }
  }
};

const START_TRIES_MAX = 5;
const PORT_TAKEN = 'something else listens there already';

const startServices = async ({ names, run, url }: Till<ChildRunner>): Promise<void> => {
  await run.start(names);
  await until('all services are ready', async () => {
    for (const name of names) if ((await run.pidOf(name)) === null) throw new Error(`${name} has ended`);
    const [unready, cluster] = await Promise.all([readUnreadiness(url), readCluster(url)]);
    return unready === null && cluster !== null && cluster.inSync.length === cluster.replicas.length;
  });
};

/** The front first, so that no order is under way when the others stop. */
const stopAll = async ({ names, run }: Till<ChildRunner>): Promise<string[]> => {
  const problems: string[] = [];
  for (const name of [...names].reverse()) {
    if ((await run.pidOf(name)) === null) continue;
    await run.stop(name).catch((error: Error) => problems.push(error.message));
  }
  return problems;
};
