/** bin/bench as a user calls it: as short as it can be, so that no figure means anything. No test looks at how fast anything is. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { findProgram } from '../../bin/lib/bench-processes.ts';
import type { BenchReport } from '../../bin/lib/bench-report.ts';
import { projectFolder, tool } from '../../bin/lib/project.ts';
import { until } from '../system/until.ts';

type End = { code: number | null; output: string };
type Run = { output(): string; send(signal: NodeJS.Signals): void; ended: Promise<End> };

const SHORT = ['--seconds', '1', '--warm', '0', '--rounds', '1'];

/** For the files that a run writes. */
let folder = '';
/** A run makes its own folder in this one, which must be empty when it is over. */
let temporary = '';
let children: ChildProcess[] = [];

test.before.each(() => {
  folder = mkdtempSync(join(tmpdir(), 'till-bench-test-'));
  temporary = mkdtempSync(join(folder, 'tmp-'));
});
test.after.each(() => {
  // The guard of each run ends what the run has started.
  for (const child of children) child.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  children = [];
});

const spawnBench = (program: string, words: string[], settings: Record<string, string> = {}): Run => {
  const child = spawn(program, words, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, TMPDIR: temporary, ...settings },
  });
  children.push(child);
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
  return { output: () => output, send: (signal) => void child.kill(signal), ended };
};

const start = (words: string[], settings?: Record<string, string>): Run =>
  spawnBench(join(projectFolder, 'bin/bench'), words, settings);

/** Where nothing is installed but Node, not even what the launcher needs. */
const startAlone = (words: string[]): Run =>
  spawnBench(tool('node'), [join(projectFolder, 'bin/bench.ts'), ...words], { PATH: temporary });

const readReport = (file: string): BenchReport => JSON.parse(readFileSync(file, 'utf8')) as BenchReport;

const isAlive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

/** Of the services, which say so in their logs, and of what has the folder among its words. */
const pidsOf = (benchFolder: string): number[] => {
  const logs = readdirSync(benchFolder).filter((name) => /^(front|catalog|order-\d)\.log$/.test(name));
  const services = logs.map((name) => /"pid":(\d+)/.exec(readFileSync(join(benchFolder, name), 'utf8'))?.[1]);
  const listed = execFileSync('ps', ['-A', '-o', 'pid=,args='], { encoding: 'utf8' }).split('\n');
  const loads = listed.filter((line) => line.includes(benchFolder)).map((line) => line.trim().split(' ')[0]);
  return [...services, ...loads].filter((pid) => pid !== undefined).map(Number);
};

/** A run in the midst of a load on Till: its folder, and the processes that it has started. */
const loadedRun = async () => {
  const run = start([...SHORT, '--seconds', '300', '--only', 'node/order-32']);
  const benchFolder = await until('a folder', () => {
    const name = readdirSync(temporary).find((one) => one.startsWith('till-bench-'));
    return name === undefined ? null : join(temporary, name);
  });
  const pids = await until('the load of orders', () => {
    const loads = readdirSync(benchFolder).filter((name) => /^load-\d+\.txt$/.test(name));
    const ordering = loads.find((name) => readFileSync(join(benchFolder, name), 'utf8').includes('/orders\t'));
    const found = pidsOf(benchFolder);
    return ordering !== undefined && found.length === 6 ? found : null;
  });
  return { run, benchFolder, pids };
};

test('Till beside the floor: tables, JSON and a chart, and nothing is left', async () => {
  const [json, svg] = [join(folder, 'out/report.json'), join(folder, 'out/chart.svg')];
  const only = ['bare/post-32', 'node/order-32', 'order-with-restocks', 'order-unsynced-32'];
  const words = [...SHORT, ...only.flatMap((word) => ['--only', word]), '--json', json, '--svg', svg];
  const { code, output } = await start(words, { CHAOS: '1', CHAOS_CRASH_EVERY: '2', REPLICAS: '1' }).ended;
  assert.is(code, 0, output);
  assert.ok(output.includes(`wrote ${json}\nwrote ${svg}\n`), output);
  assert.match(output, /│ orders ÷ bare POSTs, 32 clients +│ [\d.]+ +│/);
  assert.match(output, /│ longest time without an answer, with restocks and snapshots +│ [\d.]+ ms +│/);
  assert.match(output, /│ +32 │ [\d,]+ +│ [\d,]+ +│ [\d.]+ +│ [\d.]+ +│ [\d.]+ +│/, 'what fsync costs');
  assert.match(output, /│ Till on node +│ order +│ +32 │ front \d/, 'cores');

  const report = readReport(json);
  assert.equal(
    report.series.map(({ subject, name, samples }) => [`${subject}/${name}`, samples.length]),
    [
      ['bare/post-32', 1],
      ['node/order-32', 1],
      ['node/order-with-restocks-32', 1],
      ['unsynced/order-unsynced-32', 1],
    ],
  );
  const samples = report.series.flatMap((series) => series.samples);
  assert.ok(samples.every(({ perSecond, p50Ms, p99Ms }) => perSecond > 0 && p50Ms !== null && p99Ms !== null));
  assert.ok(samples.every(({ failed }) => failed === 0));
  const { restocks = 0, movements = 0, longestGapMs = 0 } = samples[2]?.also ?? {};
  assert.ok(restocks > 0 && movements > restocks && longestGapMs > 0, JSON.stringify(samples[2]));
  assert.equal([report.seconds, report.rounds, report.till, report.growth], [1, 1, 'node', null]);
  assert.is(
    report.verdicts.find(({ title }) => title === 'orders ÷ bare POSTs, 32 clients')?.measured?.min !== null,
    true,
  );

  const chart = readFileSync(svg, 'utf8');
  assert.match(chart, /^<svg xmlns="http:\/\/www\.w3\.org\/2000\/svg" [^>]+>\n[\s\S]+<\/svg>\n$/);
  assert.is(chart.match(/<rect class="ours"/g)?.length, 1, 'one bar: the others are not durable');
  assert.equal(readdirSync(temporary), []);
});

