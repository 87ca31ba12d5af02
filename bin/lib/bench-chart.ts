/** A chart of how many durable writes each system makes, as SVG: a panel for each number of clients. */
import { type Series, type Spread, spreadOf, valuesOf } from './bench-subject.ts';

type Bar = { label: string; spread: Spread; isOurs: boolean };

const CLIENTS = [32, 128];
const WIDTH = 760;
const LEFT = 210;
const RIGHT = 90;
const BAR = 20;
const STEP = 28;
const HEAD = 44;

/** What counts as one durable write of each. The floor stores nothing and is no bar. */
const WRITES = /^(order|put)-\d+$/;

const OURS = new Set(['node', 'bun', 'deno']);

export const drawChart = (series: readonly Series[]): string => {
  const panels = CLIENTS.map((clients) => ({ clients, bars: barsOf(series, clients) })).filter(
    ({ bars }) => bars.length > 0,
  );
  const most = Math.max(1, ...panels.flatMap(({ bars }) => bars.map(({ spread }) => spread.max)));
  let top = 16;
  const parts = panels.map(({ clients, bars }) => {
    const from = top;
    top += HEAD + bars.length * STEP;
    return [
      `  <text x="20" y="${from + 18}" class="head">Durable writes per second, ${clients} clients</text>`,
      ...bars.map((bar, at) => drawBar(bar, { y: from + 30 + at * STEP, most })),
    ].join('\n');
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${top + 8}" role="img" aria-labelledby="title" font-family="system-ui, sans-serif" font-size="13">`,
    '  <title id="title">Durable writes per second of Till and of others; the thin line is from the least to the most of the rounds</title>',
    STYLE,
    `  <rect class="back" width="${WIDTH}" height="${top + 8}" rx="8"/>`,
    ...parts,
    '</svg>',
    '',
  ].join('\n');
};

const barsOf = (series: readonly Series[], clients: number): Bar[] =>
  series
    .filter((one) => one.clients === clients && WRITES.test(one.name))
    .flatMap((one) => {
      const spread = spreadOf(valuesOf(one, 'perSecond'));
      return spread === null ? [] : [{ label: one.subjectTitle, spread, isOurs: OURS.has(one.subject) }];
    });

const drawBar = ({ label, spread, isOurs }: Bar, { y, most }: { y: number; most: number }): string => {
  const at = (value: number): number => LEFT + Math.round((value / most) * (WIDTH - LEFT - RIGHT));
  const middle = y + BAR / 2;
  return [
    `  <text x="${LEFT - 10}" y="${middle + 5}" text-anchor="end">${escaped(label)}</text>`,
    `  <rect class="${isOurs ? 'ours' : 'other'}" x="${LEFT}" y="${y}" width="${at(spread.median) - LEFT}" height="${BAR}" rx="3"/>`,
    `  <path class="span" d="M${at(spread.min)} ${middle}H${at(spread.max)}"/>`,
    `  <text x="${at(Math.max(spread.median, spread.max)) + 8}" y="${middle + 5}">${Math.round(spread.median).toLocaleString('en')}</text>`,
  ].join('\n');
};

const escaped = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');

const STYLE = `  <style>
    .ours { fill: #0969da } .other { fill: #8c959f } .span { stroke: #1f2328; stroke-width: 1.5 }
    text { fill: #1f2328 } .head { font-weight: 600 } .back { fill: #fff }
    @media (prefers-color-scheme: dark) {
      .ours { fill: #58a6ff } .other { fill: #6e7681 } .span { stroke: #e6edf3 }
      text { fill: #e6edf3 } .back { fill: #0d1117 }
    }
  </style>`;
