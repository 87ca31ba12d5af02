/**
 * What many orders cost: the start, the memory of the leader, the pace. A store of so many orders is written, not ordered:
 * a Till makes an empty one, is stopped, and its journal and logs are continued as it would have done it.
 */
import { monotonicMs } from '@till/shared/clock';
import { orderRequests, queryRequests } from './bench-goods.ts';
import type { Loader, LoadRequest } from './bench-load.ts';
import type { Processes } from './bench-processes.ts';
import { prepareServices, type Runtime, type Services } from './bench-services.ts';
import { writeOrders } from './bench-store.ts';
import { type Spread, spreadOf } from './bench-subject.ts';
import { residentBytes } from './bench-usage.ts';
import { WARM_CLIENTS, warmUp } from './bench-warm.ts';
import type { Cell } from './table.ts';

export type GrowthSample = {
  readyMs: number;
  /** Memory of the leader after the load. */
  leaderBytes: number | null;
  ordersPerSecond: number;
  queriesPerSecond: number;
  failed: number;
};

export type Growth = { runtime: Runtime; orders: number; without: GrowthSample[]; with: GrowthSample[] };

const CLIENTS = 32;
const LEADER = 'order-3';

export const measureGrowth = async ({
  processes,
  loader,
  runtime,
  orders,
  seconds,
  warmSeconds,
  rounds,
  tell,
}: {
  processes: Processes;
  loader: Loader;
  runtime: Runtime;
  orders: number;
  seconds: number;
  warmSeconds: number;
  rounds: number;
  tell: (text: string) => void;
}): Promise<Growth> => {
  /** A store that a Till has made and left in order. */
  const madeStore = async (): Promise<Services> => {
    const services = await prepareServices(processes, runtime);
    await services.start();
    await services.ready();
    await services.stop();
    return services;
  };

  const measure = async (services: Services, ordersThere: number): Promise<GrowthSample> => {
    const startMs = monotonicMs();
    await services.start();
    await services.ready();
    const readyMs = monotonicMs() - startMs;
    const load = (requests: LoadRequest[], connections = CLIENTS, forSeconds = seconds) =>
      loader.run({ url: services.url, requests, connections, seconds: forSeconds });
    let failed = 0;
    let made = 0;
    const order = async (connections?: number, forSeconds?: number) => {
      const result = await load(orderRequests, connections, forSeconds);
      failed += result.failed;
      made += result.count - result.failed;
      return result;
    };
    await warmUp((forSeconds) => order(WARM_CLIENTS, forSeconds), { secondsMax: warmSeconds });
    const ordering = await order();
    const querying = await load(queryRequests(ordersThere + made));
    const leaderBytes = residentBytes(services.service(LEADER).pid);
    await services.stop();
    return {
      readyMs,
      leaderBytes,
      ordersPerSecond: ordering.perSecond,
      queriesPerSecond: querying.perSecond,
      failed: failed + querying.failed,
    };
  };

  const growth: Growth = { runtime, orders, without: [], with: [] };
  tell(`growth: writing a store of ${orders} orders`);
  const large = await madeStore();
  await writeOrders(large.dataFolder, orders);
  for (let round = 1; round <= rounds; round += 1) {
    growth.without.push(await measure(await madeStore(), 0));
    growth.with.push(await measure(large, orders));
    const [without, grown] = [growth.without.at(-1), growth.with.at(-1)];
    tell(
      `growth, round ${round} of ${rounds}: ready after ${Math.round(without?.readyMs ?? 0)} and ${Math.round(grown?.readyMs ?? 0)} ms`,
    );
  }
  return growth;
};

export const GROWTH_HEAD = ['figure', 'without', 'with so many', 'with ÷ without'];

export const growthRows = ({ runtime, orders, without, with: grown }: Growth): Cell[][] => {
  const spread = (samples: GrowthSample[], figure: keyof GrowthSample): Spread | null =>
    spreadOf(samples.map((sample) => sample[figure]).filter((value) => value !== null));
  const row = (title: string, figure: keyof GrowthSample, scale: number): Cell[] => {
    const [before, after] = [spread(without, figure), spread(grown, figure)];
    if (before === null || after === null) return [title, 'not known', 'not known', ''];
    return [
      title,
      rounded(before.median * scale),
      rounded(after.median * scale),
      (after.median / before.median).toFixed(2),
    ];
  };
  const [least, most] = [spread(without, 'leaderBytes'), spread(grown, 'leaderBytes')];
  return [
    [`orders in the store (${runtime})`, '0', orders.toLocaleString('en'), ''],
    row('ready after, s', 'readyMs', 1 / 1000),
    row('memory of the leader, MB', 'leaderBytes', 2 ** -20),
    [
      'memory of the leader for each order, bytes',
      '',
      least === null || most === null ? 'not known' : rounded((most.median - least.median) / orders),
      '',
    ],
    row('orders/s, 32 clients', 'ordersPerSecond', 1),
    row('order queries/s, 32 clients', 'queriesPerSecond', 1),
  ];
};

const rounded = (value: number): string => (value >= 100 ? Math.round(value).toLocaleString('en') : value.toFixed(2));
