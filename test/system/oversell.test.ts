/** Nothing is sold that is not there, and nothing that is no order moves anything, however many ask at once. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { orderNumbers, readJournal } from './ledger.ts';
import { products } from './products.ts';
import { assertProven } from './proof.ts';
import { scenario } from './scenario.ts';
import { openTill, type Runner, type Till } from './till.ts';

const [THING, OTHER, SCARCE] = ['Thing-1', 'Thing-2', 'Scarce-1'];
const open = () =>
  openTill({
    seed: [...products('Thing', { count: 3, quantity: 100 }), ...products('Scarce', { count: 1, quantity: 5 })],
  });

const startAll = async (till: Till<Runner>): Promise<void> => {
  await till.run.start(till.names);
  await till.ready();
};

scenario('30 clients that want 10 each of 100: exactly 10 get them', open, async (till) => {
  await startAll(till);
  const answers = await Promise.all(Array.from({ length: 30 }, () => till.shop.post({ name: THING, quantity: 10 })));
  const numbers = answers.filter(({ status }) => status === 200).map(({ body }) => Number(body.data?.order_number));
  assert.equal(
    numbers.sort((a, b) => a - b),
    Array.from({ length: 10 }, (_, at) => at),
  );
  const refusals = answers.filter(({ status }) => status !== 200);
  assert.is(refusals.length, 20);
  for (const { status, body } of refusals) {
    assert.is(status, 400);
    assert.is(body.error?.reason, 'out_of_stock');
  }
  assert.is(await till.shop.quantityOf(THING), 0);
  assert.is(await assertProven(till), 10);
});

scenario('lines of one product on one order count together', open, async (till) => {
  await startAll(till);
  const { shop } = till;
  const items = [
    { name: THING, quantity: 60 },
    { name: OTHER, quantity: 1 },
    { name: THING.toUpperCase(), quantity: 41 },
  ];
  const refused = await shop.post({ items });
  assert.is(refused.status, 400);
  assert.is(refused.body.error?.reason, 'out_of_stock');
  assert.is(await shop.quantityOf(THING), 100);
  assert.is(await shop.quantityOf(OTHER), 100, 'all or nothing');

  // Many at once, each of two lines that only fit together once more often than apart.
  const halves = [OTHER, SCARCE, OTHER].map((name) => ({ name, quantity: name === SCARCE ? 1 : 10 }));
  const answers = await Promise.all(Array.from({ length: 12 }, () => shop.post({ items: halves })));
  assert.is(answers.filter(({ status }) => status === 200).length, 5);
  assert.ok(answers.every(({ status, body }) => status === 200 || body.error?.reason === 'out_of_stock'));
  assert.is(await shop.quantityOf(OTHER), 0);
  assert.is(await shop.quantityOf(SCARCE), 0);
  assert.is(await assertProven(till), 5);
});

scenario('quantities that are none change nothing', open, async (till) => {
  await startAll(till);
  const { shop } = till;
  const before = readJournal(till.dataFolder).length;
  const quantities = [0, -5, 1.5, 'ten', null, true, [], {}, '', '-1', '1.5', '1e2', 1_000_001, 1e300, undefined];
  for (const quantity of quantities) {
    for (const body of [
      { name: THING, quantity },
      { name: THING, quantity, type: 'sell' },
      {
        items: [
          { name: OTHER, quantity: 1 },
          { name: THING, quantity },
        ],
      },
    ]) {
      const { status, body: answer } = await shop.post(body);
      assert.is(status, 400, `${JSON.stringify(body)}: ${JSON.stringify(answer)}`);
      assert.is(answer.error?.code, 400);
      assert.ok(answer.error?.reason);
      assert.is.not(answer.error?.reason, 'out_of_stock');
    }
  }
  assert.is(await shop.quantityOf(THING), 100);
  assert.is(await shop.quantityOf(OTHER), 100);
  assert.is((await shop.get('/orders/0')).status, 404);
  assert.is(readJournal(till.dataFolder).length, before, 'nothing was decided');
  assert.equal((await shop.post({ name: THING, quantity: 1 })).body, { data: { order_number: 0 } });
  assert.is(await assertProven(till), 1);
});

scenario('200 requests at once with one key are one order', open, async (till) => {
  await startAll(till);
  const { shop } = till;
  const answers = await Promise.all(
    Array.from({ length: 200 }, () => shop.post({ name: THING, quantity: 3 }, 'the one key')),
  ).catch(() => []);
  // A key has no blanks in it.
  assert.ok(answers.every(({ status }) => status === 400));

  const placed = await Promise.all(
    Array.from({ length: 200 }, () => shop.post({ name: THING, quantity: 3 }, 'the-one-key')),
  );
  for (const { status, body } of placed) {
    assert.is(status, 200, JSON.stringify(body));
    assert.equal(body, { data: { order_number: 0 } });
  }
  const fresh = placed.filter(({ headers }) => headers['idempotent-replayed'] === undefined);
  assert.ok(fresh.length <= 1, 'at most one is told that it was the first');
  assert.is(await shop.quantityOf(THING), 97);

  // The same key for another order, and the last units for a refusal under a key, asked for again and again.
  assert.is((await shop.post({ name: THING, quantity: 4 }, 'the-one-key')).status, 422);
  const refusals = await Promise.all(
    Array.from({ length: 50 }, () => shop.post({ name: SCARCE, quantity: 6 }, 'too-many')),
  );
  assert.ok(refusals.every(({ status, body }) => status === 400 && body.error?.reason === 'out_of_stock'));
  assert.equal(orderNumbers(readJournal(till.dataFolder)), [0]);
  assert.is(readJournal(till.dataFolder).filter(({ kind }) => kind === 'rejection').length, 1);
  assert.is(await assertProven(till), 1);
});

test.run();
