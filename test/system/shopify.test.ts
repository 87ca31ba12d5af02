/** Shopify's webhooks in earnest: a storm of them while leaders die, ids and bodies to the last byte, secrets that change. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { sendWebhook, shopifyId, shopifyOrder, shopifySignature, type WebhookAnswer } from '../fakes/shopify-sender.ts';
import { readJournal } from './ledger.ts';
import { products } from './products.ts';
import { assertProven } from './proof.ts';
import { scenario } from './scenario.ts';
import { type StormLine, type StormOrder, startStorm } from './shopify-storm.ts';
import { type ChildRunner, openTill, type Runner, type Till } from './till.ts';
import { stockOf } from './told.ts';
import { until } from './until.ts';

const SECRET = 'a-secret-of-the-test';
const settings = { SHOPIFY_SECRETS: SECRET, RESTOCK_EVERY_MS: '0' };

const startAll = async (till: Till<ChildRunner>): Promise<void> => {
  await till.run.start(till.names);
  await till.ready();
};

/** What became of an order, as all of its answers have it: the lines that were taken, its number, if it was made. */
const outcomeOf = ({ id, contents }: StormOrder): { number: number; lines: StormLine[] } | null => {
  const decided = contents.filter(({ answers }) => answers.some(({ status }) => status !== 409));
  assert.is(decided.length, 1, `${id} has one content`);
  const [{ answers, lines }] = decided as [(typeof contents)[0]];
  const bodies = new Set(answers.map(({ body }) => JSON.stringify(body)));
  assert.is(bodies.size, 1, `${id} was answered in one way: ${[...bodies].join(' ')}`);
  const fresh = answers.filter(({ isReplay }) => !isReplay);
  assert.ok(fresh.length <= 1, `${id} was new ${fresh.length} times`);
  const number = answers[0]?.body.data?.order_number;
  return typeof number === 'number' ? { number, lines } : null;
};

const assertCancelled = ({ id, cancellations }: StormOrder, number: number | null): void => {
  const answers = cancellations.filter(({ status }) => status === 200);
  const due = number === null ? { cancelled: false } : { cancelled: true, order_number: number };
  assert.ok(answers.length > 0);
  for (const { body } of answers) assert.equal(body, { data: due }, id);
  const fresh = answers.filter(({ isReplay }) => !isReplay);
  assert.ok(number === null || fresh.length <= 1, `${id} was cancelled ${fresh.length} times`);
};

scenario(
  'a storm: repeats, forgeries, cancellations before and after, while leaders are killed: all in time, each order once',
  () =>
    openTill({
      seed: [
        ...products('Plenty', { count: 5, quantity: 1_000_000 }),
        ...products('Scarce', { count: 2, quantity: 40 }),
      ],
      settings,
    }),
  async (till) => {
    await startAll(till);
    const before = await stockOf(till);
    const storm = startStorm({
      url: till.url,
      secret: SECRET,
      seed: 20_260,
      orderCount: 400,
      skus: [...before.keys()],
      quantityMax: 5,
    });
    const goesOn = async (): Promise<void> => {
      const answered = storm.answered();
      await until('more answers', () => storm.answered() > answered + 60);
    };
    for (let round = 0; round < 4; round += 1) {
      await goesOn();
      const leader = await until('a leader', async () => (await till.cluster()).leader);
      await till.kill(`order-${leader}`);
      await goesOn();
      await till.run.start([`order-${leader}`]);
      await till.ready();
    }
    await storm.finish();
    assert.equal(storm.surprises(), [], `slowest ${storm.slowestMs()} ms`);

    const stock = new Map(before);
    const numbers: number[] = [];
    const count = { refused: 0, cancelled: 0, tooEarly: 0, doubled: 0, forged: 0 };
    for (const order of storm.orders) {
      const found = await till.shop.get(`/orders?orderId=${order.id}`);
      if (order.isForged) {
        count.forged += 1;
        assert.is(found.status, 404);
        continue;
      }
      const outcome = outcomeOf(order);
      if (order.contents.length > 1) count.doubled += 1;
      if (order.cancellations.some(({ status }) => status === 404)) count.tooEarly += 1;
      if (order.isCancelled) assertCancelled(order, outcome?.number ?? null);
      if (outcome === null) {
        count.refused += 1;
        assert.is(found.status, 404);
        continue;
      }
      const { number, lines } = outcome;
      numbers.push(number);
      assert.equal(found.body.data, {
        number,
        items: lines.map(({ sku, quantity }) => ({ name: sku, quantity })),
        orderId: order.id,
        ...(order.isCancelled && { cancelled: true }),
      });
      if (order.isCancelled) count.cancelled += 1;
      else for (const { sku, quantity } of lines) stock.set(sku, (stock.get(sku) ?? 0) - quantity);
    }
    assert.ok(
      Object.values(count).every((some) => some > 0),
      `everything occurred: ${JSON.stringify(count)}`,
    );
    assert.equal(
      numbers.sort((one, other) => one - other),
      numbers.map((_, at) => at),
    );
    assert.equal(await stockOf(till), stock);
    const cancels = readJournal(till.dataFolder).filter(({ kind }) => kind === 'cancel');
    assert.is(cancels.length, count.cancelled);
    assert.is(await assertProven(till), numbers.length);
  },
);

