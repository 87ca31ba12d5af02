/**
 * The processes of a benchmark, and its folder. Each service writes into a log of its own, straight to the file: what it
 * says costs the benchmark nothing. A guard ends all of them and removes the folder, whatever happens to the benchmark.
 */
import { spawn } from 'node:child_process';
import {
  accessSync,
  chmodSync,
  closeSync,
  constants,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  realpathSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { monotonicMs, sleep } from '@till/shared/clock';
import type { GuardNote } from '../../test/system/guard.ts';
import { Failure } from './command.ts';
import { projectFolder, tool } from './project.ts';

export type Program = {
  program: string;
  words: string[];
  environment?: Record<string, string>;
  folder?: string;
  /** Another account to run as. */
  account?: { uid: number; gid: number };
};

export type Running = {
  name: string;
  pid: number;
  isRunning(): boolean;
  /** The end of its log. */
  log(): string;
  ended: Promise<void>;
};

export type Processes = {
  /** Everything of this benchmark. */
  folder: string;
  /** A new folder in it. */
  makeFolder(name: string): string;
  /** Starts a service. */
  start(name: string, program: Program): Running;
  /**
   * Runs a program to its end and returns what it printed; fails unless its exit code is 0. What `onStart` returns is
   * called now and then while it runs.
   */
  run(program: Program, watch?: { onStart(pid: number): () => void }): Promise<string>;
  /** Asks them to end, all at once; those that do not are killed. */
  stop(running: Running[], signal?: NodeJS.Signals): Promise<void>;
  /** Ends whatever is left, and removes the folder. */
  close(): Promise<void>;
};

const STOP_WITHIN_MS = 10_000;
const WATCH_EVERY_MS = 100;
const LOG_SHOWN_MAX = 2000;

/** `runWithinSeconds`: how long a program that is run to its end may take; then it is killed. */
export const openProcesses = ({ runWithinSeconds }: { runWithinSeconds: number }): Processes => {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'till-bench-')));
  // Another account must get through to its own folder.
  chmodSync(folder, 0o755);
  const guard = startGuard();
  guard.note({ folder });
  let foldersMade = 0;
  let isClosed = false;

  const spawnNoted = (
    { program, words, environment = {}, folder: cwd = folder, account }: Program,
    output: number | 'pipe',
  ) => {
    if (isClosed) throw new Failure('Cannot start anything: this benchmark is at its end');
    const child = spawn(program, words, {
      cwd,
      stdio: ['ignore', output, output],
      env: { ...process.env, ...environment },
      ...account,
    });
    const { pid } = child;
    if (pid !== undefined) guard.note({ started: pid });
    const ended = new Promise<number | null>((resolve, reject) => {
      child.once('error', (error) => reject(new Failure(`Cannot run ${program}: ${error.message}`)));
      child.once('close', (code) => {
        if (pid !== undefined) guard.note({ ended: pid });
        resolve(code);
      });
    });
    return { child, ended };
  };

  return {
    folder,
    makeFolder(name) {
      foldersMade += 1;
      const path = join(folder, `${foldersMade}-${name}`);
      mkdirSync(path);
      return path;
    },
    start(name, program) {
      const logFile = join(folder, `${name}.log`);
      const output = openSync(logFile, 'a');
      const { child, ended } = spawnNoted(program, output);
      closeSync(output);
      return {
        name,
        pid: child.pid ?? 0,
        isRunning: () => child.pid !== undefined && child.exitCode === null && child.signalCode === null,
        log: () => readFileSync(logFile, 'utf8').slice(-LOG_SHOWN_MAX),
        ended: ended.then(
          () => {},
          () => {},
        ),
      };
    },
    async run(program, watch) {
      const { child, ended } = spawnNoted(program, 'pipe');
      const look = child.pid === undefined ? undefined : watch?.onStart(child.pid);
      const looking = look === undefined ? undefined : setInterval(look, WATCH_EVERY_MS);
      const giveUp = setTimeout(() => child.kill('SIGKILL'), runWithinSeconds * 1000);
      let output = '';
      for (const stream of [child.stdout, child.stderr]) {
        stream?.on('data', (chunk) => {
          output += chunk;
        });
      }
      const code = await ended.finally(() => {
        clearTimeout(giveUp);
        clearInterval(looking);
      });
      if (code === 0) return output;
      const command = [program.program, ...program.words].join(' ').slice(0, 300);
      throw new Failure(`Cannot go on: ${command} ended with ${code}:\n${output.slice(-LOG_SHOWN_MAX)}`);
    },
    async stop(running, signal = 'SIGTERM') {
      const alive = running.filter((one) => one.isRunning());
      for (const { pid } of alive) sendSignal(pid, signal);
      await Promise.race([Promise.all(alive.map(({ ended }) => ended)), sleep(STOP_WITHIN_MS)]);
      for (const one of alive.filter((each) => each.isRunning())) {
        sendSignal(one.pid, 'SIGKILL');
        await one.ended;
      }
    },
    async close() {
      isClosed = true;
      await guard.end();
    },
  };
};

const sendSignal = (pid: number, signal: NodeJS.Signals): void => {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
};

const startGuard = () => {
  const child = spawn(tool('node'), [join(projectFolder, 'test/system/guard.ts')], {
    cwd: projectFolder,
    detached: true,
    stdio: ['pipe', 'ignore', 'inherit'],
  });
  const ended = new Promise<number | null>((resolve) => child.once('exit', resolve));
  return {
    note: (note: GuardNote): void => void child.stdin.write(`${JSON.stringify(note)}\n`),
    async end(): Promise<void> {
      child.stdin.end();
      const code = await ended;
      if (code !== 0) throw new Failure(`Cannot end what was started: the guard ended with ${code}`);
    },
  };
};

/** The path of a program, or null if it is not installed. `more`: folders to look into after those of PATH. */
export const findProgram = (name: string, more: string[] = []): string | null => {
  const folders = [...(process.env.PATH ?? '').split(delimiter).filter((folder) => folder !== ''), ...more];
  for (const folder of folders) {
    const path = join(folder, name);
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      // Not here: the next folder.
    }
  }
  return null;
};

/** A store of millions of orders is read and checked line by line. */
const WITHIN_MS = 10 * 60_000;
const LOOK_EVERY_MS = 50;

/** Looks again and again until it is so. Fails at once if one of those who must make it so has ended. */
export const waitFor = async (
  what: string,
  running: readonly Running[],
  look: () => Promise<boolean>,
): Promise<void> => {
  const startMs = monotonicMs();
  while (!(await look())) {
    const gone = running.find((one) => !one.isRunning());
    if (gone !== undefined) throw new Failure(`Cannot go on: ${gone.name} has ended. Its last words:\n${gone.log()}`);
    if (monotonicMs() - startMs > WITHIN_MS) throw new Failure(`Not within ${WITHIN_MS / 1000} s: ${what}`);
    await sleep(LOOK_EVERY_MS);
  }
};
