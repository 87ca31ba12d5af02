/** What bin/bench makes of figures, and of its options; nothing is measured here. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { drawChart } from '../../bin/lib/bench-chart.ts';
import {
  orderBodies,
  queryRequests,
  refilledProduct,
  seedProducts,
  uncachedLookups,
} from '../../bin/lib/bench-goods.ts';
import { readBenchOptions } from '../../bin/lib/bench-options.ts';
import { type BenchReport, showReport } from '../../bin/lib/bench-report.ts';
import { chosenOf, runRounds } from '../../bin/lib/bench-run.ts';
import { type Sample, type Series, type Subject, spreadOf } from '../../bin/lib/bench-subject.ts';
import { judge, judgeGrowth } from '../../bin/lib/bench-targets.ts';
import { warmUp } from '../../bin/lib/bench-warm.ts';
import { UsageError } from '../../bin/lib/command.ts';

const sample = (perSecond: number, more: Partial<Sample> = {}): Sample => ({
  perSecond,
  p50Ms: 1,
  p99Ms: 2,
  failed: 0,
  ...more,
});

const series = (subject: string, name: string, samples: Sample[]): Series => ({
  ...{ subject, subjectTitle: `the ${subject}`, name, title: 'order', clients: Number(name.split('-').at(-1)) },
  samples,
});

test('the median and the ends of some values', () => {
  assert.equal(spreadOf([3, 1, 2]), { median: 2, min: 1, max: 3 });
  assert.equal(spreadOf([10, 1, 2, 4]), { median: 3, min: 1, max: 10 });
  assert.equal(spreadOf([]), null);
});

test('a ratio is that of each round, and its median counts', () => {
  const verdicts = judge(
    [
      series('node', 'order-32', [sample(100), sample(300), sample(80)]),
      series('bare', 'post-32', [sample(1000), sample(1000), sample(200)]),
    ],
    'node',
  );
  const verdict = verdicts.find(({ title }) => title === 'orders ÷ bare POSTs, 32 clients');
  assert.equal(verdict?.measured, { median: 0.3, min: 0.1, max: 0.4 });
  assert.is(verdict?.overAim, 0.3 / 0.15 - 1);
  assert.is(verdict?.overStretch, 0.3 / 0.25 - 1);
});

test('of several numbers of clients the best one counts, each side its own', () => {
  const verdicts = judge(
    [
      series('bun', 'order-32', [sample(500)]),
      series('bun', 'order-128', [sample(900)]),
      series('postgres', 'order-16', [sample(300)]),
      series('postgres', 'order-32', [sample(250)]),
    ],
    'bun',
  );
  const ratios = verdicts.filter(({ measured }) => measured !== null);
  assert.equal(
    ratios.map(({ title, measured }) => [title, measured?.median]),
    [
      ['orders ÷ transactions of PostgreSQL, 32 clients', 2],
      ['orders ÷ transactions of PostgreSQL, each at its best', 3],
      ['orders, 32 clients, p99 ÷ p50', 2],
    ],
  );
});

test('where less is better, less is over the aim', () => {
  const [verdict] = judge([series('node', 'order-1', [sample(1000, { p50Ms: 0.75 })])], 'node').filter(
    ({ measured }) => measured !== null,
  );
  assert.is(verdict?.title, 'an order, one client, p50');
  assert.is(verdict?.overAim, 0.5);
  assert.is(verdict?.overStretch, 0.25);
});

test('the runtimes are compared with node', () => {
  const all = [series('node', 'order-32', [sample(100)]), series('deno', 'order-32', [sample(90)])];
  const verdict = judge(all, 'node').find(({ title }) => title === 'orders on deno ÷ orders on node, 32 clients');
  assert.is(verdict?.measured?.median, 0.9);
});

test('what a measurement has seen besides can be aimed at, and divided by', () => {
  const verdicts = judge(
    [
      series('node', 'order-during-catch-up-32', [
        sample(90, { also: { perSecondWhenLevel: 100 } }),
        sample(60, { also: { perSecondWhenLevel: 100 } }),
        sample(80, { also: { perSecondWhenLevel: 100 } }),
      ]),
      series('node', 'order-with-restocks-32', [sample(100, { also: { longestGapMs: 75 } })]),
      series('node', 'lookup-under-orders-8', [sample(100, { p99Ms: 5 })]),
    ],
    'node',
  );
  assert.equal(
    verdicts.filter(({ measured }) => measured !== null).map(({ measured, overAim }) => [measured?.median, overAim]),
    [
      [5, 0.5],
      [0.8, 0],
      [75, -0.5],
    ],
  );
});

test('growth is judged by what many orders cost, round by round', () => {
  const growing = (readyMs: number, leaderBytes: number | null, ordersPerSecond: number) => ({
    ...{ readyMs, leaderBytes, ordersPerSecond, queriesPerSecond: 1, failed: 0 },
  });
  const growth = { runtime: 'node' as const, orders: 1000 };
  const without = [growing(1000, 50_000, 100), growing(1000, 50_000, 200)];
  const grown = [growing(1200, 80_000, 90), growing(3000, 90_000, 200)];
  assert.equal(
    judgeGrowth({ ...growth, without, with: grown }).map(({ title, measured }) => [title, measured]),
    [
      ['start with 1,000 orders ÷ without', { median: 2.1, min: 1.2, max: 3 }],
      ['memory of the leader for each of 1,000', { median: 35, min: 30, max: 40 }],
      ['orders/s with 1,000 orders ÷ without', { median: 0.95, min: 0.9, max: 1 }],
    ],
  );
  const unknown = judgeGrowth({ ...growth, without: [growing(1, null, 1)], with: [growing(1, null, 1)] });
  assert.is(unknown[1]?.measured, null);
});

test('warming up ends with so many writes, or with its time', async () => {
  const asked: number[] = [];
  const write = (perSecond: number) => async (seconds: number) => {
    asked.push(seconds);
    return { perSecond };
  };
  await warmUp(write(5000), { secondsMax: 600 });
  assert.equal(asked, [2, 2, 2, 2], '40,000 writes');
  asked.length = 0;
  await warmUp(write(1), { secondsMax: 0.05 });
  assert.ok(asked.length >= 1 && asked.every((seconds) => seconds === 0.05));
  asked.length = 0;
  await warmUp(write(1), { secondsMax: 0 });
  assert.equal(asked, []);
});

const report = (all: Series[]): BenchReport => ({
  ...{ startedAt: '2026-01-31T12:00:00Z', till: 'node', loader: { title: 'wrk, one thread', name: 'wrk' } },
  ...{ seconds: 3, warmSeconds: 10, rounds: 1, series: all, verdicts: judge(all, 'node') },
  ...{ growth: null, peers: [], missing: [] },
  machine: {
    ...{ cores: 2, processor: 'some', memoryGigabytes: 8, system: 'Linux', loadBefore: 0, folder: '/tmp' },
    isMemory: false,
  },
});

test('the report says what fsync costs, what the load program could do, and what was seen besides', () => {
  const text = showReport(
    report([
      series('bare', 'get-32', [sample(20_000, { cores: { bare: 1, wrk: 0.4 } })]),
      series('node', 'order-32', [sample(3000, { also: { entriesBehind: 1234 } })]),
      series('unsynced', 'order-unsynced-32', [sample(4000, { p50Ms: 0.5 })]),
      series('unsynced', 'order-unsynced-1', [sample(4000)]),
    ]),
    { isMarkdown: true },
  );
  assert.match(text, 'With a core to itself wrk would make about 50,000 requests per second.');
  assert.match(text, '| 32 | 3,000 | 4,000 | 0.75 | 1.00 | 0.50 |');
  assert.not.match(text, '\n| 1 |');
  assert.match(text, '- the node, order: entries behind 1,234');
  assert.match(text, '| the bare | order | 32 | bare 1.00, wrk 0.40 |');
  const plain = showReport(report([series('bun', 'order-32', [sample(1)])]), { isMarkdown: false });
  assert.not.match(plain, 'fsync');
  assert.not.match(plain, 'With a core');
});

test('each round opens, measures and closes every subject that was chosen, also when it fails', async () => {
  const events: string[] = [];
  const subject = (name: string, breaks = false): Subject => ({
    name,
    title: name,
    measurements: ['order-1', 'order-32'].map((measured) => ({
      ...{ name: measured, title: measured, clients: 1 },
      async run() {
        events.push(`${name}/${measured}`);
        if (breaks) throw new Error('broken');
        return sample(events.length);
      },
    })),
    open: async () => void events.push(`open ${name}`),
    close: async () => void events.push(`close ${name}`),
  });
  const options = { rounds: 2, tell: () => {}, onOpen: () => {} };
  const chosen = chosenOf([subject('a'), subject('b')], ['b/order-3', 'c/']);
  const [one, ...others] = await runRounds(chosen, options);
  assert.equal(events, ['open b', 'b/order-32', 'close b', 'open b', 'b/order-32', 'close b']);
  assert.equal(others, []);
  assert.equal(
    one?.samples.map(({ perSecond }) => perSecond),
    [2, 5],
  );
  events.length = 0;
  await runRounds([subject('c', true)], options).then(
    () => assert.unreachable(),
    (error: Error) => assert.is(error.message, 'broken'),
  );
  assert.equal(events, ['open c', 'c/order-1', 'close c']);
});

test('the options, and what is wrong with them', () => {
  const { runtimes, seconds, warmSeconds, rounds, only, withPeers, growth } = readBenchOptions([]);
  assert.equal([runtimes, seconds, warmSeconds, rounds, only, withPeers, growth], [['node'], 3, 10, 3, [], false, 0]);
  const words = ['--runtime', 'bun', '--runtime', 'deno', '--runtime', 'bun', '--seconds', '.5', '--growth', '1000'];
  const given = readBenchOptions(words);
  assert.equal([given.runtimes, given.seconds, given.growth], [['bun', 'deno'], 0.5, 1000]);
  assert.equal(readBenchOptions(['--only', 'a', '--warm', '0', '--only', 'b']).only, ['a', 'b']);
  for (const wrong of [
    ['--runtime', 'java'],
    ['--seconds', '0'],
    ['--seconds', '1e9'],
    ['--warm', '-1'],
    ['--rounds', '0'],
    ['--growth', 'many'],
    ['--fast'],
  ]) {
    assert.throws(
      () => readBenchOptions(wrong),
      (error: unknown) => error instanceof UsageError,
      wrong.join(' '),
    );
  }
});

test('orders are spread over many products, lookups that must miss over more than the cache holds', () => {
  const ordered = new Set(orderBodies.map((body) => (JSON.parse(body) as { name: string }).name));
  assert.is(ordered.size, 40);
  assert.ok(new Set(orderBodies).size > 200);
  const looked = new Set(uncachedLookups.map(({ path }) => path));
  const [refilled, ...others] = seedProducts.filter(({ restock }) => restock);
  assert.is(refilled?.name, refilledProduct);
  assert.equal(others, []);
  assert.is(looked.size, seedProducts.length - ordered.size - 1);
  const paths = queryRequests(3).map(({ path }) => path);
  assert.equal([...new Set(paths)].sort(), ['/orders/0', '/orders/1', '/orders/2']);
});

test('the chart is well-formed, has a panel for each number of clients and a bar for each system', () => {
  const text = drawChart([
    series('bare', 'post-32', [sample(50_000)]),
    series('node', 'order-32', [sample(8000), sample(9000)]),
    series('node', 'order-query-32', [sample(20_000)]),
    series('etcd', 'put-128', [sample(6000)]),
    series('unsynced', 'order-unsynced-32', [sample(7000)]),
  ]);
  const open: string[] = [];
  for (const [, closing, name = '', , self] of text.matchAll(/<(\/?)([a-z]+)((?:\s[^<>]*?)?)(\/?)>/gi)) {
    if (closing === '/') assert.is(open.pop(), name);
    else if (self !== '/') open.push(name);
  }
  assert.equal(open, []);
  assert.match(text, 'Durable writes per second, 32 clients');
  assert.match(text, 'Durable writes per second, 128 clients');
  assert.match(text, '>8,500<');
  assert.match(text, '>the etcd<');
  assert.not.match(text, '20,000');
  assert.not.match(text, 'the bare');
  assert.not.match(text, 'the unsynced', 'what is not durable is no bar');
});

test.run();
