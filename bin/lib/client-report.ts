/** What a client run tells at its end: for a terminal, for a file, for programs. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { ClientOptions } from './client-options.ts';
import type { RunResult } from './client-run.ts';
import { isFlawless } from './client-run.ts';
import { requestKinds } from './client-statistics.ts';
import type { Cell } from './table.ts';
import { drawMarkdownTable, drawTable } from './table.ts';

export type ClientReport = {
  url: string;
  startedAt: string;
  seed: number;
  clients: number;
  requests: number;
  thinkMs: number;
  runs: RunResult[];
  flawless: boolean;
};

/** More lines than this of one sort are only counted on a terminal; the JSON has all. */
const SHOWN_MAX = 20;

export const createReport = (options: ClientOptions, startedAt: Date, runs: RunResult[]): ClientReport => ({
  url: options.url,
  startedAt: startedAt.toISOString(),
  seed: options.seed,
  clients: options.clients,
  requests: options.requests,
  thinkMs: options.thinkMs,
  runs,
  flawless: runs.every(isFlawless),
});

const HEAD = ['request', 'count', 'errors', 'retries', 'p50 ms', 'p95 ms', 'p99 ms', 'max ms'];
const NAMES = { lookup: 'look up a product', order: 'place an order', check: 'check an order' } as const;

const rowsOf = ({ kinds }: RunResult): Cell[][] =>
  requestKinds.map((kind) => {
    const { count, errors, retries, p50Ms, p95Ms, p99Ms, maxMs } = kinds[kind];
    return [NAMES[kind], count, errors, retries, p50Ms, p95Ms, p99Ms, maxMs];
  });

const describeCache = ({ cache }: RunResult): string => {
  if (cache === null) return 'cache: the front does not tell';
  const asked = cache.hits + cache.misses;
  const percent = asked === 0 ? 0 : Math.round((cache.hits * 1000) / asked) / 10;
  return `cache: ${cache.hits} hits of ${asked} (${percent} %)`;
};

const describeRun = (run: RunResult): string[] => [
  `${run.requestsPerSecond} requests/s for ${run.durationMs / 1000} s; ${describeCache(run)}`,
  `${run.orders.outOfStock} orders refused for lack of stock`,
  `verified ${run.orders.verified} of ${run.orders.acknowledged} orders`,
];

const shown = (title: string, lines: string[], max: number): string[] => {
  if (lines.length === 0) return [];
  const more = lines.length > max ? [`  ... and ${lines.length - max} more`] : [];
  return [title, ...lines.slice(0, max).map((line) => `  ${line}`), ...more];
};

/** One run for a terminal. */
export const showRun = (run: RunResult): string =>
  [
    `order probability ${run.probability}`,
    drawTable(HEAD, rowsOf(run)),
    ...shown('Orders that differ or are missing:', run.differences, SHOWN_MAX),
    ...shown('Requests without an answer that they may get:', run.failures, SHOWN_MAX),
    ...describeRun(run),
  ].join('\n');

/** The whole report as Markdown. */
export const writeMarkdown = (report: ClientReport): string =>
  [
    '# Client run',
    '',
    `${report.clients} clients, ${report.requests} lookups each, seed ${report.seed}, at ${report.url}, ${report.startedAt}.`,
    '',
    `**${report.flawless ? 'Every acknowledged order was found as it was acknowledged.' : 'There are problems, see below.'}**`,
    ...report.runs.flatMap((run) => [
      '',
      `## Order probability ${run.probability}`,
      '',
      drawMarkdownTable(HEAD, rowsOf(run)),
      '',
      ...describeRun(run).map((line) => `- ${line}`),
      ...[...run.differences, ...run.failures].map((line) => `- problem: ${line}`),
    ]),
    '',
  ].join('\n');

/** Writes what was asked for; returns the files. */
export const saveReport = (report: ClientReport, { jsonFile, reportFolder }: ClientOptions): string[] => {
  const json = `${JSON.stringify(report, null, 2)}\n`;
  const files = new Map<string, string>();
  if (jsonFile !== null) files.set(jsonFile, json);
  if (reportFolder !== null) {
    files.set(join(reportFolder, 'report.json'), json);
    files.set(join(reportFolder, 'report.md'), writeMarkdown(report));
  }
  for (const [path, text] of files) {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  }
  return [...files.keys()];
};
