/**
 * Load over HTTP: so many connections, each with one request under way. wrk makes it if it is installed; else autocannon,
 * which on Node is slower than what it measures: then the floor is its ceiling.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findProgram, type Processes, type Program } from './bench-processes.ts';
import type { Sample } from './bench-subject.ts';
import { watchCores } from './bench-usage.ts';
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

/** What only an own look at each answer tells. */
export type Watched = LoadResult & {
  /** The longest time in which no request was answered, on any connection. */
  longestGapMs: number;
  /** The longest time in which the load program itself did not come to anything. */
  ownDelayMs: number;
};

export type Loader = {
  /** What makes the load, for people. */
  title: string;
  /** As it is in `cores` of a result. */
  name: string;
  run(load: Load): Promise<LoadResult>;
  /** By autocannon in any case. */
  watch(load: Load): Promise<Watched>;
};

/** What a load program prints, in one line. */
export type LoadLine = {
  count: number;
  seconds: number;
  failed: number;
  p50Ms: number;
  p99Ms: number;
  longestGapMs?: number;
  ownDelayMs?: number;
};

const AUTOCANNON = fileURLToPath(new URL('bench-autocannon.ts', import.meta.url));

export const createLoader = (processes: Processes): Loader => {
  const wrk = findProgram('wrk');
  const script = join(processes.folder, 'wrk.lua');
  let filesMade = 0;
  if (wrk !== null) writeFileSync(script, WRK_SCRIPT);

  /** Files are kept to the end: what went wrong may be looked into with them. */
  const fileWith = (text: string): string => {
    filesMade += 1;
    const file = join(processes.folder, `load-${filesMade}.txt`);
    writeFileSync(file, text);
    return file;
  };

  const run = async (name: string, program: Program, { url }: Load): Promise<Watched> => {
    let used: Record<string, number> = {};
    const onStart = (pid: number) => {
      const watch = watchCores([{ name, pid }]);
      return () => {
        used = { ...used, ...watch() };
      };
    };
    const line = readLoadLine(await processes.run(program, { onStart }));
    if (line.count === 0) throw new Failure(`Cannot measure: no request to ${url} was answered`);
    const { count, seconds, failed, p50Ms, p99Ms, longestGapMs = 0, ownDelayMs = 0 } = line;
    return { count, perSecond: count / seconds, p50Ms, p99Ms, failed, cores: used, longestGapMs, ownDelayMs };
  };

  const byAutocannon = (load: Load): Promise<Watched> =>
    run('autocannon', { program: tool('node'), words: [AUTOCANNON, fileWith(JSON.stringify(load))] }, load);

  const byWrk = async (program: string, load: Load): Promise<LoadResult> => {
    const words = wrkWords(load, script, fileWith(load.requests.map(lineOf).join('')));
    const { longestGapMs: _, ownDelayMs: __, ...result } = await run('wrk', { program, words }, load);
    return result;
  };

  return {
    title: wrk === null ? 'autocannon, since wrk is not installed' : 'wrk, one thread',
    name: wrk === null ? 'autocannon' : 'wrk',
    run: (load) => (wrk === null ? byAutocannon(load) : byWrk(wrk, load)),
    watch: byAutocannon,
  };
};

const lineOf = ({ method, path, body = '' }: LoadRequest): string => `${method}\t${path}\t${body}\n`;

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
