/** bin/check-service as a process of its own, on any runtime. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { deadline } from '@till/shared/clock';
import { projectFolder, tool } from '../../bin/lib/project.ts';

export const runtimes = {
  node: [tool('node')],
  bun: [tool('bun')],
  deno: [tool('deno'), 'run', '--allow-all', '--no-lock', '--quiet'],
};
export type Runtime = keyof typeof runtimes;

export type CheckProcess = {
  url: string;
  /** All that it has written. */
  output(): string;
  kill(signal: NodeJS.Signals): void;
  /** The exit code, null after a signal. */
  ended(): Promise<number | null>;
};

const WAIT_MS = 60_000;
const running = new Map<ChildProcess, Promise<unknown>>();

/** Returns when it serves. `words` come after the name. */
export const startCheck = async (
  name: string,
  { runtime = 'node', words = [] }: { runtime?: Runtime; words?: string[] } = {},
): Promise<CheckProcess> => {
  const [program = '', ...before] = runtimes[runtime];
  const child = spawn(
    program,
    [...before, join(projectFolder, 'bin/check-service.ts'), name, '--port', '0', ...words],
    {
      cwd: projectFolder,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, LOG_LEVEL: 'trace' },
    },
  );
  const end = once(child, 'close').then(([code]) => {
    running.delete(child);
    return code as number | null;
  });
  running.set(child, end);
  let output = '';
  const { promise: listening, resolve } = Promise.withResolvers<string>();
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk) => {
      output += chunk;
      const url = /"url":"(http:[^"]+)"/.exec(output)?.[1];
      if (url !== undefined) resolve(url);
    });
  }
  const early = end.then((code) => {
    throw new Error(`${name} ended with ${code} before it served: ${output}`);
  });
  early.catch(() => {});
  const url = await deadline(Promise.race([listening, early]), WAIT_MS, `the start of ${name}`);
  return {
    url,
    output: () => output,
    kill: (signal) => void process.kill(child.pid as number, signal),
    ended: () => deadline(end, WAIT_MS, `the end of ${name}`),
  };
};

/** For `test.after.each`. */
export const endChecks = async (): Promise<void> => {
  for (const [child, end] of running) {
    process.kill(child.pid as number, 'SIGKILL');
    await deadline(end, WAIT_MS, 'the end of a check service');
  }
};
