/** The lead goes to the next replica after each executed checkout, if that is asked for, and nobody notices. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { books, checkoutOf, getCheckout, postCheckout } from './bookshop.ts';
import { allExecuted, assertOneByOne } from './checkout-ledger.ts';
import { collectRecords, type History, termsOf } from './cluster-history.ts';
import { inSync } from './in-sync.ts';
import { PLENTY } from './products.ts';
import { assertProven } from './proof.ts';
import { scenario } from './scenario.ts';
import { openTill, type Runner, type Till } from './till.ts';
import { until } from './until.ts';

const TITLE = 'Book-1';
const seed = books('Book', { count: 2, quantity: PLENTY });
const open =
  (settings: Record<string, string>, replicas = 3) =>
  () =>
    openTill({ seed, replicas, settings: { RESTOCK_EVERY_MS: '0', CHECK_WAIT_MS: '20000', ...settings } });
const openRotating = open({ ROTATE_LEADER: '1' });

const startAll = async (till: Till<Runner>): Promise<void> => {
  await till.run.start(till.names);
  await till.ready();
};

let readers = 0;

/** Returns its id. */
const checkOut = async (till: Till<Runner>, books = 1): Promise<string> => {
  readers += 1;
  const details = checkoutOf(`reader-${readers}@example.com`, [{ name: TITLE, quantity: books }]);
  const { status, data, text } = await postCheckout(till.url, details);
  assert.equal([status, data.status], [200, 'Order Approved'], text);
  return data.orderId ?? '';
};

/** No look at it fails meanwhile. */
const isPlaced = (till: Till<Runner>, id: string) =>
  until(`checkout ${id} is placed`, async () => {
    const { status, data, text } = await getCheckout(till.url, id);
    assert.is(status, 200, text);
    return data.status === 'placed';
  });

/** Orders one after another until told to stop; each must be made at the first attempt. Returns how many. */
const startOrders = (till: Till<Runner>, clients: number) => {
  let ordering = true;
  let failure: unknown = null;
  const order = async (): Promise<number> => {
    let made = 0;
    while (ordering) {
      const { status, body } = await till.shop.post({ name: 'Book-2', quantity: 1 });
      assert.is(status, 200, JSON.stringify(body));
      made += 1;
    }
    return made;
  };
  const ended = Promise.all(Array.from({ length: clients }, order));
  ended.catch((error) => {
    failure = error;
  });
  return {
    check() {
      if (failure !== null) throw failure;
    },
    async finish(): Promise<number> {
      ordering = false;
      return (await ended).reduce((sum, made) => sum + made, 0);
    },
  };
};

const idsOf = (members: { id: number }[]): number[] => members.map(({ id }) => id);

/** Whoever led before: the next id in the set is the turn's, after the highest the lowest. */
const nextOf = (leader: number, ids: number[]): number | undefined => ids.find((id) => id > leader) ?? ids[0];

/** Each change of leader among the records, where the one before it was seen too, went to whose turn it was. */
const assertTurns = (history: History, least: number): void => {
  const records = history.records();
  let turns = 0;
  for (const [at, record] of records.entries()) {
    const before = records[at - 1];
    if (before?.version !== record.version - 1 || before.term === record.term || before.leader === null) continue;
    assert.is(record.term, before.term + 1);
    assert.is(record.leader?.id, nextOf(before.leader.id, idsOf(before.inSync)), JSON.stringify(record));
    assert.equal(idsOf(record.inSync), idsOf(before.inSync), 'nobody left');
    turns += 1;
  }
  assert.ok(turns >= least, `${turns} changes of leader were seen`);
};

scenario('3, 1, 2, 3 and so on, under orders that go on; without who is away', openRotating, async (till) => {
  await startAll(till);
  const orders = startOrders(till, 4);
  let { leader, term } = await till.cluster();
  const handedOn = async (): Promise<number> => {
    await isPlaced(till, await checkOut(till));
    const view = await until('another one leads', async () => {
      orders.check();
      const now = await till.cluster();
      return now.leader !== null && now.leader !== leader && now;
    });
    assert.is(view.term, term + 1, 'one checkout, one turn');
    ({ leader, term } = view);
    return leader ?? 0;
  };
  const some = async (count: number): Promise<number[]> => {
    const leaders: number[] = [];
    while (leaders.length < count) leaders.push(await handedOn());
    return leaders;
  };

  assert.is(leader, 3);
  assert.equal(await some(7), [1, 2, 3, 1, 2, 3, 1]);
  assert.is(term, 8);
  await until('the log says so', () => termsOf(till.dataFolder).join() === '1,2,3,4,5,6,7,8');

  await till.run.stop('order-2');
  await inSync(till, [1, 3]);
  assert.equal(await some(3), [3, 1, 3]);
  await till.run.start(['order-2']);
  await inSync(till);
  assert.equal(await some(4), [1, 2, 3, 1]);

  const made = await orders.finish();
  assert.ok(made > 0);
  const checkouts = await allExecuted(till.dataFolder);
  assertOneByOne(checkouts);
  assert.is(await assertProven(till), made + checkouts.length);
  // Nothing else changes the leader: neither a while without checkouts nor that a higher id is in sync.
  assert.is((await till.cluster()).term, term);
  assert.is((await till.cluster()).leader, 1);
});

scenario('many checkouts at once, orders between them, and no request fails', openRotating, async (till) => {
  await startAll(till);
  const history = collectRecords(till.dataFolder);
  try {
    const { term } = await till.cluster();
    const orders = startOrders(till, 6);
    const ids = await Promise.all(Array.from({ length: 30 }, (_, at) => checkOut(till, 1 + (at % 4))));
    for (const id of ids) await isPlaced(till, id);
    orders.check();
    await inSync(till);
    const made = await orders.finish();

    // One turn for each, but for a turn that cannot be given in time: the leader goes on then.
    const turns = (await till.cluster()).term - term;
    assert.ok(turns > 20 && turns <= 30, `${turns} turns`);
    assertTurns(history, 10);
    assertOneByOne(await allExecuted(till.dataFolder));
    assert.is(await assertProven(till), made + ids.length);
    assert.equal((await till.verify()).checkouts, { queued: 0, placed: 30, refused: 0 });
  } finally {
    history.stop();
  }
});

scenario(
  'a replica alone has nobody to hand the lead to, and goes on',
  open({ ROTATE_LEADER: '1' }, 1),
  async (till) => {
    await startAll(till);
    const { term } = await till.cluster();
    const ids = await Promise.all(Array.from({ length: 10 }, () => checkOut(till)));
    for (const id of ids) await isPlaced(till, id);
    assert.is((await till.cluster()).term, term);
    assert.is(await assertProven(till), 10);
  },
);

scenario('without the setting the lead stays where it is', open({}), async (till) => {
  await startAll(till);
  const { term, version } = await till.cluster();
  const ids = await Promise.all(Array.from({ length: 10 }, () => checkOut(till)));
  for (const id of ids) await isPlaced(till, id);
  for (let more = 0; more < 3; more += 1) await isPlaced(till, await checkOut(till));
  const now = await till.cluster();
  assert.equal([now.leader, now.term, now.version], [3, term, version]);
  assert.is(termsOf(till.dataFolder).length, 1);
  assert.is(await assertProven(till), 13);
});

test.run();
