/** `GET /movements`, the audit trail: whoever reads it knows where every piece went, whoever led meanwhile. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { sendWebhook, shopifyId, shopifyOrder, shopifySignature, type Topic } from '../fakes/shopify-sender.ts';
import { readJournal } from './ledger.ts';
import { startLoad } from './load.ts';
import { PLENTY, products } from './products.ts';
import { assertFlawless, assertProven } from './proof.ts';
import { scenario } from './scenario.ts';
import { openTill, type Runner, type Till } from './till.ts';
import { until } from './until.ts';

const SECRET = 'a-secret-of-the-test';

type Change = {
  sequence: number;
  term: number;
  time: number;
  product: string;
  change: number;
  before: number;
  after: number;
  cause: { kind: string; order_number?: number; sold_out_by?: number };
  key: string | null;
};

type Page = { data: Change[]; next: number | null };
const readPage = (till: Till<Runner>, path: string): Promise<Page> =>
  until(path, async () => {
    const { status, body } = await till.shop.get(path);
    return status === 200 && (body as unknown as Page);
  });

/** All of it, page by page. A page is a part of the trail at whatever moment it is read. */
const readTrail = async (till: Till<Runner>, query: string, from = 0): Promise<Change[]> => {
  const trail: Change[] = [];
  for (let after: number | null = from; after !== null; ) {
    const page = await readPage(till, `/movements?after=${after}${query}`);
    trail.push(...page.data);
    assert.ok(page.next === null || page.next > after, 'it goes on');
    after = page.next;
  }
  return trail;
};

/** Each change begins where the one before it of its product ended. Returns what is left of each product. */
const sumsOf = (trail: Change[]): Map<string, number> => {
  const sums = new Map<string, number>();
  let last = { sequence: 0, term: 0, time: 0 };
  for (const one of trail) {
    assert.ok(one.sequence >= last.sequence && one.term >= last.term && one.time >= last.time, 'oldest first');
    assert.is(one.before, sums.get(one.product) ?? 0, `${one.product} at ${one.sequence}`);
    assert.is(one.after, one.before + one.change);
    assert.ok(one.change !== 0 && one.after >= 0);
    sums.set(one.product, one.after);
    last = one;
  }
  return sums;
};

/** What the journal says, in the trail's form. */
const trailOfJournal = (till: Till<Runner>): Change[] =>
  readJournal(till.dataFolder).flatMap((line) => {
    const { sequence, kind, products: seeds = [], stock = [], number, key } = line;
    const { term, time, cause } = line as unknown as { term: number; time: number; cause?: number };
    const changes = [...seeds.map(({ name, quantity }) => ({ name, before: 0, after: quantity })), ...stock];
    return changes.map(({ name, before, after }): Change => {
      const numbered = kind === 'order' || kind === 'cancel' ? { order_number: number ?? -1 } : {};
      return {
        ...{ sequence, term, time, product: name, change: after - before, before, after },
        cause: { kind, ...numbered, ...(kind === 'restock' && { sold_out_by: cause ?? -1 }) },
        key: key ?? null,
      };
    });
  });

scenario(
  'what there was and all changes are the stock, while leaders and the catalog die',
  () =>
    openTill({
      seed: [
        ...products('Toy', { count: 4, quantity: 60, restock: true }),
        ...products('Paper', { count: 3, quantity: PLENTY }),
      ],
      settings: { RESTOCK_EVERY_MS: '100', RESTOCK_LEVEL: '60', SHOPIFY_SECRETS: SECRET },
    }),
  async (till) => {
    await till.run.start(till.names);
    await till.ready();
    const load = startLoad(till, { thinkMs: 5 });
    await load.goesOn();

    const webhook = (topic: Topic, at: number): Promise<unknown> => {
      const text = shopifyOrder(shopifyId(at), [{ sku: 'Paper-1', quantity: 1 + at }], topic);
      const signature = shopifySignature(SECRET, text);
      return until(`webhook ${topic} ${at}`, async () => {
        const { status } = await sendWebhook(till.url, { topic, text, signature });
        return status === 200;
      });
    };
    const webhooks = async (first: number): Promise<void> => {
      for (let at = first; at < first + 5; at += 1) {
        await webhook('create', at);
        await webhook('cancelled', at);
      }
    };

    let early: Change[] = [];
    for (const [round, victim] of ['order-3', 'order-2', 'catalog'].entries()) {
      const sending = webhooks(10 * round);
      await till.kill(victim);
      if (victim !== 'catalog') {
        early = await readTrail(till, '&limit=7');
        await load.goesOn();
      }
      await till.run.start([victim]);
      await sending;
      await load.goesOn();
      await till.ready();
    }
    assert.is((await till.shop.post({ name: 'Paper-2', quantity: 9, type: 'sell' }, 'a-sale')).status, 200);
    assertFlawless(await load.finish());
    await until('every toy is refilled', async () => {
      const names = ['Toy-1', 'Toy-2', 'Toy-3', 'Toy-4'];
      const left = await Promise.all(names.map((name) => till.shop.quantityOf(name)));
      return left.every((quantity) => quantity > 0);
    });
    await assertProven(till);

    const trail = await readTrail(till, '&limit=1000');
    const sums = sumsOf(trail);
    assert.is(sums.size, 7);
    for (const [name, quantity] of sums) assert.is(await till.shop.quantityOf(name), quantity, name);
    assert.equal(trail, trailOfJournal(till));
    assert.equal(trail.slice(0, early.length), early, 'what was read before stays so');

    // One product's part is the same, however it is divided.
    for (const limit of [1, 1000]) {
      const some = await readTrail(till, `&product=paper-1&limit=${limit}`);
      assert.equal(
        some,
        trail.filter(({ product }) => product === 'Paper-1'),
      );
    }
    const [last] = trail.slice(-1);
    assert.equal(await readTrail(till, `&product=${last?.product}`, last?.sequence), []);

    const countOf = (kind: string): number => trail.filter(({ cause }) => cause.kind === kind).length;
    assert.is(countOf('seed'), 7);
    assert.is(countOf('cancel'), 15);
    assert.ok(countOf('restock') > 0, 'something was sold out');
    assert.ok(new Set(trail.map(({ term }) => term)).size > 3, 'in several terms');
    const sale = trail.find(({ key }) => key === 'a-sale');
    assert.equal([sale?.change, sale?.product], [9, 'Paper-2']);

    // What a cancellation gives back is what its order took, and both say so.
    for (let at = 0; at < 5; at += 1) {
      const of = (key: string) => trail.filter((one) => one.key === `${key} ${shopifyId(at)}`);
      const [taken, given] = [of('order'), of('cancel')];
      assert.equal([taken.length, given.length], [1, 1]);
      assert.equal([taken[0]?.change, given[0]?.change], [-1 - at, 1 + at]);
      assert.is(taken[0]?.cause.order_number, given[0]?.cause.order_number);
    }
    // A refill names what sold the product out.
    for (const { product, cause, before } of trail.filter((one) => one.cause.kind === 'restock')) {
      assert.is(before, 0);
      const soldOut = trail.find((one) => one.sequence === cause.sold_out_by && one.product === product);
      assert.is(soldOut?.after, 0);
    }
    assert.is((await till.shop.get('/movements?product=Nothing')).body.error?.reason, 'unknown_product');
  },
);

test.run();
