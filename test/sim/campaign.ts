/** Many runs in a row, and what is told of them. */
import { monotonicMs } from '@till/shared/clock';
import { type Result, type Rule, run } from './run.ts';
import type { Theme } from './themes.ts';
import type { Counts } from './world.ts';

export type Campaign = {
  start: number;
  count: number;
  without: Rule[];
  theme: Theme | undefined;
  tracing: boolean;
  keepGoing: boolean;
  say: (line: string) => void;
};

const PROGRESS_EVERY_MS = 2000;

/** Returns how many seeds failed. */
export const runCampaign = ({ start, count, without, theme, tracing, keepGoing, say }: Campaign): number => {
  const beganMs = monotonicMs();
  const total: Counts = {};
  let toldMs = beganMs;
  let steps = 0;
  let runs = 0;
  let failures = 0;
  const optionsText = [...without.map((rule) => ` --mutate ${rule}`), theme ? ` --theme ${theme}` : ''].join('');
  const perSecond = (): string => Math.round((steps * 1000) / (monotonicMs() - beganMs)).toLocaleString('en');

  for (let seed = start; seed < start + count; seed += 1) {
    const lines: string[] = [];
    const result = run({ seed, without, theme, onTrace: tracing ? (line) => lines.push(line) : undefined });
    if (result.failure !== null) say(failureLine(result, optionsText));
    for (const line of lines) say(line);
    runs += 1;
    steps += result.ticks;
    for (const [what, times] of Object.entries(result.counts)) total[what] = (total[what] ?? 0) + times;
    if (result.failure !== null) {
      failures += 1;
      if (!keepGoing) break;
    }
    if (monotonicMs() - toldMs >= PROGRESS_EVERY_MS) {
      toldMs = monotonicMs();
      say(`${runs} of ${count} seeds, ${perSecond()} steps/s`);
    }
  }

  say('');
  for (const [what, times] of Object.entries(total).sort(([a], [b]) => (a < b ? -1 : 1))) {
    say(`${times.toLocaleString('en').padStart(12)}  ${what}`);
  }
  const verdict = failures === 0 ? 'every invariant held' : `${failures} failed`;
  say(`\n${runs} seeds, ${steps.toLocaleString('en')} steps, ${perSecond()} steps/s: ${verdict}`);
  return failures;
};

/** The line that must say all that is needed to see it again; what a core said of itself comes with its stack. */
const failureLine = ({ seed, failure }: Result, optionsText: string): string => {
  if (failure === null) return '';
  const { invariant, what, tick, stack } = failure;
  const line = `FAILED ${invariant} ${what} tick=${tick}  again: bin/sim --seed ${seed}${optionsText}`;
  return /^[IK]\d/.test(invariant) ? line : `${line}\n${stack}`;
};
