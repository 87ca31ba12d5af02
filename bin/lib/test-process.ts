/** Runs one test in a process group of its own, which is gone when this is over. */
import { spawn } from 'node:child_process';
import { stripVTControlCharacters } from 'node:util';
import { monotonicMs } from '@till/shared/clock';
import { projectFolder } from './project.ts';
import type { TestTask } from './test-files.ts';

export type TestOutcome = { passed: number; failed: number; durationMs: number; output: string };

const OUTPUT_LENGTH_MAX = 200_000;

const running = new Set<number>();

const endGroup = (pid: number): void => {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
};

/** For the case that the tests are interrupted. */
export const endAllTests = (): void => {
  for (const pid of running) endGroup(pid);
};

export const runTest = (task: TestTask, { profileFolder }: { profileFolder: string }): Promise<TestOutcome> =>
  new Promise((resolve) => {
    const startedAt = monotonicMs();
    const [program = '', ...words] = task.command;
    const child = spawn(program, words, {
      cwd: projectFolder,
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, NO_COLOR: '1', ...(task.covers ? { NODE_V8_COVERAGE: profileFolder } : {}) },
    });
    const { pid } = child;
    if (pid !== undefined) running.add(pid);

    let output = '';
    let problem = '';
    const take = (chunk: Buffer): void => {
      output = (output + chunk.toString('utf8')).slice(-OUTPUT_LENGTH_MAX);
    };
    child.stdout.on('data', take);
    child.stderr.on('data', take);

    const timer = setTimeout(() => {
      problem = `Not finished within ${task.deadlineMs / 1000} s: its process group was ended`;
      if (pid !== undefined) endGroup(pid);
    }, task.deadlineMs);

    child.on('error', (error) => {
      problem = `Cannot run ${program}: ${error.message}`;
      finish(null);
    });
    // Whoever is left of the group would hold the pipes open, and ports.
    child.on('exit', () => {
      if (pid !== undefined) endGroup(pid);
    });
    child.on('close', (code) => finish(code));

    const finish = (code: number | null): void => {
      clearTimeout(timer);
      if (pid !== undefined) running.delete(pid);
      const text = stripVTControlCharacters(output);
      const counts = countTests(task, text, problem === '' ? code : null);
      resolve({
        ...counts,
        durationMs: monotonicMs() - startedAt,
        output: problem === '' ? text : `${text}\n${problem}`,
      });
    };
  });

/** A run that ends badly, or that runs no test, counts as a failed test even if it says nothing of one. */
export const countTests = (
  { counts }: Pick<TestTask, 'counts'>,
  output: string,
  code: number | null,
): { passed: number; failed: number } => {
  if (counts === 'exit code') return code === 0 ? { passed: 1, failed: 0 } : { passed: 0, failed: 1 };
  const total = Number(/^ {2}Total: +(\d+)$/m.exec(output)?.[1] ?? 0);
  const passed = Number(/^ {2}Passed: +(\d+)$/m.exec(output)?.[1] ?? 0);
  const failed = total - passed;
  const isGood = code === 0 && total > 0;
  return { passed, failed: failed === 0 && !isGood ? 1 : failed };
};
