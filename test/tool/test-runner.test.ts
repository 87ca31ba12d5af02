import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sleep } from '@till/shared/clock';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { tool } from '../../bin/lib/project.ts';
import type { TestTask } from '../../bin/lib/test-files.ts';
import { findTests } from '../../bin/lib/test-files.ts';
import { countTests, runTest } from '../../bin/lib/test-process.ts';

let folder = '';
test.before.each(() => {
  folder = mkdtempSync(join(tmpdir(), 'till-test-runner-'));
});
test.after.each(() => rmSync(folder, { recursive: true, force: true }));

const task = (command: string[], more: Partial<TestTask> = {}): TestTask => ({
  name: 'one',
  command,
  counts: 'uvu',
  deadlineMs: 30_000,
  alone: false,
  quick: true,
  covers: false,
  ...more,
});

const run = (script: string, more: Partial<TestTask> = {}) =>
  runTest(task([tool('node'), '--input-type=module', '-e', script], more), { profileFolder: folder });

const suite = (tests: string) =>
  `import { test } from 'uvu'; import * as assert from 'uvu/assert'; ${tests} test.run();`;

test('passed and failed tests are counted as uvu tells them', async () => {
  const { passed, failed, output } = await run(
    suite("test('a', () => {}); test('b', () => assert.is(1, 2)); test('c', () => {});"),
  );
  assert.is(passed, 2);
  assert.is(failed, 1);
  assert.match(output, /Expected values to be strictly equal/);
  assert.not(output.includes('\u001b'), 'no colours');
});

test('a file that runs no test, dies, or ends in the middle is a failure', async () => {
  for (const script of [
    '',
    suite(''),
    'process.exit(0)',
    'throw new Error()',
    suite("test('a', () => {}); test('b', () => process.exit(0));"),
    suite("test('a', () => new Promise(() => {}));"),
    `${suite("test('a', () => {});")} setTimeout(() => process.exit(3), 200)`,
  ]) {
    const { failed } = await run(script);
    assert.is(failed, 1, script);
  }
});

test('a check counts by its exit code', () => {
  assert.equal(countTests({ counts: 'exit code' }, '', 0), { passed: 1, failed: 0 });
  assert.equal(countTests({ counts: 'exit code' }, '', 1), { passed: 0, failed: 1 });
  assert.equal(countTests({ counts: 'exit code' }, '', null), { passed: 0, failed: 1 });
});

test('a file over its deadline ends with all its processes', async () => {
  const pidFile = join(folder, 'pid');
  const script = `
    import { spawn } from 'node:child_process';
    import { writeFileSync } from 'node:fs';
    const child = spawn('sleep', ['300'], { stdio: 'inherit' });
    writeFileSync(${JSON.stringify(pidFile)}, String(child.pid));
    console.log('  Total:     1\\n  Passed:    1');
    setInterval(() => {}, 1000);`;
  const { passed, failed, output, durationMs } = await run(script, { deadlineMs: 3000 });
  assert.is(passed + failed, 2);
  assert.is(failed, 1);
  assert.ok(durationMs >= 3000 && durationMs < 60_000);
  assert.match(output, /Not finished within 3 s/);
  assert.ok(existsSync(pidFile));
  const pid = Number(readFileSync(pidFile, 'utf8'));
  for (let waits = 0; isAlive(pid); waits += 1) {
    assert.ok(waits < 300, `process ${pid} is still there`);
    await sleep(100);
  }
});

/** A process that was killed and not yet looked at by its parent counts as gone. */
const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return !existsSync(`/proc/${pid}/stat`) || !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
};

test('a program that is not there is a failure, told by its name', async () => {
  const { failed, output } = await runTest(task([join(folder, 'nothing')]), { profileFolder: folder });
  assert.is(failed, 1);
  assert.match(output, /Cannot run .*nothing/);
});

test('every test file is found once for Node, and slow ones wait for the end', () => {
  const tasks = findTests();
  const names = tasks.map(({ name }) => name);
  assert.is(new Set(names).size, names.length);
  for (const name of ['types', 'style', 'test/tool/test-runner.test.ts', 'bun packages/shared/src/sealed.test.ts']) {
    assert.ok(names.includes(name), name);
  }
  const slow = tasks.find(({ name }) => name === 'test/tool/pm2.slow.test.ts');
  assert.is(slow?.alone, true);
  assert.is(slow?.quick, false);
  assert.not(names.some((name) => name.includes('node_modules')));
});

test.run();
