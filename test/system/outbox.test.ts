/**
 * What others are told, on a whole Till: everything, in order, whoever dies and whatever goes wrong on their side; and what
 * is given up stays known until somebody sends it again.
 */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { projectFolder, tool } from '../../bin/lib/project.ts';
import type { Fault } from '../fakes/faults.ts';
import { type FakeShopify, startFakeShopify } from '../fakes/shopify.ts';
import { sendWebhook, shopifyId, shopifyOrder, shopifySignature, type Topic } from '../fakes/shopify-sender.ts';
import { startWebhookReceiver, type WebhookReceiver } from '../fakes/webhook-receiver.ts';
import { startLoad } from './load.ts';
import { products } from './products.ts';
import { assertFlawless, assertProven } from './proof.ts';
import { scenario } from './scenario.ts';
import { type ChildRunner, openTill, type Runner, type Till, type TillOptions } from './till.ts';
import { assertReceived, assertShopIsLevel, readEvents, readOutbox, stockOf, untilTold } from './told.ts';
import { until } from './until.ts';

const SECRET = 'a-secret-of-the-test';
const TOKEN = 'a-token-of-the-test';

let shopify: FakeShopify;
let receivers: WebhookReceiver[] = [];
test.after.each(async () => {
  await shopify.close();
  await Promise.all(receivers.map((receiver) => receiver.close()));
});

type Open = {
  seed: NonNullable<TillOptions['seed']>;
  runtime?: NonNullable<TillOptions['runtime']>;
  receivers: number;
  settings?: Record<string, string>;
};

const open = (options: Open) => async (): Promise<Till<ChildRunner>> => {
  const { seed, runtime = 'node' } = options;
  shopify = await startFakeShopify({
    token: TOKEN,
    products: seed.map(({ name, quantity }) => ({ sku: name, quantity })),
  });
  receivers = await Promise.all(
    Array.from({ length: options.receivers }, () => startWebhookReceiver({ secret: SECRET })),
  );
  return openTill({
    seed,
    runtime,
    settings: {
      SHOPIFY_URL: shopify.url,
      SHOPIFY_TOKEN: TOKEN,
      SHOPIFY_SECRETS: SECRET,
      WEBHOOK_URLS: receivers.map(({ url }) => url).join(','),
      WEBHOOK_SECRET: SECRET,
      RESTOCK_EVERY_MS: '200',
      RESTOCK_LEVEL: '60',
      ...options.settings,
    },
  });
};

const leaderOf = async (till: Till<Runner>): Promise<string> =>
  `order-${await until('a leader', async () => (await till.cluster()).leader)}`;

/** Until it is taken, as Shopify does it. */
const deliver = (till: Till<Runner>, topic: Topic, at: number, sku: string): Promise<unknown> => {
  const text = shopifyOrder(shopifyId(at), [{ sku, quantity: 1 + at }], topic);
  const webhook = { topic, text, signature: shopifySignature(SECRET, text) };
  return until(`webhook ${topic} ${at}`, async () => (await sendWebhook(till.url, webhook)).status === 200);
};

/** Stock that the clients do not use up, and that a shop can show. */
const LASTING = products('Lasting', { count: 6, quantity: 900_000_000 });
const REFILLED = products('Refilled', { count: 2, quantity: 60, restock: true });

/** What goes wrong in each round, at the shop and at a receiver. */
const ROUNDS: { count: number; fault: Fault }[] = [
  { count: 3, fault: { status: 429, headers: { 'retry-after': '1' } } },
  { count: 3, fault: { status: 500, afterEffect: true } },
  { count: 2, fault: { drop: true, afterEffect: true } },
  { count: 1, fault: { hang: true, afterEffect: true } },
];

const storm = async (till: Till<ChildRunner>, rounds: typeof ROUNDS): Promise<void> => {
  await till.run.start(till.names);
  await till.ready();
  // One receiver is away for as long as it lasts.
  const [receiver, absent] = receivers;
  absent?.faults.always({ drop: true });
  const load = startLoad(till, { thinkMs: 60 });
  await load.goesOn();
  for (const [round, { count, fault }] of rounds.entries()) {
    shopify.faults.next(count, fault);
    receiver?.faults.next(count, fault);
    const victim = await leaderOf(till);
    const cancelling = async (): Promise<void> => {
      for (let at = 10 * round; at < 10 * round + 3; at += 1) {
        await deliver(till, 'create', at, 'Lasting-1');
        await deliver(till, 'cancelled', at, 'Lasting-1');
      }
    };
    await Promise.all([till.kill(victim), cancelling()]);
    await load.goesOn();
    await till.run.start([victim]);
    await till.ready();
  }
  const { status } = await till.shop.post({ name: 'Lasting-2', quantity: 3, type: 'sell', customer: 'Ada' }, 'a-sale');
  assert.is(status, 200);
  absent?.faults.clear();
  assertFlawless(await load.finish());

  const sinks = await untilTold(till);
  assert.is(sinks.length, 1 + receivers.length);
  for (const { dead, trying } of sinks) assert.equal([dead, trying], [[], []]);
  const kinds = new Set(readEvents(till.dataFolder).map(({ kind }) => kind));
  assert.equal([...kinds].sort(), ['cancel', 'order', 'restock']);
  for (const one of receivers) assertReceived(till, one);
  await assertShopIsLevel(till, shopify);
};