const send = (
  till: Till<Runner>,
  text: string,
  { signature, secret = SECRET }: { signature?: string; secret?: string } = {},
): Promise<WebhookAnswer> =>
  sendWebhook(till.url, { topic: 'create', text, signature: signature ?? shopifySignature(secret, text) });

scenario(
  'ids to the last digit, and the signature of the very bytes',
  () => openTill({ seed: products('Fox', { count: 1, quantity: 100 }), settings }),
  async (till) => {
    await startAll(till);
    const [sku] = ['Fox-1'];
    // Each pair is one number to who reads them as such.
    const ids = [
      '9007199254740992',
      '9007199254740993',
      '820982911946154508',
      '820982911946154509',
      '18446744073709551614',
      '18446744073709551615',
    ];
    for (const [at, id] of ids.entries()) {
      const answer = await send(till, shopifyOrder(id, [{ sku, quantity: 1 }]));
      assert.equal([answer.status, answer.body], [200, { data: { order_number: at } }], id);
    }
    for (const [at, id] of ids.entries()) {
      const found = await till.shop.get(`/orders?orderId=${id}`);
      assert.equal([found.body.data?.number, found.body.data?.orderId], [at, id]);
    }
    assert.is(await till.shop.quantityOf(sku), 100 - ids.length);

    // The same order, written in ways that mean the same: every one has a signature of its own.
    const [id = ''] = ids.slice(2);
    const plain = shopifyOrder(id, [{ sku, quantity: 1 }]);
    const ways = [
      ` ${plain}\r\n`,
      `{"line_items":[{"quantity":1,"sku":"${sku}","title":"Ein Füchslein 🦊"}],"id":${id}}`,
      `{"line_items":[{"quantity":1,"sku":"\\u0046ox-1","title":"Ein F\\u00fcchslein"}],"note":"a\\/b","id":${id}}`,
      `{\n  "id": ${id},\n  "total_price": "9.90",\n  "line_items": [{"sku": "${sku}", "quantity": 1}]\n}`,
    ];
    for (const text of ways) {
      const answer = await send(till, text);
      assert.equal([answer.status, answer.isReplay, answer.body], [200, true, { data: { order_number: 2 } }], text);
      assert.is((await send(till, text, { signature: shopifySignature(SECRET, plain) })).status, 401, text);
      assert.is((await send(till, plain, { signature: shopifySignature(SECRET, text) })).status, 401, text);
    }
    // What a reader of numbers would have made of the id is another order's, or nobody's.
    const other = await send(till, shopifyOrder('820982911946154500', [{ sku, quantity: 1 }]));
    assert.equal(other.body, { data: { order_number: ids.length } });
    for (const signature of ['', 'AAAA', shopifySignature(SECRET, plain).slice(0, -2), 'ä']) {
      const headers = { 'content-type': 'application/json', 'x-shopify-hmac-sha256': signature };
      const response = await fetch(`${till.url}/webhooks/shopify/orders/create`, {
        method: 'POST',
        headers,
        body: plain,
      });
      assert.is(response.status, 401, signature);
      await response.arrayBuffer();
    }
    assert.is(await assertProven(till), ids.length + 1);
  },
);

scenario(
  'a secret is replaced: both count meanwhile, then the older one does not, and orders stay what they are',
  () =>
    openTill({ seed: products('Fox', { count: 1, quantity: 100 }), settings: { ...settings, SHOPIFY_SECRETS: '' } }),
  async (till) => {
    await startAll(till);
    const texts = Array.from({ length: 4 }, (_, at) => shopifyOrder(shopifyId(at), [{ sku: 'Fox-1', quantity: 1 }]));
    /** Who is let in with the older and the newer secret, with one order for both. */
    const statuses = async (at: number): Promise<number[]> => {
      const answers: number[] = [];
      for (const secret of ['older', 'newer']) answers.push((await send(till, texts[at] ?? '', { secret })).status);
      return answers;
    };
    const restartWith = async (secrets: string): Promise<void> => {
      await till.run.stop('front');
      till.environment.SHOPIFY_SECRETS = secrets;
      await till.run.start(['front']);
      await till.ready();
    };
    assert.equal(await statuses(0), [401, 401], 'nobody is, without a secret');
    await restartWith('older');
    assert.equal(await statuses(0), [200, 401]);
    await restartWith('older,newer');
    assert.equal(await statuses(1), [200, 200]);
    const known = await send(till, texts[0] ?? '', { secret: 'newer' });
    assert.equal([known.status, known.isReplay, known.body], [200, true, { data: { order_number: 0 } }]);
    await restartWith('newer');
    assert.equal(await statuses(2), [401, 200]);
    const still = await send(till, texts[1] ?? '', { secret: 'newer' });
    assert.equal([still.status, still.isReplay, still.body], [200, true, { data: { order_number: 1 } }]);
    assert.not.match(till.logs(), /older|newer/, 'no secret is logged');
    assert.is(await assertProven(till), 3);
  },
);

test.run();
