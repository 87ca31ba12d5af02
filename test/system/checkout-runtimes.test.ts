/** The same checkouts on the other runtimes: services and checks all on one. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { endChecks, startCheck } from '../tool/check-process.ts';
import { books, checkoutOf, outcomeOf, postCheckout } from './bookshop.ts';
import { allExecuted, assertOneByOne } from './checkout-ledger.ts';
import { inSync, leaderOf } from './in-sync.ts';
import { assertProven } from './proof.ts';
import { scenario } from './scenario.ts';
import { openTill } from './till.ts';

test.after.each(endChecks);

for (const runtime of ['bun', 'deno'] as const) {
  scenario(
    `checkouts are placed, refused, rejected and repeated, and survive their leader, on ${runtime}`,
    () =>
      openTill({
        runtime,
        seed: [...books('Lasting', { count: 1, quantity: 1000 }), ...books('Rare', { count: 1, quantity: 3 })],
        settings: { RESTOCK_EVERY_MS: '0', CHECK_WAIT_MS: '20000', ROTATE_LEADER: '1' },
      }),
    async (till) => {
      const [verification, fraud] = await Promise.all([
        startCheck('verification', { runtime }),
        startCheck('fraud', { runtime }),
      ]);
      Object.assign(till.environment, { CHECK_VERIFICATION_URL: verification.url, CHECK_FRAUD_URL: fraud.url });
      await till.run.start(till.names);
      await till.ready();
      const detailsOf = (at: number) =>
        checkoutOf(`reader-${at}@example.com`, [
          { name: 'Lasting-1', quantity: 1 + (at % 3) },
          ...(at % 2 === 0 ? [{ name: 'Rare-1', quantity: 1 }] : []),
        ]);
      const post = (at: number) => postCheckout(till.url, detailsOf(at), `key-${at}`);

      // Each twice at once, as an impatient page does.
      const pairs = await Promise.all(Array.from({ length: 12 }, (_, at) => Promise.all([post(at), post(at)])));
      const answers = pairs.map(([answer, twin]) => {
        assert.is(twin.data.orderId, answer.data.orderId, twin.text);
        return answer;
      });
      const leader = `order-${await leaderOf(till)}`;
      await till.kill(leader);
      for (const { status, data, text } of answers) assert.equal([status, data.status], [200, 'Order Approved'], text);
      const again = await post(3);
      assert.equal([again.data.orderId, again.isReplayed], [answers[3]?.data.orderId, true], again.text);
      const rejected = await postCheckout(till.url, checkoutOf('eva@example.com', [], { expirationDate: '01/20' }));
      assert.is(rejected.data.status, 'Order Rejected');
      const reused = await postCheckout(till.url, detailsOf(4), 'key-3');
      assert.equal([reused.status, reused.reason], [422, 'key_reused']);

      const checkouts = await allExecuted(till.dataFolder);
      assert.is(checkouts.length, 12);
      assert.ok(checkouts.every(({ outcomes }) => outcomes.length === 1));
      assertOneByOne(checkouts);
      const views = await Promise.all(answers.map(({ data }) => outcomeOf(till.url, data.orderId ?? '')));
      const statuses = views.map(({ data }) => data.status);
      // Half of them want a rare one, of which there are three.
      assert.is(statuses.filter((status) => status === 'placed').length, 9);
      assert.is(statuses.filter((status) => status === 'refused').length, 3);

      await till.run.start([leader]);
      await inSync(till);
      assert.is(await assertProven(till), 9);
    },
  );
}

test.run();
