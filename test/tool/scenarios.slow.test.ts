/** bin/scenarios as a user calls it, with real services. */
import { spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { projectFolder } from '../../bin/lib/project.ts';
import { playAll, scenarios } from '../../bin/lib/scenarios-run.ts';
import { openWorld, type World } from '../../bin/lib/scenarios-world.ts';
import { until } from '../system/until.ts';

type End = { code: number | null; output: string };
type Run = { output(): string; interrupt(): void; ended: Promise<End> };

let runs: { kill(): void }[] = [];
let folders: string[] = [];
let world: World | null = null;
test.after.each(async () => {
  for (const run of runs) run.kill();
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
  await world?.close();
  [runs, folders, world] = [[], [], null];
});

const start = (words: string[], settings: Record<string, string> = {}): Run => {
  const child = spawn(join(projectFolder, 'bin/scenarios'), words, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...settings },
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk) => {
      output += chunk;
    });
  }
  const ended = new Promise<End>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, output }));
  });
  runs.push({ kill: () => child.kill('SIGKILL') });
  return { output: () => output, interrupt: () => child.kill('SIGINT'), ended };
};

const folderIn = (output: string): string => /folder: (\S+)/.exec(output)?.[1] ?? 'no folder';

const isAlive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

/** The processes whose logs are there. */
const pidsIn = (folder: string): number[] => {
  const logs = join(folder, 'data/logs');
  const pids = readdirSync(logs).map((name) => /"pid":(\d+)/.exec(readFileSync(join(logs, name), 'utf8'))?.[1]);
  return pids.map(Number);
};

test('every scenario is played, explained and as expected; nothing is left', async () => {
  const { code, output } = await start([]).ended;
  assert.is(code, 0, output);
  for (const { name, title } of scenarios) {
    assert.ok(output.includes(`. ${title} (${name})\n`), name);
    assert.match(output, new RegExp(`│ ${name} +│ +[1-9]\\d* │ ok +│`));
  }
  assert.not.match(output, 'FAILED');
  assert.match(output, /^consistent: \d+ orders; /m);
  assert.match(output, /^order 0: sequence \d+, key "order \d+"$/m);
  assert.match(output, / order-3 +committed /);
  assert.match(output, new RegExp(`^All ${scenarios.length + 1} ok$`, 'm'));
  assert.not.ok(existsSync(folderIn(output)), 'the folder is gone');
});

test("on other runtimes, whatever the caller's settings are", async () => {
  const settings = {
    REPLICAS: '1',
    PORT_BASE: '1',
    SHOPIFY_SECRETS: 'another',
    WEBHOOK_URLS: 'http://127.0.0.1:9/',
    CHAOS: '1',
    CHAOS_CRASH_EVERY: '2',
  };
  for (const runtime of ['bun', 'deno']) {
    const { code, output } = await start(['--only', 'cancelled', '--runtime', runtime], settings).ended;
    assert.is(code, 0, output);
    assert.match(output, /^All 2 ok$/m);
    assert.match(output, new RegExp(`Till of its own on ${runtime},`));
  }
});

test('Ctrl-C ends everything, and the folder is kept if it should be', async () => {
  const run = start(['--keep']);
  await until('the first scenarios', () => run.output().includes('\n3. '));
  const folder = folderIn(run.output());
  folders.push(folder);
  const pids = pidsIn(folder);
  assert.is(pids.length, 5);
  assert.ok(pids.every(isAlive));
  run.interrupt();
  const { code, output } = await run.ended;
  assert.is(code, 130, output);
  assert.ok(output.endsWith(`The folder is kept: ${folder}\n`), output.slice(-500));
  assert.not.match(output, 'FAILED');
  assert.equal(pids.filter(isAlive), []);
  assert.ok(existsSync(join(folder, 'data/catalog/journal.jsonl')));
});

test('what is not as expected is shown, counted, and the outcome of it all', async () => {
  world = await openWorld({ runtime: 'node', keep: false });
  const said: string[] = [];
  const isGood = await playAll(
    world,
    [
      {
        name: 'wrong',
        title: 'Expects what does not come',
        async play({ newOrder, webhook, effect }) {
          const order = newOrder({ sku: 'Fox', quantity: 2 });
          const expected = { status: 200, data: { order_number: 7 } };
          await effect({ Fox: -1 }, () => webhook('create', { order, expected }));
        },
      },
      {
        name: 'broken',
        title: 'Does not get to its end',
        async play() {
          throw new Error('Nobody is here');
        },
      },
      {
        name: 'good',
        title: 'Goes on',
        play: ({ get }) => get('/healthz', { status: 200, data: { alive: true } }).then(),
      },
    ],
    (text) => said.push(text),
  );
  const output = said.join('\n');
  assert.is(isGood, false);
  assert.match(output, /expected {2}200 \{"order_number":7\}\n +came {6}200 \{"order_number":0\} {2}FAILED/);
  assert.match(output, /expected {2}Fox 100 -> 99\n +came {6}Fox 100 -> 98 {2}FAILED/);
  assert.match(output, /expected {2}is told Fox = 99\n +came {6}is told Fox = 98 {2}FAILED/);
  assert.match(output, 'Cannot go on with broken: Error: Nobody is here');
  assert.match(output, /│ wrong +│ +3 │ 3 FAILED │/);
  assert.match(output, /│ broken +│ +1 │ 1 FAILED │/);
  assert.match(output, /│ good +│ +1 │ ok +│/);
  assert.match(output, /^2 of 4 failed$/m);
});

test('--list starts nothing; wrong options are told', async () => {
  const { code, output } = await start(['--list']).ended;
  assert.is(code, 0);
  assert.equal(
    output
      .trim()
      .split('\n')
      .map((line) => line.split(' ')[0]),
    scenarios.map(({ name }) => name),
  );
  for (const [words, text] of [
    [['--only', 'nothing'], '--only: no scenario has "nothing" in its name; --list shows them'],
    [['--runtime', 'java'], '--runtime: "java" is not one of node, bun, deno'],
    [['--all'], "Cannot read the options: Unknown option '--all'"],
  ] as const) {
    const end = await start([...words]).ended;
    assert.is(end.code, 2);
    assert.ok(end.output.startsWith(text), end.output);
    assert.match(end.output, 'Try: bin/scenarios --help');
  }
});

test.run();