scenario(
  'everybody is told everything in order, while leaders are killed and both sides fail; a restart of all tells nothing again',
  open({ seed: [...LASTING, ...REFILLED], receivers: 2 }),
  async (till) => {
    await storm(till, ROUNDS);
    const arrivals = [...receivers.map((one) => one.events().length), shopify.calls().length];
    const { length: told } = shopify.calls();
    assert.ok(
      arrivals.some((count) => count > readEvents(till.dataFolder).length),
      'something was told twice, or nothing has gone wrong here',
    );

    // All of it at once, and nobody has a word of what was delivered but the log.
    await Promise.all(till.names.map((name) => till.kill(name)));
    await till.run.start(till.names);
    await till.ready();
    assert.is((await till.shop.post({ name: 'Lasting-3', quantity: 1 }, 'after-all')).status, 200);
    await untilTold(till);
    assert.equal(
      receivers.map((one, at) => one.events().length - (arrivals[at] ?? 0)),
      [1, 1],
    );
    assert.is(shopify.calls().length - told, 1);
    for (const one of receivers) assertReceived(till, one);
    await assertShopIsLevel(till, shopify);
    await assertProven(till);
  },
);

for (const runtime of ['bun', 'deno'] as const) {
  scenario(
    `a leader dies and the shop fails, on ${runtime}`,
    open({ seed: [...LASTING, ...REFILLED], receivers: 1, runtime }),
    async (till) => {
      await storm(till, ROUNDS.slice(1, 2));
      await assertProven(till);
    },
  );
}

const command = (till: Till<Runner>, ...words: string[]): Promise<{ code: number; out: string }> =>
  new Promise((resolve) => {
    const all = [join(projectFolder, 'bin/outbox.ts'), ...words, '--url', till.url];
    execFile(tool('node'), all, (error, out, err) => resolve({ code: Number(error?.code ?? 0), out: `${out}${err}` }));
  });

scenario(
  'what the shop never takes is given up, known until it is sent again, and holds up nobody',
  open({
    seed: products('Fox', { count: 3, quantity: 100 }),
    receivers: 1,
    settings: { OUTBOX_ATTEMPTS: '2', RESTOCK_EVERY_MS: '0' },
  }),
  async (till) => {
    const [bad, good, other] = ['Fox-1', 'Fox-2', 'Fox-3'];
    await till.run.start(till.names);
    await till.ready();
    const order = async (...names: string[]): Promise<number> => {
      const items = names.map((name) => ({ name, quantity: 1 }));
      assert.is((await till.shop.post({ items })).status, 200);
      return readEvents(till.dataFolder).at(-1)?.sequence ?? 0;
    };
    const deadOf = async (sink = 'shopify'): Promise<number[]> => {
      const sinks = await readOutbox(till);
      return (sinks.find((one) => one.sink === sink)?.dead ?? []).map(({ sequence }) => sequence);
    };

    shopify.refuseProduct(bad, { code: 'INVALID_QUANTITY_NAME', message: 'Never this one' });
    const alone = await order(bad);
    const withAnother = await order(bad, good);
    const fine = await order(other);
    await until('two dead letters', async () => (await deadOf()).length === 2);
    // Its products go on after it.
    const after = await order(good);
    await untilTold(till);
    assert.equal(await deadOf(), [alone, withAnother]);
    assert.equal(
      [...shopify.levels()],
      [
        [bad, 100],
        [good, 98],
        [other, 99],
      ],
    );

    // Whoever leads knows of them, after a death and after a restart of all.
    const victim = await leaderOf(till);
    await till.kill(victim);
    await till.run.start([victim]);
    await till.ready();
    assert.equal(await deadOf(), [alone, withAnother]);
    await Promise.all(till.names.map((name) => till.kill(name)));
    await till.run.start(till.names);
    await till.ready();
    await untilTold(till);
    assert.equal(await deadOf(), [alone, withAnother]);

    const list = await command(till, 'list');
    assert.is(list.code, 0, list.out);
    assert.match(list.out, 'INVALID_QUANTITY_NAME: Never this one');
    const shown = await command(till, 'show', String(alone), '--json');
    const told = JSON.parse(shown.out) as { event: { id: string }; sinks: { sink: string; state: string }[] };
    assert.ok(told.event.id.endsWith(`/${alone}`));
    assert.equal(
      told.sinks.map(({ state }) => state),
      ['dead', 'delivered'],
    );

    // Sent again for nothing, it is given up again, with all attempts counted.
    assert.is((await command(till, 'replay', String(withAnother))).code, 0);
    await until('given up again', async () => {
      const [shop] = await readOutbox(till);
      return shop?.again.length === 0 && shop.dead.some(({ attempts }) => attempts === 4);
    });
    assert.equal(await deadOf(), [alone, withAnother]);
    const notDead = await command(till, 'replay', String(fine));
    assert.is(notDead.code, 1);
    assert.match(notDead.out, `Cannot send ${fine} again`);

    // The shop has changed its mind. What is old by now is not said again: the newest of each product is.
    shopify.refuseProduct(bad, null);
    const before = shopify.calls().length;
    for (const sequence of [alone, withAnother]) {
      const replay = await command(till, 'replay', String(sequence), '--sink', 'shopify');
      assert.is(replay.code, 0, replay.out);
    }
    await until('no dead letters', async () => (await deadOf()).length === 0);
    await untilTold(till);
    assert.equal(
      shopify
        .calls()
        .slice(before)
        .map(({ key, changes }) => [/\d+(?=\.\d+$)/.exec(key)?.[0], changes]),
      [[String(withAnother), [{ sku: bad, quantity: 98 }]]],
    );
    assert.equal(shopify.levels(), await stockOf(till));
    assert.equal(shopify.complaints(), []);
    assert.is(after, (await readEvents(till.dataFolder)).at(-1)?.sequence);
    for (const receiver of receivers) assertReceived(till, receiver);
    assert.is(await assertProven(till), 4);
  },
);

test.run();
