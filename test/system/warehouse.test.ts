/** A warehouse that is asked before each order, on a whole Till: what it says counts, and that it is down is remembered. */
import { monotonicMs } from '@till/shared/clock';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import {
  SHOPIFY_WAITS_MS,
  sendWebhook,
  shopifyId,
  shopifyOrder,
  shopifySignature,
  type Topic,
  type WebhookAnswer,
} from '../fakes/shopify-sender.ts';
import { type FakeWarehouse, startFakeWarehouse } from '../fakes/warehouse.ts';
import { readJournal } from './ledger.ts';
import { products } from './products.ts';
import { assertProven } from './proof.ts';
import { scenario } from './scenario.ts';
import type { Answer } from './shop.ts';
import { type ChildRunner, openTill, type Till, type TillOptions } from './till.ts';
import { until } from './until.ts';

const SECRET = 'a-secret-of-the-test';
const [FOX, OTHER, NEW] = ['Fox-1', 'Fox-2', 'Fox-3'];
/** Longer than any test. */
const FOR_EVER_MS = 3_600_000;

let warehouse: FakeWarehouse;
test.after.each(() => warehouse.close());

/** It has 1000 of all but the last, of which it never heard. */
const open =
  ({ holdMs, runtime = 'node' }: { holdMs: number; runtime?: NonNullable<TillOptions['runtime']> }) =>
  async (): Promise<Till<ChildRunner>> => {
    warehouse = await startFakeWarehouse({ stock: { [FOX]: 1000, [OTHER]: 1000 } });
    return openTill({
      runtime,
      seed: products('Fox', { count: 3, quantity: 100 }),
      settings: {
        SHOPIFY_SECRETS: SECRET,
        WMS_URL: warehouse.url,
        WMS_HOLD_MS: String(holdMs),
        REQUEST_WAIT_MS: '30000',
      },
    });
  };

const start = async (till: Till<ChildRunner>) => {
  await till.run.start(till.names);
  await till.ready();
  const send = (topic: Topic, at: number, lines: { sku: string; quantity: number }[]): Promise<WebhookAnswer> => {
    const text = shopifyOrder(shopifyId(at), lines, topic);
    return sendWebhook(till.url, { topic, text, signature: shopifySignature(SECRET, text) });
  };
  return { shop: till.shop, send };
};

/** What is asked while something goes on. */
const questionsDuring = async (play: () => Promise<unknown>): Promise<string[]> => {
  const before = warehouse.calls().length;
  await play();
  return warehouse.calls().slice(before).sort();
};

const toldOf = ({ status, body }: Pick<Answer, 'status' | 'body'>): string =>
  `${status} ${body.error?.reason ?? JSON.stringify(body.data)}`;

const one = (sku: string, quantity = 1) => [{ sku, quantity }];

for (const runtime of ['node', 'bun', 'deno'] as const) {
  scenario(
    `every line is asked for, and what the warehouse says counts (${runtime})`,
    open({ holdMs: FOR_EVER_MS, runtime }),
    async (till) => {
      const { shop, send } = await start(till);
      const asked = await questionsDuring(async () => {
        assert.is(toldOf(await shop.post({ name: FOX.toLowerCase(), quantity: 1 })), '200 {"order_number":0}');
        const both = [...one(FOX, 2), ...one(OTHER), ...one(FOX)];
        assert.is(toldOf(await send('create', 0, both)), '200 {"order_number":1}');
        // What is sold to us need not be there, and what is no order is not asked for.
        assert.is((await shop.post({ name: FOX, quantity: 1, type: 'sell' })).status, 200);
        assert.is(toldOf(await send('create', 1, one('Unicorn'))), '404 unknown_product');
        assert.is(toldOf(await shop.post({ name: FOX, quantity: 0 })), '400 invalid_quantity');
      });
      assert.equal(asked, [FOX, FOX, OTHER], 'once per product of an order, in our spelling');
      assert.is(await shop.quantityOf(FOX), 97);

      // Too few there: decided, whatever comes in later. Two halves of too much are too much.
      warehouse.stock[FOX] = 3;
      const halves = [...one(OTHER), ...one(FOX, 2), ...one(FOX.toUpperCase(), 2)];
      const short = await send('create', 2, halves);
      assert.is(toldOf(short), '400 out_of_stock');
      assert.is(short.body.error?.message, `Cannot buy 4 of "${FOX}": 3 left in the warehouse`);
      assert.is(await shop.quantityOf(OTHER), 99, 'all or nothing');
      warehouse.stock[FOX] = 1000;
      const again = await send('create', 2, halves);
      assert.equal([again.status, again.isReplay, again.body], [400, true, short.body]);

      // A product that it does not know: nothing is remembered.
      const unknown = [...one(OTHER), ...one(NEW)];
      assert.is(toldOf(await send('create', 3, unknown)), '404 unknown_product');
      assert.is(await shop.quantityOf(OTHER), 99);
      assert.is(toldOf(await shop.get(`/orders?orderId=${shopifyId(3)}`)), '404 unknown_order');
      warehouse.stock[NEW] = 1000;
      assert.is(toldOf(await send('create', 3, unknown)), '200 {"order_number":3}');

      // Enough there and too few here is too few.
      assert.is(toldOf(await shop.post({ name: NEW, quantity: 101 })), '400 out_of_stock');
      assert.is(readJournal(till.dataFolder).filter(({ kind }) => kind === 'rejection').length, 2);
      assert.is(await assertProven(till), 4);
    },
  );
}

