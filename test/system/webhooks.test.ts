/** Shopify's webhooks on a whole Till: each order once, each answer in time, whoever dies meanwhile. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import {
  SHOPIFY_WAITS_MS,
  sendWebhook,
  shopifyId,
  shopifyOrder,
  shopifySignature,
  type Topic,
} from '../fakes/shopify-sender.ts';
import { assertProven } from './proof.ts';
import { scenario } from './scenario.ts';
import { openTill } from './till.ts';

const SECRET = 'a-secret-of-the-test';

const LINES = ['Tux', 'Clue'].map((sku) => ({ sku, quantity: 1 }));

scenario(
  'a webhook is one order and is answered in time, while the leader is killed and when nobody leads',
  // Others may wait for a minute; Shopify does not.
  () => openTill({ settings: { SHOPIFY_SECRETS: `older,${SECRET}`, REQUEST_WAIT_MS: '60000', RESTOCK_EVERY_MS: '0' } }),
  async (till) => {
    const send = (topic: Topic, at: number) => {
      const text = shopifyOrder(shopifyId(at), LINES, topic);
      return sendWebhook(till.url, { topic, text, signature: shopifySignature(SECRET, text) });
    };
    await till.run.start(till.names);
    await till.ready();
    const ordersMade = 30;
    const orders = Array.from({ length: ordersMade }, (_, at) => at);

    const first = await send('create', 0);
    assert.equal([first.status, first.body], [200, { data: { order_number: 0 } }]);
    // Each twice, as Shopify may, and the leader dies under them.
    const sending = [...orders, ...orders].map((at) => send('create', at));
    await till.kill('order-3');
    const answers = await Promise.all(sending);
    for (const { status, tookMs, body } of answers) {
      assert.is(status, 200, JSON.stringify(body));
      assert.ok(tookMs < SHOPIFY_WAITS_MS, `${tookMs} ms`);
    }
    const numbers = answers.map(({ body }) => body.data?.order_number);
    assert.equal(numbers.slice(0, ordersMade), numbers.slice(ordersMade));
    assert.is(new Set(numbers).size, ordersMade);
    assert.is(await till.shop.quantityOf('Tux'), 100 - ordersMade);

    const cancelled = await send('cancelled', 1);
    assert.equal([cancelled.status, cancelled.body.data?.cancelled, cancelled.isReplay], [200, true, false]);
    const again = await send('cancelled', 1);
    assert.equal([again.status, again.body, again.isReplay], [200, cancelled.body, true]);
    assert.is(await till.shop.quantityOf('Clue'), 100 - ordersMade + 1);
    const { number, cancelled: isCancelled } = (await till.shop.get(`/orders?orderId=${shopifyId(1)}`)).body.data ?? {};
    assert.equal([number, isCancelled], [cancelled.body.data?.order_number, true]);

    await till.kill('order-2');
    await till.kill('order-1');
    const late = await send('create', 500);
    assert.is(late.status, 503);
    assert.ok(late.tookMs < SHOPIFY_WAITS_MS, `${late.tookMs} ms`);
    await till.run.start(['order-1', 'order-2', 'order-3']);
    await till.ready();
    assert.is((await send('create', 500)).status, 200);
    assert.is(await assertProven(till), ordersMade + 1);
  },
);

test.run();
