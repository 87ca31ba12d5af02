import { CallError } from '@till/shared/client';
import { silentLogger } from '@till/shared/logger';
import type { OrderMovement } from '@till/shared/movement';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { startFakeShopify } from '../../../../test/fakes/shopify.ts';
import { webhookName } from './sinks/webhook.ts';
import { createSinks } from './sinks.ts';

type Config = Parameters<typeof createSinks>[0]['config'];
const NOTHING: Config = { shopifyUrl: null, shopifyToken: null, webhookUrls: [], webhookSecret: null };

/** The sinks of some settings; the catalog knows a Fox, last changed at 7. */
const sinksOf = (config: Partial<Config>) =>
  createSinks({
    config: { ...NOTHING, ...config },
    catalog: {
      product: async ({ params: { name } }) => {
        if (name === 'Gone')
          throw new CallError('status', 'no such product', { status: 404, reason: 'unknown_product' });
        if (name === 'Away') throw new CallError('refused', 'nobody there');
        return { epoch: 'e', asOf: 9, product: { name, price: 1, quantity: 1, version: 7 } };
      },
    },
    now: () => 0,
    onSkipped: () => {},
    logger: silentLogger,
  });

test('without settings there are no sinks', () => {
  assert.equal(sinksOf({}), []);
});

test('each address is a sink, once, and so is the shop', async () => {
  const [one, other] = ['http://127.0.0.1:9/a', 'http://127.0.0.1:9/b'] as const;
  const sinks = sinksOf({
    shopifyUrl: 'http://127.0.0.1:9/graphql.json',
    shopifyToken: 't',
    webhookUrls: [one, other, one],
    webhookSecret: 's',
  });
  assert.equal(
    sinks.map(({ name }) => name),
    ['shopify', webhookName(one), webhookName(other)],
  );
  for (const sink of sinks) await sink.close();
});

test('the shop is told of an old event only what the catalog has not changed since', async () => {
  const products = ['Fox', 'Gone', 'Away'].map((sku) => ({ sku, quantity: 100 }));
  const shop = await startFakeShopify({ token: 't', products });
  const [sink] = sinksOf({ shopifyUrl: shop.url, shopifyToken: 't' });
  const deliver = (sequence: number, ...names: string[]) => {
    const stock = names.map((name) => ({ name, before: 9, after: 4 }));
    const order = { lines: [{ name: 'Fox', quantity: 5 }] };
    const base = { sequence, term: 1, time: 0, kind: 'order' as const, number: 0, key: 'k', fingerprint: 'f' };
    const movement: OrderMovement = { ...base, order, stock };
    const signal = new AbortController().signal;
    return sink?.deliver({ movement, storeId: 's', key: `${sequence}.20`, isReplay: true, signal });
  };
  assert.equal(await deliver(7, 'Fox', 'Gone'), { kind: 'delivered' });
  assert.equal(await deliver(6, 'Fox'), { kind: 'delivered' });
  assert.is((await deliver(7, 'Away'))?.kind, 'unavailable');
  assert.equal(
    shop.calls().map(({ key, changes }) => [key, changes]),
    [['till-s-7.20', [{ sku: 'Fox', quantity: 4 }]]],
  );
  await sink?.close();
  await shop.close();
});

test.run();
