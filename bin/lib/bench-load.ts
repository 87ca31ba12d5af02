/**
 * Load over HTTP: so many connections, each with one request under way. wrk makes it if it is installed; else a program of
 * our own, which on Node is slower than what it measures: then the floor is its ceiling.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findProgram, type Processes } from './bench-processes.ts';
import type { Sample } from './bench-subject.ts';
import { WRK_SCRIPT } from './bench-wrk.ts';
import { Failure } from './command.ts';
import { tool } from './project.ts';

export type LoadRequest = { method: 'GET' | 'POST'; path: string; body?: string };

export type Load = {
  url: string;
  /** Sent in this order, again and again. */
  requests: LoadRequest[];
  connections: number;
  seconds: number;
};

export type LoadResult = Sample & { count: number };

export type Loader = {
  /** What makes the load, for people. */
  title: string;
  run(load: Load): Promise<LoadResult>;
};

/** What a load program prints, in one line. */
export type LoadLine = { count: number; seconds: number; failed: number; p50Ms: number; p99Ms: number };

export const createLoader = (processes: Processes): Loader => {
  const wrk = findProgram('wrk');
  const script = join(processes.folder, 'wrk.lua');
  let filesMade = 0;
  if (wrk !== null) writeFileSync(script, WRK_SCRIPT);

  return {
    title:
      wrk === null
        ? 'a loader of our own (undici), since wrk is not installed: the bare server shows its ceiling'
        : 'wrk, one thread',
    async run(load) {
      filesMade += 1;
      const file = join(processes.folder, `load-${filesMade}.txt`);
      writeFileSync(file, wrk === null ? JSON.stringify(load) : load.requests.map(lineOf).join(''));
      const program = wrk === null ? ownLoader(file) : { program: wrk, words: wrkWords(load, script, file) };
      const line = readLoadLine(await processes.run(program));
      if (line.count === 0) throw new Failure(`Cannot measure: no request to ${load.url} was answered`);
      const { count, seconds, failed, p50Ms, p99Ms } = line;
      return { count, perSecond: count / seconds, p50Ms, p99Ms, failed };
    },
  };
};

const lineOf = ({ method, path, body = '' }: LoadRequest): string => `${method}\t${path}\t${body}\n`;

const ownLoader = (file: string) => ({
  program: tool('node'),
  words: [fileURLToPath(new URL('bench-undici.ts', import.meta.url)), file],
});

/** wrk knows whole seconds only. */
const wrkWords = ({ url, connections, seconds }: Load, script: string, file: string): string[] => {
  const duration = `${Math.max(1, Math.round(seconds))}s`;
  return ['-t', '1', '-c', String(connections), '-d', duration, '--timeout', '10s', '-s', script, url, file];
};

export const readLoadLine = (output: string): LoadLine => {
  const line = output.split('\n').find((text) => text.startsWith('{"count"'));
  if (line === undefined) throw new Failure(`Cannot read what the load program says:\n${output}`);
  return JSON.parse(line) as LoadLine;
};
