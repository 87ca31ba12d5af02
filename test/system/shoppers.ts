/**
 * Load that knows what it must be shown. Each product has one writer, so that after each acknowledgement its stock is known
 * exactly, and many readers. A product goes through states 0, 1, 2 ...; each has its quantity. A read that begins when
 * state k was acknowledged, or shown to anybody, must show k or a later one that was asked for.
 */
import { sleep } from '@till/shared/clock';
import { randomName } from '@till/shared/random';
import { Pool } from 'undici';
import type { Shop } from './shop.ts';
import { until } from './until.ts';

export type ProductRun = {
  name: string;
  /** What one order takes. */
  lump: number;
  quantityAt(state: number): number;
  /** The states from which on the quantities come again: for a product that is restocked. */
  period: number;
};

/** Stock that lasts: each order makes it less, no quantity comes twice. */
export const lastingRun = (name: string, quantity: number): ProductRun => ({
  name,
  lump: 1,
  quantityAt: (state) => quantity - state,
  period: Number.POSITIVE_INFINITY,
});

/** Stock that is sold out by `lumps` orders and then refilled. */
export const restockedRun = (name: string, quantity: number, lumps: number): ProductRun => ({
  name,
  lump: quantity / lumps,
  quantityAt: (state) => quantity - (state % (lumps + 1)) * (quantity / lumps),
  period: lumps + 1,
});

export type ShopperCounts = {
  orders: number;
  restocks: number;
  /** Reads of one product that began after its last order was acknowledged. */
  readsAfterAcknowledgement: number;
  /** All requests for one product, whatever their answer. */
  lookups: number;
  /** Requests that were answered "not now" and made again. */
  retries: number;
};

type Shelf = ProductRun & { shown: number; asked: number };

const CONNECTIONS = 16;
const READS_PIPELINED = 4;
const READS_PER_ORDER = 25;
const ANSWER_WITHIN_MS = 30_000;

/** Orders and reads until that is enough. Throws at the first read that is wrong. */
export const runShoppers = async ({
  url,
  shop,
  runs,
  isEnough,
}: {
  url: string;
  shop: Shop;
  runs: ProductRun[];
  isEnough: (counts: ShopperCounts) => boolean;
}): Promise<ShopperCounts> => {
  const pool = new Pool(url, {
    connections: CONNECTIONS,
    pipelining: READS_PIPELINED,
    headersTimeout: ANSWER_WITHIN_MS,
    bodyTimeout: ANSWER_WITHIN_MS,
  });
  const shelves = runs.map((run): Shelf => ({ ...run, shown: 0, asked: 0 }));
  const counts: ShopperCounts = { orders: 0, restocks: 0, readsAfterAcknowledgement: 0, lookups: 0, retries: 0 };
  let failed = false;
  const isOver = () => failed || isEnough(counts);

  /** null: not now. */
  const get = async (path: string): Promise<unknown> => {
    const answer = await pool.request({ method: 'GET', path }).catch(() => null);
    if (answer === null) return null;
    const text = await answer.body.text();
    if (answer.statusCode === 503) return null;
    if (answer.statusCode !== 200) throw new Error(`GET ${path}: ${answer.statusCode} ${text}`);
    return (JSON.parse(text) as { data: unknown }).data;
  };

  const take = (shelf: Shelf, { quantity, from, how }: { quantity: number; from: number; how: string }): void => {
    const state = stateOf(shelf, quantity, from);
    const isSoldOut = shelf.quantityAt(shelf.asked) === 0;
    const last = shelf.asked + (isSoldOut ? 1 : 0);
    if (state === null || state > last) {
      const known = `state ${from} (${shelf.quantityAt(from)} left) was known before, ${shelf.asked} asked for`;
      throw new Error(`Stale or wrong: ${how} shows ${quantity} of ${shelf.name}; ${known}`);
    }
    shelf.shown = Math.max(shelf.shown, state);
  };

  const look = async (shelf: Shelf): Promise<void> => {
    while (!failed) {
      const from = shelf.shown;
      counts.lookups += 1;
      const data = (await get(`/products/${shelf.name}`)) as { quantity: number } | null;
      if (data !== null) return take(shelf, { quantity: data.quantity, from, how: 'the lookup' });
      counts.retries += 1;
      await sleep(20);
    }
  };

  const list = async (): Promise<void> => {
    const from = new Map(shelves.map(({ name, shown }) => [name, shown]));
    const data = (await get('/products')) as { name: string; quantity: number }[] | null;
    for (const shelf of shelves) {
      const found = data?.find(({ name }) => name === shelf.name);
      if (found) take(shelf, { quantity: found.quantity, from: from.get(shelf.name) ?? 0, how: 'the list' });
    }
  };

  const order = async (shelf: Shelf): Promise<void> => {
    shelf.asked += 1;
    const key = randomName();
    await until(`an order of ${shelf.name}`, async () => {
      const answer = await shop.post({ name: shelf.name, quantity: shelf.lump }, key).catch(() => null);
      if (answer?.status === 200 || failed) return true;
      if (answer !== null && answer.status !== 503 && answer.status !== 409) {
        throw new Error(`An order of ${shelf.name}: ${answer.status} ${JSON.stringify(answer.body)}`);
      }
      counts.retries += 1;
      return false;
    });
    counts.orders += 1;
    shelf.shown = Math.max(shelf.shown, shelf.asked);
  };

  const write = async (shelf: Shelf): Promise<void> => {
    while (!isOver()) {
      await order(shelf);
      await Promise.all(Array.from({ length: READS_PER_ORDER }, () => look(shelf)));
      counts.readsAfterAcknowledgement += READS_PER_ORDER;
      if (shelf.quantityAt(shelf.asked) > 0) continue;
      await until(`${shelf.name} is restocked`, async () => {
        await look(shelf);
        return failed || shelf.shown > shelf.asked;
      });
      shelf.asked = shelf.shown;
      counts.restocks += 1;
    }
  };

  /** Reads that fall at any moment of an order. */
  const browse = async (first: number): Promise<void> => {
    for (let at = first; !isOver(); at += 1) {
      await look(shelves[at % shelves.length] as Shelf);
      if (at % 50 === 0) await list();
    }
  };

  try {
    const work = [...shelves.map(write), browse(0), browse(1), browse(7)];
    await Promise.all(
      work.map((one) =>
        one.catch((error: unknown) => {
          failed = true;
          throw error;
        }),
      ),
    );
    return counts;
  } finally {
    await Promise.allSettled([pool.destroy()]);
  }
};

/** The first state from `from` on that has this quantity; null if there is none. */
const stateOf = ({ quantityAt, period }: ProductRun, quantity: number, from: number): number | null => {
  if (period === Number.POSITIVE_INFINITY) {
    const state = quantityAt(0) - quantity;
    return state >= from ? state : null;
  }
  for (let state = from; state < from + period; state += 1) if (quantityAt(state) === quantity) return state;
  return null;
};
