/** Runs every test. */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { monotonicMs } from '@till/shared/clock';
import { exitCodes, readOptions, runCommand, say, UsageError } from './lib/command.ts';
import { projectFolder } from './lib/project.ts';
import type { TestTask } from './lib/test-files.ts';
import { coverageTask, findTests } from './lib/test-files.ts';
import { endAllTests, runTest } from './lib/test-process.ts';

const help = `
bin/test [--quick] [--only TEXT]

Runs every test: types, style, all *.test.ts on Node, those that may depend on the runtime also on Bun and Deno, and
the line coverage of the pure cores, which must be 100 %. Each file is a process of its own, two at a time; the slow
ones and those of the whole system run alone.

  --quick       the gate before a commit: without slow tests, whole-system tests and other runtimes
  --only TEXT   only tests with this in their name, for example --only packages/front or --only style

The last line is "N passed, N failed". Exit code: 0 if none failed and at least one passed.
`;

const SIDE_BY_SIDE = 2;
const OUTPUT_SHOWN_MAX = 20_000;

await runCommand(help, async (words) => {
  const { options } = readOptions(words, { quick: { type: 'boolean' }, only: { type: 'string' } });
  const chosen = findTests().filter(
    ({ name, quick }) => (quick || !options.quick) && name.includes(options.only ?? ''),
  );
  if (chosen.length === 0) throw new UsageError(`--only: no test has ${JSON.stringify(options.only)} in its name`);

  mkdirSync(join(projectFolder, 'coverage'), { recursive: true });
  const profileFolder = mkdtempSync(join(projectFolder, 'coverage/profiles-'));
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.once(signal, () => {
      endAllTests();
      rmSync(profileFolder, { recursive: true, force: true });
      process.exit(130);
    });
  }

  const totals = { passed: 0, failed: 0 };
  const failedNames: string[] = [];
  const perform = async (task: TestTask): Promise<void> => {
    const { passed, failed, durationMs, output } = await runTest(task, { profileFolder });
    totals.passed += passed;
    totals.failed += failed;
    const verdict = failed === 0 ? 'ok  ' : 'FAIL';
    const count = task.counts === 'uvu' ? ` (${passed} of ${passed + failed})` : '';
    say(`${verdict} ${(durationMs / 1000).toFixed(1).padStart(6)} s  ${task.name}${count}`);
    if (failed === 0) return;
    failedNames.push(task.name);
    say(output.trim().slice(-OUTPUT_SHOWN_MAX));
  };

  const startedAt = monotonicMs();
  try {
    const queue = chosen.filter(({ alone }) => !alone);
    const work = async () => {
      for (let task = queue.shift(); task !== undefined; task = queue.shift()) await perform(task);
    };
    await Promise.all(Array.from({ length: SIDE_BY_SIDE }, work));
    for (const task of chosen.filter(({ alone }) => alone)) await perform(task);
    if (options.only === undefined) await perform(coverageTask(profileFolder));
  } finally {
    rmSync(profileFolder, { recursive: true, force: true });
  }

  for (const name of failedNames) say(`failed: ${name}`);
  say(`${Math.round((monotonicMs() - startedAt) / 1000)} s`);
  say(`${totals.passed} passed, ${totals.failed} failed`);
  return totals.failed === 0 && totals.passed > 0 ? exitCodes.done : exitCodes.failed;
});
