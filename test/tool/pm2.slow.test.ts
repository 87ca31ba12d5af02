/** ecosystem.config.cjs under a real PM2, with little stand-ins for the services. */
import { execFile } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { monotonicMs, sleep } from '@till/shared/clock';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { projectFolder, tool } from '../../bin/lib/project.ts';

let project = '';

/** Says what runs it, and stays; `await` at the top level is what a `require` would not take. */
const STAND_IN = `
const runtime: string = 'Bun' in globalThis ? 'bun' : 'Deno' in globalThis ? 'deno' : 'node ' + process.version;
await Promise.resolve();
console.log(JSON.stringify({ runtime, replica: process.env.REPLICA_ID ?? null, setting: process.env.CACHE_SIZE ?? null }));
process.on('SIGINT', () => {
  console.log('closed');
  process.exit(0);
});
setInterval(() => {}, 1000);
`;

/** Dies at its first 20 starts. */
const CRASHING = `
import { appendFileSync, readFileSync } from 'node:fs';
appendFileSync('starts', '.');
if (readFileSync('starts', 'utf8').length <= 20) process.exit(1);
setInterval(() => {}, 1000);
`;

const pm2 = (words: string[], settings: Record<string, string> = {}): Promise<string> =>
  new Promise((done, fail) => {
    const env = { ...process.env, PM2_HOME: join(project, 'pm2'), DATA_DIR: join(project, 'data'), ...settings };
    const script = join(projectFolder, 'node_modules/pm2/bin/pm2');
    execFile(tool('node'), [script, ...words], { cwd: project, env, timeout: 60_000 }, (error, out, err) =>
      error === null ? done(out) : fail(new Error(`pm2 ${words.join(' ')}\n${out}\n${err}`)),
    );
  });

type Listed = { name: string; pm2_env: { status: string; restart_time: number } };

const list = async (): Promise<Listed[]> => {
  const lines = (await pm2(['jlist'])).split('\n');
  return JSON.parse(lines.findLast((line) => line.startsWith('[{') || line === '[]') ?? '[]') as Listed[];
};

const until = async (what: string, holds: () => boolean | Promise<boolean>): Promise<void> => {
  const startedAt = monotonicMs();
  while (!(await holds())) {
    assert.ok(monotonicMs() - startedAt < 90_000, `not within 90 s: ${what}`);
    await sleep(200);
  }
};

const logOf = (name: string): string => {
  const path = join(project, `data/logs/${name}.log`);
  return existsSync(path) ? readFileSync(path, 'utf8') : '';
};

const writeService = (service: string, text: string): void => {
  mkdirSync(join(project, `packages/${service}/src`), { recursive: true });
  writeFileSync(join(project, `packages/${service}/src/main.ts`), text);
};

test.before.each(() => {
  project = realpathSync(mkdtempSync(join(tmpdir(), 'till-pm2-')));
  symlinkSync(join(projectFolder, 'node_modules'), join(project, 'node_modules'));
  copyFileSync(join(projectFolder, 'ecosystem.config.cjs'), join(project, 'ecosystem.config.cjs'));
  writeFileSync(join(project, 'package.json'), '{"type":"module"}');
  for (const service of ['catalog', 'order', 'front']) writeService(service, STAND_IN);
});
test.after.each(async () => {
  await pm2(['kill']);
  rmSync(project, { recursive: true, force: true });
});

test('all three runtimes run the sources as they are, with their settings, and close when asked to', async () => {
  for (const [runtime, told] of [
    ['node', readFileSync(join(projectFolder, 'node_modules/node/package.json'), 'utf8')],
    ['bun', ''],
    ['deno', ''],
  ] as const) {
    const settings = { RUNTIME: runtime, REPLICAS: '2', CACHE_SIZE: '5' };
    await pm2(['start', 'ecosystem.config.cjs'], settings);
    for (const [name, replica] of [
      ['catalog', null],
      ['order-1', '1'],
      ['order-2', '2'],
      ['front', null],
    ] as const) {
      await until(`${name} on ${runtime}`, () => logOf(name).includes('}'));
      const line = /\{.*\}/.exec(logOf(name))?.[0] ?? '';
      const name24 = runtime === 'node' ? `node v${(JSON.parse(told) as { version: string }).version}` : runtime;
      assert.equal(JSON.parse(line), { runtime: name24, replica, setting: '5' });
    }
    await pm2(['delete', 'catalog', 'order-1', 'order-2', 'front']);
    for (const name of ['catalog', 'order-1', 'order-2', 'front']) assert.match(logOf(name), /closed/);
    rmSync(join(project, 'data'), { recursive: true });
  }
});

test('a service that dies 20 times at its start is started again, and ends well', async () => {
  writeService('catalog', CRASHING);
  // Only the pauses between the starts are shorter than in earnest.
  writeFileSync(
    join(project, 'crash.config.cjs'),
    `const { apps } = require('./ecosystem.config.cjs');
     module.exports = { apps: apps.map((app) => ({ ...app, exp_backoff_restart_delay: 1 })) };`,
  );
  await pm2(['start', 'crash.config.cjs', '--only', 'catalog']);
  await until(
    '21 starts',
    () => existsSync(join(project, 'starts')) && readFileSync(join(project, 'starts'), 'utf8').length > 20,
  );
  await until('online', async () => {
    const [app] = await list();
    assert.is.not(app?.pm2_env.status, 'errored');
    return app?.pm2_env.status === 'online' && app.pm2_env.restart_time === 20;
  });
});

test.run();
