import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { removeTemporaryFolders, temporaryFolder } from '../test/temporary-folder.ts';
import { deadline, monotonicMs, sleep } from './clock.ts';

const WAIT_MS = 20_000;
const running = new Set<ChildProcess>();

test.after.each(async () => {
  for (const child of running) {
    child.kill('SIGKILL');
    await deadline(once(child, 'close'), WAIT_MS, 'the end of a service');
  }
  await removeTemporaryFolders();
});

/** A service of its own process with its data in a folder. `said` is the messages of its log and its own lines, in order. */
const start = (dataDir: string, manner = '', settings: Record<string, string> = {}) => {
  const file = fileURLToPath(new URL('../test/small-service.ts', import.meta.url));
  const runtimeArgs = 'Deno' in globalThis ? ['run', '-A', file] : [file];
  const child = spawn(process.execPath, [...runtimeArgs, manner], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, DATA_DIR: dataDir, LOG_LEVEL: 'info', ...settings },
  });
  running.add(child);
  let output = '';
  let complaint = '';
  child.stdout.on('data', (chunk) => {
    output += chunk;
  });
  child.stderr.on('data', (chunk) => {
    complaint += chunk;
  });
  const ended = once(child, 'close').then(([code]) => {
    running.delete(child);
    return code as number | null;
  });
  const said = (): string[] =>
    output
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => (line.startsWith('{') ? String(JSON.parse(line).msg) : line));
  return {
    said,
    complaint: () => complaint,
    stop: () => process.kill(child.pid as number, 'SIGTERM'),
    ended: () => deadline(ended, WAIT_MS, 'the end of a service'),
    async ready() {
      for (const endMs = monotonicMs() + WAIT_MS; !said().includes('ready'); await sleep(5)) {
        if (monotonicMs() > endMs) throw new Error('The service should be ready by now');
      }
    },
  };
};

test('a service has its folder to itself from its start to its end', async () => {
  const dataDir = join(await temporaryFolder(), 'new', 'data');
  const folder = join(dataDir, 'order-1');
  const service = start(dataDir);
  await service.ready();
  assert.is(statSync(folder).mode & 0o777, 0o700);
  service.stop();
  assert.is(await service.ended(), 0);
  assert.equal(service.said(), [
    `did start in ${folder} with lock`,
    'ready',
    'stopping',
    'did stop with lock',
    'stopped',
  ]);
  assert.equal(readdirSync(folder), [], 'the lock is given back');
  assert.is(service.complaint(), '');
});

test('a second process of the same folder does not start, and names the first', async () => {
  const dataDir = await temporaryFolder();
  const first = start(dataDir);
  await first.ready();
  const second = start(dataDir);
  assert.is(await second.ended(), 1);
  assert.is(second.said().length, 1);
  assert.match(second.said()[0] ?? '', /^Cannot use .*order-1: process \d+ has locked it/);
  first.stop();
  assert.is(await first.ended(), 0, 'the first is not disturbed');
});

test('what a crash left of a replaced file is gone before the service starts', async () => {
  const dataDir = await temporaryFolder();
  const folder = join(dataDir, 'order-1');
  mkdirSync(folder);
  writeFileSync(join(folder, 'state.json.tmp-1'), 'half');
  writeFileSync(join(folder, 'state.json'), 'whole');
  const service = start(dataDir);
  await service.ready();
  assert.is(service.said()[0], `did start in ${folder} with lock state.json`);
});

for (const [what, manner, settings, problem] of [
  ['a setting that is wrong', '', { REPLICAS: 'many' }, 'REPLICAS: "many" is not'],
  ['harm that is not allowed', '', { CHAOS_CRASH_EVERY: '5' }, 'CHAOS_CRASH_EVERY: needs CHAOS=1'],
  ['settings that this service cannot use', 'unusable', {}, 'TEST: cannot be used'],
] as const) {
  test(`${what} ends it with 2 before anything is touched`, async () => {
    const dataDir = await temporaryFolder();
    const service = start(dataDir, manner, settings);
    assert.is(await service.ended(), 2);
    assert.match(service.complaint(), problem);
    assert.equal(service.said(), []);
    assert.equal(readdirSync(dataDir), []);
  });
}

for (const [what, manner] of [
  ['a start that fails', 'no start'],
  ['a state that cannot be relied on', 'fail'],
  ['an error that nobody caught', 'throw'],
  ['a rejection that nobody handled', 'reject'],
] as const) {
  test(`${what} ends it with 1, and the log's last line says why`, async () => {
    const service = start(await temporaryFolder(), manner);
    assert.is(await service.ended(), 1);
    assert.is(service.said().at(-1), 'as asked for');
  });
}

test('an end that fails is told, and the exit code says so', async () => {
  const service = start(await temporaryFolder(), 'no stop');
  await service.ready();
  service.stop();
  assert.is(await service.ended(), 1);
  assert.equal(service.said().slice(-2), ['did stop with lock', 'did not stop cleanly']);
});

test.run();