test('Markdown for a document, and growth with its targets', async () => {
  const json = join(folder, 'report.json');
  const words = [...SHORT, '--only', 'bare/get-32', '--growth', '1000', '--markdown', '--json', json];
  const { code, output } = await start(words).ended;
  assert.is(code, 0, output);
  assert.match(output, /^### Growth\n\n?\| figure \| without \| with so many \|/m);
  assert.match(output, /^\| start with 1,000 orders ÷ without \| [\d.]+ \| [\d.]+ \| ≤ 1\.5 \|/m);
  assert.match(output, /^\| bare node:http \| GET of a product’s bytes \| 32 \|/m);
  const { growth, verdicts } = readReport(json);
  assert.equal([growth?.orders, growth?.with.length, growth?.without.length], [1000, 1, 1]);
  assert.is(verdicts.filter(({ title, measured }) => title.includes('1,000') && measured !== null).length, 3);
  assert.equal(readdirSync(temporary), []);
});

const peers = [
  {
    name: 'redis',
    program: 'redis-server',
    what: 'order-32',
    told: 'Redis is not installed: apt-get install redis-server',
  },
  { name: 'etcd', program: 'etcd', what: 'put-32', told: 'etcd is not installed: apt-get install etcd-server' },
];

for (const { name, program, what, told } of peers) {
  const isThere = findProgram(program) !== null;
  test(`${name}, which is ${isThere ? '' : 'not '}installed here`, async () => {
    const json = join(folder, 'report.json');
    const words = [...SHORT, '--peers', '--only', `${name}/${what}`, '--json', json];
    const { code, output } = await start(words).ended;
    if (isThere) {
      assert.is(code, 0, output);
      const { series, peers: measured, missing } = readReport(json);
      assert.equal([series.length, series[0]?.samples.length, measured.length, missing], [1, 1, 1, []]);
      assert.ok((series[0]?.samples[0]?.perSecond ?? 0) > 0);
      assert.is(series[0]?.samples[0]?.failed, 0);
      assert.match(output, 'What the others do and do not promise');
    } else {
      assert.is(code, 1, output);
      assert.ok(output.startsWith(told), output);
    }
    assert.equal(readdirSync(temporary), []);
  });
}

test('what is not installed is told, each in a line, and the rest is measured; without wrk, by autocannon', async () => {
  const json = join(folder, 'report.json');
  const only = ['bare/post-32', ...peers.map(({ name }) => `${name}/`)];
  const words = [...SHORT, '--peers', ...only.flatMap((word) => ['--only', word]), '--json', json];
  const { code, output } = await startAlone(words).ended;
  assert.is(code, 0, output);
  assert.match(output, 'Load over HTTP: autocannon, since wrk is not installed');
  const { series, missing } = readReport(json);
  assert.is(series.length, 1);
  assert.ok((series[0]?.samples[0]?.perSecond ?? 0) > 0);
  assert.is(missing.length, peers.length);
  for (const { told } of peers) {
    assert.ok(missing.some((line) => line.startsWith(told) && !line.includes('\n')));
    assert.match(output, told);
  }
  assert.equal(readdirSync(temporary), []);
});

test('Ctrl-C ends every process and removes the folder', async () => {
  const { run, pids } = await loadedRun();
  assert.ok(pids.every(isAlive));
  run.send('SIGINT');
  const { code, output } = await run.ended;
  assert.is(code, 130, output);
  assert.match(output, 'Stopping what was started.');
  assert.equal(pids.filter(isAlive), []);
  assert.equal(readdirSync(temporary), []);
});

test('killed, it leaves nothing either', async () => {
  const { run, pids } = await loadedRun();
  run.send('SIGKILL');
  await run.ended;
  await until('nothing is left', () => !pids.some(isAlive) && readdirSync(temporary).length === 0);
});

test('--list starts nothing; wrong options are told', async () => {
  const { code, output } = await start(['--list', '--only', 'order-32', '--only', 'bare/get']).ended;
  assert.is(code, 0, output);
  const names = output.trim().split('\n');
  assert.equal(
    names.map((line) => line.split(' ')[0]),
    ['bare/get-32', 'node/order-32', 'postgres/order-32', 'redis/order-32'],
  );
  for (const [words, text] of [
    [
      ['--only', 'nothing'],
      '--only: nothing has "nothing" in its name; --list shows the names, some only with --peers',
    ],
    [['--runtime', 'java'], '--runtime: "java" is not one of node, bun, deno'],
    [['--seconds', '0'], '--seconds: "0" is not a number from 0.1 to 600'],
    [['--warm', 'up'], '--warm: "up" is not a number from 0 to 600'],
    [['--rounds', 'many'], '--rounds: "many" is not a whole number from 1 to 100'],
    [['--fast'], "Cannot read the options: Unknown option '--fast'"],
  ] as const) {
    const end = await start([...words]).ended;
    assert.is(end.code, 2, end.output);
    assert.ok(end.output.startsWith(text), end.output);
    assert.match(end.output, 'Try: bin/bench --help');
  }
  assert.equal(readdirSync(temporary), []);
});

test.run();
