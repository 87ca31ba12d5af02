/** What a benchmark tells at its end: for a terminal, for a document, for programs. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { drawChart } from './bench-chart.ts';
import { GROWTH_HEAD, type Growth, growthRows } from './bench-growth.ts';
import { type Machine, machineLines } from './bench-machine.ts';
import type { BenchOptions } from './bench-options.ts';
import { type Series, type Spread, spreadOf, valuesOf } from './bench-subject.ts';
import type { Verdict } from './bench-targets.ts';
import { UNSYNCED } from './bench-till.ts';
import { type Cell, drawMarkdownTable, drawTable } from './table.ts';

export type BenchReport = {
  startedAt: string;
  machine: Machine;
  loader: { title: string; name: string };
  /** The runtime that is compared with all else. */
  till: string;
  seconds: number;
  warmSeconds: number;
  rounds: number;
  series: Series[];
  verdicts: Verdict[];
  /** null if it was not asked for. */
  growth: Growth | null;
  /** The peers that were measured, and what their answer promises. */
  peers: { title: string; notes: string }[];
  /** What was not measured, and why. */
  missing: string[];
};

const count = (value: number): string => Math.round(value).toLocaleString('en');
const span = ({ min, max }: Spread, show: (value: number) => string): string =>
  show(min) === show(max) ? show(min) : `${show(min)}-${show(max)}`;
const ms = (spread: Spread | null): string => (spread === null ? '' : spread.median.toFixed(2));
/** Three digits that count. */
const short = (value: number): string => (value >= 100 ? value.toFixed(0) : value.toPrecision(3));

const FIGURES = ['what', 'measured', 'clients', 'per second', 'min-max', 'p50 ms', 'p99 ms', 'failed'];

const figureRows = (series: Series[]): Cell[][] =>
  series.flatMap((one) => {
    const rate = spreadOf(valuesOf(one, 'perSecond'));
    if (rate === null) return [];
    const failed = one.samples.reduce((sum, sample) => sum + sample.failed, 0);
    const latency = [ms(spreadOf(valuesOf(one, 'p50Ms'))), ms(spreadOf(valuesOf(one, 'p99Ms')))];
    return [[one.subjectTitle, one.title, one.clients, count(rate.median), span(rate, count), ...latency, failed]];
  });

const TARGETS = ['target', 'measured', 'min-max', 'aim', 'aim is', 'stretch', 'stretch is'];

const verdictText = (over: number | null): string => {
  if (over === null) return '';
  return `${over >= 0 ? 'met, ' : 'missed, '}${over >= 0 ? '+' : '-'}${Math.abs(over * 100).toFixed(0)} %`;
};

const verdictRows = (verdicts: Verdict[]): Cell[][] =>
  verdicts.map(({ title, better, aim, stretch, unit, measured, overAim, overStretch }) => {
    const bound = (value: number): string => `${better === 'more' ? '≥' : '≤'} ${value}${unit}`;
    const seen = measured === null ? ['not measured', ''] : [`${short(measured.median)}${unit}`, span(measured, short)];
    return [title, ...seen, bound(aim), verdictText(overAim), bound(stretch), verdictText(overStretch)];
  });

/** What else was seen, the median of it. */
const alsoLines = (series: Series[]): string[] =>
  series.flatMap(({ subjectTitle, title, samples }) => {
    const names = Object.keys(samples[0]?.also ?? {});
    const words = names.map((name) => {
      const spread = spreadOf(samples.flatMap(({ also }) => also?.[name] ?? []));
      return `${wordsOf(name)} ${spread === null ? '?' : shown(spread.median)}`;
    });
    return words.length === 0 ? [] : [`${subjectTitle}, ${title}: ${words.join(', ')}`];
  });
