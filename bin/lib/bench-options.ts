/** What a benchmark is asked to do. */
import { type Runtime, runtimes } from './bench-services.ts';
import { readOptions, UsageError, wholeNumber } from './command.ts';

export type BenchOptions = {
  runtimes: Runtime[];
  withPeers: boolean;
  /** Of each measurement. */
  seconds: number;
  rounds: number;
  /** Only what has this in its name. */
  only: string;
  /** Orders to measure growth with; 0: not at all. */
  growth: number;
  markdown: boolean;
  list: boolean;
  jsonFile: string | null;
  svgFile: string | null;
};

const SECONDS = { min: 0.1, max: 600, fallback: '4' };

export const readBenchOptions = (words: string[]): BenchOptions => {
  const { options } = readOptions(words, {
    // May be given more than once.
    runtime: { type: 'string', multiple: true },
    peers: { type: 'boolean' },
    seconds: { type: 'string' },
    rounds: { type: 'string' },
    only: { type: 'string' },
    growth: { type: 'string' },
    markdown: { type: 'boolean' },
    list: { type: 'boolean' },
    json: { type: 'string' },
    svg: { type: 'string' },
  });
  return {
    runtimes: runtimesOf((options.runtime as unknown as string[] | undefined) ?? ['node']),
    withPeers: options.peers === true,
    seconds: secondsOf(options.seconds ?? SECONDS.fallback),
    rounds: wholeNumber('rounds', options.rounds ?? '3', { min: 1, max: 100 }),
    only: options.only ?? '',
    growth: options.growth === undefined ? 0 : wholeNumber('growth', options.growth, { min: 1, max: 100_000_000 }),
    markdown: options.markdown === true,
    list: options.list === true,
    jsonFile: options.json ?? null,
    svgFile: options.svg ?? null,
  };
};

const runtimesOf = (texts: string[]): Runtime[] => {
  const asked = texts.map((text) => {
    const runtime = runtimes.find((name) => name === text);
    if (runtime !== undefined) return runtime;
    throw new UsageError(`--runtime: ${JSON.stringify(text)} is not one of ${runtimes.join(', ')}`);
  });
  return [...new Set(asked)];
};

const secondsOf = (text: string): number => {
  const value = /^\d*\.?\d+$/.test(text) ? Number(text) : Number.NaN;
  if (value >= SECONDS.min && value <= SECONDS.max) return value;
  throw new UsageError(`--seconds: ${JSON.stringify(text)} is not a number from ${SECONDS.min} to ${SECONDS.max}`);
};
