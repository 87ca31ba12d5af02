/**
 * Buyers who check out, order and look after what they bought for as long as a test needs them, whatever happens to the
 * services. What has no answer is sent again under its key, and some of what has one is, too.
 */
import { sleep } from '@till/shared/clock';
import { type Random, randomInteger, randomItem } from '@till/shared/random';
import * as assert from 'uvu/assert';
import { type Connection, createConnection } from '../../bin/lib/client-connection.ts';
import { checkoutOf, type Details, insist, outcomeOf, postCheckout } from './bookshop.ts';
import { allExecuted } from './checkout-ledger.ts';
import { assertProven } from './proof.ts';
import type { Runner, Till } from './till.ts';
import { until } from './until.ts';

/** A checkout that was approved. */
export type Bought = { key: string; details: Details; id: string };
/** `orders`: how many plain orders were acknowledged. */
export type Purchases = { bought: Bought[]; orders: number };

export type Buyers = {
  /** Waits for some more purchases: more than could have been on their way before. Throws what went wrong for a buyer. */
  goesOn(): Promise<void>;
  count(): number;
  finish(): Promise<Purchases>;
  /** Nobody buys any more, and nothing is on its way: also for a test that has failed. */
  end(): Promise<void>;
};

type Plan = { buyers: number; titles: string[]; thinkMs: number; random: Random };

/** Every how manieth purchase is a plain order. */
const ORDER_EVERY = 5;
const BOOKS_MAX = 4;
const WATCHERS = 2;
const RETRY_FOR_MS = 90_000;

export const startBuyers = (till: Till<Runner>, { buyers, titles, thinkMs, random }: Plan): Buyers => {
  const bought: Bought[] = [];
  const connections: Connection[] = [];
  let orders = 0;
  let buying = true;
  let failure: unknown = null;

  const connect = (): Connection => {
    const connection = createConnection({ url: till.url, retryForMs: RETRY_FOR_MS, onRetry: () => {} });
    connections.push(connection);
    return connection;
  };

  const checkOut = async (connection: Connection, key: string, details: Details): Promise<string> => {
    const answer = await connection.send({ method: 'POST', path: '/checkout', body: details, key });
    const { data } = answer.body as { data?: { orderId: string; status: string } };
    assert.equal([answer.status, data?.status], [200, 'Order Approved'], `${key}: ${JSON.stringify(answer.body)}`);
    return data?.orderId ?? '';
  };

  const buy = async (buyer: number): Promise<void> => {
    const connection = connect();
    for (let turn = 0; buying; turn += 1) {
      const key = `buyer-${buyer}-${turn}`;
      const items = Array.from({ length: randomInteger(random, { min: 1, max: 2 }) }, () => ({
        name: randomItem(random, titles),
        quantity: randomInteger(random, { min: 1, max: BOOKS_MAX }),
      }));
      if (turn % ORDER_EVERY === ORDER_EVERY - 1) {
        const answer = await connection.send({ method: 'POST', path: '/orders', body: { items }, key });
        // Nothing else is wrong with it than that there may be too few.
        assert.ok(answer.status === 200 || answer.status === 400, `${key}: ${JSON.stringify(answer.body)}`);
        if (answer.status === 200) orders += 1;
      } else {
        const details = checkoutOf(`${key}@example.com`, items);
        const id = await checkOut(connection, key, details);
        bought.push({ key, details, id });
        if (random() < 0.3) assert.is(await checkOut(connection, key, details), id, `${key} again`);
      }
      await sleep(thinkMs);
    }
  };

  /** What was said of a checkout, and what stands: an outcome does not change, and is not taken back. */
  const seen = new Map<string, unknown>();
  const watch = async (): Promise<void> => {
    const connection = connect();
    while (buying) {
      await sleep(5);
      if (bought.length === 0) continue;
      const { id } = randomItem(random, random() < 0.5 ? bought.slice(-20) : bought);
      const before = seen.get(id);
      const answer = await connection.send({ method: 'GET', path: `/checkout/${id}` });
      assert.is(answer.status, 200, `${id}: ${JSON.stringify(answer.body)}`);
      const { data } = answer.body as { data: { status: string } };
      if (before !== undefined) assert.equal(data, before, `${id} has changed`);
      if (data.status !== 'queued') seen.set(id, data);
    }
  };

  const work = Promise.all([
    ...Array.from({ length: buyers }, (_, buyer) => buy(buyer)),
    ...Array.from({ length: WATCHERS }, watch),
  ]);
  work.catch((error) => {
    failure = error;
    buying = false;
  });

  const count = (): number => bought.length + orders;
  return {
    count,
    async goesOn() {
      const before = count();
      await until('more purchases', () => {
        if (failure !== null) throw failure;
        return count() > before + 2 * buyers;
      });
    },
    async finish() {
      buying = false;
      await work;
      return { bought, orders };
    },
    async end() {
      buying = false;
      await Promise.all(connections.map((connection) => connection.close()));
    },
  };
};

/**
 * Each checkout that was approved has one outcome, which its id, its key and the journal tell alike, and there is none that
 * was not approved. Call it when nobody buys. Returns how many were placed and refused.
 */
export const assertBought = async (till: Till<Runner>, { bought, orders }: Purchases) => {
  const checkouts = await allExecuted(till.dataFolder);
  const approved = new Map(bought.map((one) => [one.id, one]));
  assert.is(approved.size, bought.length, 'no id was given twice');
  assert.is(checkouts.length, bought.length, 'all that was approved was queued, and nothing else');

  let placed = 0;
  for (const { id, key, lines, outcomes } of checkouts) {
    const [outcome, ...others] = outcomes;
    assert.equal(others, [], `${id} was executed once`);
    const number = outcome?.number ?? null;
    if (number !== null) placed += 1;
    const asked = approved.get(id);
    assert.equal([asked?.key, asked?.details.items], [key, lines]);
    const { data } = await outcomeOf(till.url, id);
    if (number === null) assert.equal([data.status, data.reason], ['refused', 'out_of_stock']);
    else assert.equal(data, { orderId: id, status: 'placed', order_number: number });
  }
  for (const { key, details, id } of bought.slice(-10)) {
    const again = await insist(`${key} again`, () => postCheckout(till.url, details, key));
    assert.equal([again.status, again.data.orderId, again.isReplayed], [200, id, true], again.text);
  }

  assert.is(await assertProven(till), placed + orders);
  const refused = bought.length - placed;
  assert.equal((await till.verify()).checkouts, { queued: 0, placed, refused });
  return { placed, refused };
};
