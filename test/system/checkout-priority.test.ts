/**
 * In which order checkouts that wait are executed, as the journal tells it. To make them wait, whoever is to take them in is
 * stopped until all of them are at the front: then they come into the log together, before any of them is executed.
 */
import { limits } from '@till/shared/limits';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { books, type CheckoutAnswer, checkoutOf, getCheckout, outcomeOf, postCheckout } from './bookshop.ts';
import {
  allExecuted,
  assertOneByOne,
  byPriority,
  inOrderOfExecution,
  type JournalCheckout,
  readCheckouts,
  waitingOf,
} from './checkout-ledger.ts';
import { inSync, leaderOf } from './in-sync.ts';
import { PLENTY } from './products.ts';
import { assertProven } from './proof.ts';
import { scenario } from './scenario.ts';
import { type ChildRunner, openTill, type Till } from './till.ts';
import { until } from './until.ts';

const TITLE = 'Book-1';
/** As many as there are batches on their way go alone; all after them come into the log together. */
const ALONE = limits.batchesOnTheWayMax;
const WEIGHTS = [1, 3, 2, 1, 5, 2];

const open = (settings: Record<string, string> = {}) =>
  openTill({
    seed: books('Book', { count: 1, quantity: PLENTY }),
    // Neither the replica that stands still nor who waits for it is given up, however slow the machine is.
    settings: {
      RESTOCK_EVERY_MS: '0',
      SUSPECT_AFTER_MS: '60000',
      REQUEST_WAIT_MS: '60000',
      CHECK_WAIT_MS: '60000',
      ...settings,
    },
  });

/**
 * Approved checkouts that came into the log together, but for the first few, which may have been executed before the others
 * were there.
 */
const checkOutTogether = async (till: Till<ChildRunner>, count: number): Promise<CheckoutAnswer[]> => {
  const leader = `order-${await leaderOf(till)}`;
  const post = (at: number): Promise<CheckoutAnswer> => {
    const items = [{ name: TITLE, quantity: WEIGHTS[at % WEIGHTS.length] ?? 1 }];
    return postCheckout(till.url, checkoutOf(`reader-${at}@example.com`, items));
  };
  const areHeld = (what: string, posts: Promise<CheckoutAnswer>[]): Promise<unknown> => {
    const early = Promise.race(posts).then(({ text }) =>
      assert.unreachable(`answered while the leader stands still: ${text}`),
    );
    const held = until(what, async () => {
      const counts = await Promise.all(['queued', 'on_the_way'].map((name) => till.shop.metric(`till_orders_${name}`)));
      return counts.reduce((sum, one) => sum + one, 0) === posts.length;
    });
    return Promise.race([held, early]);
  };
  await till.pause(leader);
  const all: Promise<CheckoutAnswer>[] = [];
  while (all.length < ALONE) {
    all.push(post(all.length));
    await areHeld('one more is at the front', all);
    await until('it is on its way', async () => (await till.shop.metric('till_orders_on_the_way')) === all.length);
  }
  while (all.length < count) all.push(post(all.length));
  await areHeld('all of them are', all);
  await till.resume(leader);
  const answers = await Promise.all(all);
  for (const { status, data, text } of answers) assert.equal([status, data.status], [200, 'Order Approved'], text);
  return answers;
};

const ids = (checkouts: JournalCheckout[]): string[] => checkouts.map(({ id }) => id);

const areTogether = (checkouts: JournalCheckout[]): JournalCheckout[] =>
  checkouts.filter(({ arrival }) => arrival >= ALONE);

const assertInOrder = (checkouts: JournalCheckout[]): void => {
  const others = areTogether(checkouts);
  const sequences = others.map(({ sequence }) => sequence);
  assert.equal(
    sequences,
    sequences.map((_, at) => (sequences[0] ?? 0) + at),
    'not together',
  );
  assert.equal(ids(inOrderOfExecution(others)), ids([...others].sort(byPriority)));
};

scenario('many at once: the heavier go first, what has waited weighs more', open, async (till) => {
  await till.run.start(till.names);
  await till.ready();
  // More than two goes of the leader.
  await checkOutTogether(till, 150);
  const checkouts = await allExecuted(till.dataFolder);
  assertInOrder(checkouts);

  // In words, and not by a formula: of equals the earlier; the heavier before the lighter; but not before one that ten
  // others for each book have joined behind.
  const executed = inOrderOfExecution(areTogether(checkouts));
  for (const weight of WEIGHTS) {
    const equals = executed.filter(({ books }) => books === weight).map(({ arrival }) => arrival);
    assert.equal(
      equals,
      [...equals].sort((a, b) => a - b),
      `those with ${weight} books`,
    );
  }
  const placeOf = (arrival: number): number => executed.findIndex((one) => one.arrival === arrival);
  const booksOf = (arrival: number): number => checkouts[arrival]?.books ?? 0;
  const light = executed.find(({ books, arrival }) => books === 1 && arrival < 10)?.arrival ?? 0;
  const laterHeavy = executed
    .map(({ arrival }) => arrival)
    .filter((arrival) => booksOf(arrival) === 5 && arrival > light);
  assert.ok(
    laterHeavy.some((arrival) => placeOf(arrival) < placeOf(light)),
    'a heavier one overtakes',
  );
  for (const arrival of laterHeavy) {
    assert.is(placeOf(arrival) < placeOf(light), arrival - light < 40, `${arrival} against ${light}`);
  }
  assert.is(await assertProven(till), 150);
});

scenario(
  'one by one, as the lead goes round',
  () => open({ ROTATE_LEADER: '1' }),
  async (till) => {
    await till.run.start(till.names);
    await till.ready();
    await checkOutTogether(till, 30);
    const checkouts = await allExecuted(till.dataFolder);
    assertInOrder(checkouts);
    assertOneByOne(checkouts);
    await inSync(till);
    assert.is(await assertProven(till), 30);
  },
);

scenario(
  'everything dies in the middle of the queue, and it goes on as it was',
  () => open({ ROTATE_LEADER: '1' }),
  async (till) => {
    await till.run.start(till.names);
    await till.ready();
    const approved = await checkOutTogether(till, 40);
    const look = () => Promise.all(approved.map(({ data }) => getCheckout(till.url, data.orderId ?? '')));
    await until('some are executed', () => inOrderOfExecution(readCheckouts(till.dataFolder)).length >= 5);
    const seen = await look();
    await Promise.all(till.names.map((name) => till.kill(name)));

    const then = readCheckouts(till.dataFolder);
    assert.equal(then.map(({ id }) => id).sort(), approved.map(({ data }) => data.orderId).sort());
    assert.ok(waitingOf(then).length > 0, 'some still wait');
    await till.run.start(till.names);
    const checkouts = await allExecuted(till.dataFolder);
    await inSync(till);
    assert.equal(
      ids(inOrderOfExecution(checkouts)).slice(0, 5),
      ids(inOrderOfExecution(then)).slice(0, 5),
      'what was executed stays so',
    );
    assertInOrder(checkouts);
    assertOneByOne(checkouts);
    assert.ok(checkouts.every(({ outcomes }) => outcomes.length === 1));
    const outcomes = await Promise.all(approved.map(({ data }) => outcomeOf(till.url, data.orderId ?? '')));
    for (const [at, { data }] of outcomes.entries()) {
      assert.is(data.status, 'placed');
      if (seen[at]?.data.status === 'placed') assert.equal(data, seen[at]?.data);
    }
    assert.is(await assertProven(till), 40);
  },
);

test.run();