scenario(
  'down: that is remembered, nobody is kept waiting and nothing is asked; what was decided before is told',
  open({ holdMs: FOR_EVER_MS }),
  async (till) => {
    const { shop, send } = await start(till);
    // The same order is known by an order id, by a key, or by both.
    const byWebhook = await send('create', 0, one(FOX));
    const withKey = await shop.post({ name: FOX, quantity: 2 }, 'a-key');
    const withBoth = { orderId: 'mine', items: [{ name: FOX, quantity: 3 }] };
    const named = await shop.post(withBoth, 'another-key');
    const numbers = [byWebhook, withKey, named].map(({ body }) => body.data?.order_number);
    assert.equal(numbers, [0, 1, 2]);

    await warehouse.refuse();
    const first = await shop.post({ name: FOX, quantity: 1 });
    assert.is(toldOf(first), '503 warehouse_down');
    assert.is(first.headers['retry-after'], String(FOR_EVER_MS / 1000));
    await warehouse.accept();

    const knownAreTold = async (): Promise<void> => {
      const replays = [
        await shop.post({ name: FOX, quantity: 2 }, 'a-key'),
        await shop.post(withBoth),
        await shop.post(withBoth, 'another-key'),
        await shop.post({ ...withBoth, idempotencyKey: 'a-third-key' }),
      ];
      for (const { status, headers, body } of replays) {
        assert.equal([status, headers['idempotent-replayed']], [200, 'true'], JSON.stringify(body));
      }
      assert.equal(
        replays.map(({ body }) => body.data?.order_number),
        [1, 2, 2, 2],
      );
      const webhook = await send('create', 0, one(FOX));
      assert.equal([webhook.status, webhook.isReplay, webhook.body], [200, true, byWebhook.body]);
      assert.is(toldOf(await send('create', 0, one(FOX, 2))), '409 duplicate_order');
      assert.is(toldOf(await shop.post({ name: FOX, quantity: 9 }, 'a-key')), '422 key_reused');
    };
    const asked = await questionsDuring(async () => {
      const orders = Array.from({ length: 40 }, (_, at) =>
        at % 2 === 0 ? send('create', 100 + at, one(FOX)) : shop.post({ name: OTHER, quantity: 1 }, `new-${at}`),
      );
      for (const answer of await Promise.all(orders)) assert.is(toldOf(answer), '503 warehouse_down');
      await knownAreTold();
      // What needs no warehouse goes on.
      assert.is((await send('cancelled', 0, one(FOX))).status, 200);
      assert.is((await shop.post({ name: FOX, quantity: 5, type: 'sell' })).status, 200);
      await till.kill('order-3');
      await knownAreTold();
      assert.is(toldOf(await send('create', 100, one(FOX))), '503 warehouse_down');
    });
    assert.equal(asked, []);
    assert.is(await shop.quantityOf(FOX), 100 - 2 - 3 + 5);
    assert.is(await shop.quantityOf(OTHER), 100);
    await till.run.start(['order-3']);
    await till.ready();
    assert.is(await assertProven(till), 4);
  },
);

const HOLD_MS = 2000;
scenario('back: one question finds out', open({ holdMs: HOLD_MS }), async (till) => {
  const { shop, send } = await start(till);
  const burst = () =>
    Promise.all(Array.from({ length: 20 }, (_, at) => shop.post({ name: FOX, quantity: 1 }, `b-${at}`)));
  const wasDown = (answers: Answer[]): boolean => answers.every((answer) => toldOf(answer) === '503 warehouse_down');

  warehouse.faults.always({ status: 500 });
  const asked = await questionsDuring(async () => {
    assert.is(toldOf(await shop.post({ name: FOX, quantity: 1 })), '503 warehouse_down');
  });
  assert.equal(asked, Array(4).fill(FOX), 'one question and three repetitions');

  // While it is down, one question at most for each time that the hold is over.
  const startedMs = monotonicMs();
  const probes = await questionsDuring(() =>
    until('some probes', async () => {
      assert.ok(wasDown(await burst()));
      return monotonicMs() - startedMs > 2.5 * HOLD_MS;
    }),
  );
  assert.ok(probes.length > 0, 'it is asked again some time');
  assert.ok(probes.length <= (monotonicMs() - startedMs) / HOLD_MS + 1, `${probes.length} probes`);

  warehouse.faults.clear();
  let made = 0;
  const found = await questionsDuring(() =>
    until('the warehouse is asked again', async () => {
      made = (await burst()).filter(({ status }) => status === 200).length;
      return made > 0;
    }),
  );
  assert.is(found.length, made, 'every order that was made has asked once, and nobody else has');
  assert.ok((await burst()).every(({ status }) => status === 200));

  // One that never answers is down too, and whoever waits for it is answered in time.
  warehouse.faults.always({ hang: true });
  const late = await send('create', 0, one(FOX));
  assert.is(toldOf(late), '503 warehouse_down');
  assert.ok(late.tookMs < SHOPIFY_WAITS_MS, `${late.tookMs} ms`);
  warehouse.faults.clear();
  await until('the webhook is taken', async () => (await send('create', 0, one(FOX))).status === 200);
  assert.is(await shop.quantityOf(FOX), 100 - 20 - 1);
  assert.is(await assertProven(till), 21);
});

test.run();