const wordsOf = (name: string): string => name.replaceAll(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
const shown = (value: number): string => (value >= 1000 ? count(value) : short(value));

const FSYNC = ['clients', 'orders/s', 'without fsync', 'with ÷ without', 'p50 ms', 'p50 ms without fsync'];

/** What fsync costs: the same services with it and without, by the number of clients. */
const fsyncRows = (series: Series[], till: string): Cell[][] =>
  series.flatMap((without) => {
    const measured = series.find(({ subject, name }) => subject === till && name === `order-${without.clients}`);
    if (without.subject !== UNSYNCED || measured === undefined) return [];
    const [rate, rateWithout] = [measured, without].map((one) => spreadOf(valuesOf(one, 'perSecond'))?.median ?? 0);
    if (rate === undefined || rateWithout === undefined) return [];
    const latencies = [measured, without].map((one) => ms(spreadOf(valuesOf(one, 'p50Ms'))));
    return [[without.clients, count(rate), count(rateWithout), (rate / rateWithout).toFixed(2), ...latencies]];
  });

/** What the load program could do if nothing else took time: by how much of a core it used beside the floor. */
const ceilingLine = (series: Series[], loader: string): string[] => {
  const samples = series.find(({ subject, name }) => subject === 'bare' && name === 'get-32')?.samples ?? [];
  const spread = spreadOf(
    samples.flatMap(({ perSecond, cores }) => (cores?.[loader] ? [perSecond / cores[loader]] : [])),
  );
  return spread === null
    ? []
    : [`With a core to itself ${loader} would make about ${count(spread.median)} requests per second.`];
};

const CORES = ['what', 'measured', 'clients', 'cores used'];

/** How much of a core each process used, the median of the rounds, the busiest first. */
const coreRows = (series: Series[]): Cell[][] =>
  series.flatMap(({ subjectTitle, title, clients, samples }) => {
    const names = [...new Set(samples.flatMap(({ cores }) => Object.keys(cores ?? {})))];
    const used = names
      .map((name) => ({ name, share: spreadOf(samples.flatMap(({ cores }) => cores?.[name] ?? []))?.median ?? 0 }))
      .sort((a, b) => b.share - a.share);
    const text = used.map(({ name, share }) => `${name} ${share.toFixed(2)}`).join(', ');
    return used.length === 0 ? [] : [[subjectTitle, title, clients, text]];
  });

/** The whole report: tables for a terminal, or Markdown. */
export const showReport = (report: BenchReport, { isMarkdown }: { isMarkdown: boolean }): string => {
  const table = (head: string[], rows: Cell[][]): string =>
    rows.length === 0 ? '' : (isMarkdown ? drawMarkdownTable : drawTable)(head, rows);
  const heading = (text: string): string => (isMarkdown ? `### ${text}\n` : text);
  const listed = (lines: string[]): string => lines.map((line) => (isMarkdown ? `- ${line}` : `  ${line}`)).join('\n');
  const { seconds, rounds, series, loader, till } = report;
  const also = alsoLines(series);
  const cores = coreRows(series);
  const fsync = fsyncRows(series, till);
  const parts = [
    [
      `${report.startedAt.slice(0, 10)}. ${rounds} rounds, ${seconds} s for each measurement; the median of the rounds counts. Load over HTTP: ${loader.title}.`,
      ...ceilingLine(series, loader.name),
      ...machineLines(report.machine),
    ].join('\n'),
    report.verdicts.every(({ measured }) => measured === null)
      ? ''
      : `${heading('Targets')}\n${table(TARGETS, verdictRows(report.verdicts))}`,
    `${heading('Figures')}\n${table(FIGURES, figureRows(series))}`,
    fsync.length === 0 ? '' : `${heading('What fsync costs')}\n${table(FSYNC, fsync)}`,
    also.length === 0 ? '' : `${heading('Seen on the way')}\n${listed(also)}`,
    cores.length === 0 ? '' : `${heading('Processor cores used')}\n${table(CORES, cores)}`,
    report.growth === null ? '' : `${heading('Growth')}\n${table(GROWTH_HEAD, growthRows(report.growth))}`,
    report.peers.length === 0
      ? ''
      : `${heading('What the others do and do not promise')}\n${listed(report.peers.map(({ title, notes }) => `${title}: ${notes}`))}`,
    report.missing.length === 0 ? '' : `${heading('Not measured')}\n${listed(report.missing)}`,
  ];
  return parts.filter((part) => part !== '').join('\n\n');
};

/** Writes what was asked for; returns the files. */
export const saveReport = (report: BenchReport, { jsonFile, svgFile }: BenchOptions): string[] => {
  const files = new Map<string, string>();
  if (jsonFile !== null) files.set(jsonFile, `${JSON.stringify(report, null, 2)}\n`);
  if (svgFile !== null) files.set(svgFile, drawChart(report.series));
  for (const [path, text] of files) {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  }
  return [...files.keys()];
};
