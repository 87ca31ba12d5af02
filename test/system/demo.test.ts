/** The main job on each runtime: the services run, clients order, every order is found as it was acknowledged. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { scenario } from './scenario.ts';
import { openTill } from './till.ts';

for (const runtime of ['node', 'bun', 'deno'] as const) {
  scenario(
    `a client run against services on ${runtime} is verified`,
    () => openTill({ runtime }),
    async (till) => {
      await till.run.start(till.names);
      await till.ready();

      const { code, output, report } = await till.client(['--clients', '5', '--requests', '50', '--seed', '7']).ended;
      assert.is(code, 0, output);
      const [run] = report.runs;
      assert.is(report.flawless, true, output);
      assert.ok(run !== undefined && run.orders.acknowledged > 50, output);
      assert.is(run.orders.verified, run.orders.acknowledged);
      assert.match(output, `verified ${run.orders.acknowledged} of ${run.orders.acknowledged} orders`);

      const verdict = await till.verify();
      assert.equal(verdict.problems, []);
      assert.is(verdict.orders, run.orders.acknowledged);

      for (const name of till.names.toReversed()) await till.run.stop(name);
      assert.is((await till.verify()).consistent, true);
    },
  );
}

test.run();
