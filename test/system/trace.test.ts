/** One order followed through real services under PM2: what they log of it, and what bin/trace makes of that. */
import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { createConnection } from '../../bin/lib/client-connection.ts';
import { projectFolder, tool } from '../../bin/lib/project.ts';
import { products } from './products.ts';
import { scenario } from './scenario.ts';
import { openPm2Till, type Pm2Runner, type Till } from './till.ts';
import { until } from './until.ts';

type Step = { time: string; service: string; step: string } & Record<string, unknown>;
type Trace = { found: { kind: string; number?: number }[]; steps: Step[]; hints: string[] };

const trace = (till: Till<Pm2Runner>, order: string): Promise<Trace> =>
  new Promise((resolve, reject) => {
    const words = [join(projectFolder, 'bin/trace.ts'), order, '--data', till.dataFolder, '--json'];
    execFile(tool('node'), words, (error, out) => (error === null ? resolve(JSON.parse(out) as Trace) : reject(error)));
  });

/** The trace once each of these services has said of each of these steps, at least. */
const traceWith = (till: Till<Pm2Runner>, order: string, due: string[]): Promise<Trace> =>
  until(`${order} with ${due.join(', ')}`, async () => {
    const told = await trace(till, order).catch(() => null);
    const names = told?.steps.map(({ service, step }) => `${service} ${step}`);
    return due.every((one) => names?.includes(one)) ? told : null;
  });

const WAY = [
  'front received',
  'order-3 proposed',
  'catalog journal order',
  'catalog decided',
  'order-3 decided',
  ...['order-1', 'order-2', 'order-3'].flatMap((name) => [`${name} log entry`, `${name} stored`]),
  'order-3 committed',
  'front answered',
];

scenario(
  'every step of an order is there, of all services, and nothing of a customer',
  () => openPm2Till({ seed: products('Fox', { count: 2, quantity: 50 }), settings: { LOG_ORDERS: '1' } }),
  async (till) => {
    await till.run.start(till.names);
    await till.ready();
    const { status } = await till.shop.post({ name: 'Fox-1', quantity: 2, customer: 'Ada of 7 Elm Street' }, 'k-1');
    assert.is(status, 200);
    const first = await traceWith(till, 'k-1', WAY);
    assert.equal(first.hints, []);
    assert.equal(
      first.found.map(({ kind, number }) => [kind, number]),
      [['order', 0]],
    );
    const times = first.steps.map(({ time }) => time);
    assert.equal(times, [...times].sort(), 'in the order of time');
    assert.equal([first.steps[0]?.step, first.steps.at(-1)?.step], ['received', 'answered']);
    assert.equal(await traceWith(till, '0', WAY), { ...first, order: '0' });

    // A leader that hangs: the order is sent again, to the next one.
    await till.pause('order-3');
    const connection = createConnection({ url: till.url, retryForMs: 60_000, onRetry: () => {} });
    const body = { name: 'Fox-2', quantity: 1 };
    const answer = await connection.send({ method: 'POST', path: '/orders', body, key: 'k-2' });
    await connection.close();
    assert.is(answer.status, 200);
    const second = await traceWith(till, 'k-2', ['front received', 'front retried', 'order-2 committed']);
    const reasons = second.steps.filter(({ step }) => step === 'retried').map(({ reason }) => reason);
    assert.ok(reasons.includes('leader_changed'), reasons.join());
    await till.resume('order-3');
    await till.ready();
    // It has caught up, and says so.
    await traceWith(till, 'k-2', ['order-3 log entry', 'order-3 stored']);

    const logs = readdirSync(join(till.dataFolder, 'logs')).map((name) =>
      readFileSync(join(till.dataFolder, 'logs', name), 'utf8'),
    );
    assert.ok(
      logs.every((text) => /^\d{4}-\d\d-\d\dT[\d:]+: \{"level"/m.test(text)),
      'they are behind a time stamp of PM2',
    );
    assert.not.match(logs.join(), /Ada|Elm/);
  },
);

test.run();
