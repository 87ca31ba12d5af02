/** Scripts of tests as processes of their own, with the runtime that runs the test. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { deadline } from '@till/shared/clock';

const WAIT_MS = 20_000;

export type Script = {
  process: ChildProcess;
  pid: number;
  /** The next line that the script prints; rejects when it ends without one. */
  line(): Promise<string>;
  /** All lines that are still to come, up to the end of its output. */
  rest(): Promise<string[]>;
  /** A line to its standard input. */
  tell(text: string): void;
  kill(signal: NodeJS.Signals): void;
  /** The exit code, null after a signal. */
  ended(): Promise<number | null>;
};

const running = new Set<ChildProcess>();

/** Starts a script beside this file. */
export const startScript = (name: string, args: string[] = []): Script => {
  const file = fileURLToPath(new URL(name, import.meta.url));
  const runtimeArgs = 'Deno' in globalThis ? ['run', '-A', file] : [file];
  const child = spawn(process.execPath, [...runtimeArgs, ...args], { stdio: ['pipe', 'pipe', 'inherit'] });
  running.add(child);
  const exit = once(child, 'close').then(([code]) => {
    running.delete(child);
    return code as number | null;
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    process: child,
    pid: child.pid as number,
    line: async () => {
      const next = await deadline(lines.next(), WAIT_MS, `a line of ${name}`);
      if (next.done) throw new Error(`${name} ended without a further line`);
      return next.value;
    },
    rest: async () => {
      const rest: string[] = [];
      const read = async () => {
        for (let next = await lines.next(); !next.done; next = await lines.next()) rest.push(next.value);
      };
      await deadline(read(), WAIT_MS, `the last line of ${name}`);
      return rest;
    },
    tell: (text) => void child.stdin.write(`${text}\n`),
    kill: (signal) => killProcess(child, signal),
    ended: () => deadline(exit, WAIT_MS, `the end of ${name}`),
  };
};

/** For `test.after.each`. */
export const endScripts = async (): Promise<void> => {
  for (const child of running) {
    const closed = once(child, 'close');
    killProcess(child, 'SIGKILL');
    await deadline(closed, WAIT_MS, 'the end of a script');
  }
};

/**
 * Not by `child.kill`: on Deno that takes any signal for the end of the child, SIGSTOP too, and sends none after it. A child that
 * has ended by itself, but whose output is not read to its end yet, cannot be killed any more, which is as good.
 */
const killProcess = (child: ChildProcess, signal: NodeJS.Signals): void => {
  if (!running.has(child)) return;
  try {
    process.kill(child.pid as number, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
};
