/** What a benchmark is asked to do. */
import { type Runtime, runtimes } from './bench-services.ts';
import { readOptions, UsageError, wholeNumber } from './command.ts';

export type BenchOptions = {
  runtimes: Runtime[];
  withPeers: boolean;
  /** Of each measurement. */
  seconds: number;
  rounds: number;
  /** At most so long is each system warmed up. */
  warmSeconds: number;
  /** Only what has one of these in its name; without any, everything. */
  only: string[];
  /** Orders to measure growth with; 0: not at all. */
  growth: number;
  markdown: boolean;
  list: boolean;
  jsonFile: string | null;
  svgFile: string | null;
};

const SECONDS = { min: 0.1, max: 600, fallback: '3' };
const WARM_SECONDS = { min: 0, max: 600, fallback: '10' };

export const readBenchOptions = (words: string[]): BenchOptions => {
  const { options } = readOptions(words, {
    // May be given more than once.
    runtime: { type: 'string', multiple: true },
    only: { type: 'string', multiple: true },
    peers: { type: 'boolean' },
    seconds: { type: 'string' },
    warm: { type: 'string' },
    rounds: { type: 'string' },
    growth: { type: 'string' },
    markdown: { type: 'boolean' },
    list: { type: 'boolean' },
    json: { type: 'string' },
    svg: { type: 'string' },
  });
  return {
    runtimes: runtimesOf(listOf(options.runtime) ?? ['node']),
    withPeers: options.peers === true,
    seconds: secondsOf('seconds', options.seconds, SECONDS),
    warmSeconds: secondsOf('warm', options.warm, WARM_SECONDS),
    rounds: wholeNumber('rounds', options.rounds ?? '3', { min: 1, max: 100 }),
    only: listOf(options.only) ?? [],
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

/** What is given more than once, which `readOptions` has no type for. */
const listOf = (given: unknown): string[] | undefined => given as string[] | undefined;

type Bounds = { min: number; max: number; fallback: string };

const secondsOf = (option: string, given: string | undefined, { min, max, fallback }: Bounds): number => {
  const text = given ?? fallback;
  const value = /^\d*\.?\d+$/.test(text) ? Number(text) : Number.NaN;
  if (value >= min && value <= max) return value;
  throw new UsageError(`--${option}: ${JSON.stringify(text)} is not a number from ${min} to ${max}`);
};
