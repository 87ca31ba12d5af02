/** bin/client and bin/verify as a user runs them: processes of their own. */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ClientReport } from '../../bin/lib/client-report.ts';
import { projectFolder, tool } from '../../bin/lib/project.ts';

export type CommandEnd = { code: number | null; output: string };
export type ClientEnd = CommandEnd & { report: ClientReport };
export type ClientProcess = {
  pid: number;
  isRunning(): boolean;
  /** Ends the load, as Ctrl-C does: what was ordered so far is checked, and the report is written. */
  finish(): Promise<ClientEnd>;
  ended: Promise<ClientEnd>;
};

export type Verdict = {
  consistent: boolean;
  orders: number;
  replicas: { id: number; entries: number; damage: string }[];
  problems: { rule: string; detail: string }[];
  checkouts: { queued: number; placed: number; refused: number };
};

const run = (name: string, words: string[]) => {
  const child = spawn(tool('node'), [join(projectFolder, `bin/${name}.ts`), ...words], {
    cwd: projectFolder,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk) => {
      output += chunk;
    });
  }
  const ended = new Promise<CommandEnd>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, output }));
  });
  return { pid: child.pid ?? 0, isRunning: () => child.exitCode === null && child.signalCode === null, ended };
};

let reports = 0;

/** Starts bin/client against `url`; its report is kept in `folder`. */
export const startClient = (url: string, folder: string, words: string[]): ClientProcess => {
  reports += 1;
  const file = join(folder, `client-${reports}.json`);
  const child = run('client', ['--url', url, '--json', file, ...words]);
  const ended = child.ended.then((end) => {
    try {
      return { ...end, report: JSON.parse(readFileSync(file, 'utf8')) as ClientReport };
    } catch {
      throw new Error(`bin/client ended with ${end.code} and no report:\n${end.output}`);
    }
  });
  // Whoever waits for the end hears of a failure; nobody has to wait.
  ended.catch(() => {});
  return {
    pid: child.pid,
    isRunning: child.isRunning,
    finish() {
      if (child.isRunning()) process.kill(child.pid, 'SIGINT');
      return ended;
    },
    ended,
  };
};

/** What bin/verify finds in a data folder. */
export const verify = async (dataFolder: string): Promise<Verdict> => {
  const { code, output } = await run('verify', [dataFolder, '--json']).ended;
  const line = output.split('\n').find((text) => text.startsWith('{'));
  if (line === undefined) throw new Error(`bin/verify ended with ${code} and no verdict:\n${output}`);
  const verdict = JSON.parse(line) as Verdict;
  if (verdict.consistent !== (code === 0)) throw new Error(`bin/verify ended with ${code}, but says ${line}`);
  return verdict;
};
