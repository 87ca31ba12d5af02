/**
 * All logs side by side, line by line.
 *
 * Two entries of the same place and term are equal. An end that was never acknowledged may have been replaced in a later
 * term, and is cut when its replica comes back: such an end differs by its term, and is told as a note.
 */
import type { Findings } from './audit-findings.ts';
import type { FileLine } from './audit-lines.ts';
import { readLines } from './audit-lines.ts';
import type { LogSummary } from './audit-log.ts';

/** How a log stands to the one that goes furthest. */
export type Standing = {
  id: number;
  /** Entries at the end that the furthest log has and this one lacks. */
  missing: number;
  /** Between the first movement that is missing and the last one of all, as the movements tell the time. */
  missingForMs: number;
  /** It lacks the first entry of a term in which movements were made: nobody makes any before all in sync hold that. */
  lacksTermStart: boolean;
};

/** The furthest log first: the one with the latest term, then the longest. */
const byReach = (a: LogSummary, b: LogSummary): number =>
  b.lastTerm - a.lastTerm || b.entries - a.entries || b.id - a.id;

const timeOf = (line: FileLine): number | null => {
  const time = Number(/"movement":\{"sequence":\d+.*?"time":(\d+)/.exec(line.body ?? '')?.[1]);
  return Number.isFinite(time) ? time : null;
};

const isTermStart = (line: FileLine): boolean => /^\{"index":\d+,"term":\d+,"start":true/.test(line.body ?? '');

const termOf = (line: FileLine): number => Number(/^\{"index":\d+,"term":(\d+)/.exec(line.body ?? '')?.[1]);

export const auditAgreement = async (logs: LogSummary[], findings: Findings): Promise<Standing[]> => {
  const [furthest, ...others] = logs.toSorted(byReach);
  if (furthest === undefined) return [];
  const followers = others.map((log) => ({
    log,
    lines: linesByNumber(readLines(log.files)),
    state: 'level' as Comparison,
    missing: 0,
    missingFrom: Number.POSITIVE_INFINITY,
    missingSince: null as number | null,
  }));
  let lastTime = 0;
  let termStart = 0;
  let lastWorkingTermStart = 0;
  for await (const line of readLines(furthest.files)) {
    const time = timeOf(line);
    if (isTermStart(line)) termStart = line.number;
    else if (line.body !== null) lastWorkingTermStart = termStart;
    lastTime = Math.max(lastTime, time ?? 0);
    for (const follower of followers) {
      if (follower.state === 'level') follower.state = await compare({ follower, line, furthest, findings });
      if (follower.state !== 'over') continue;
      follower.missing += 1;
      follower.missingFrom = Math.min(follower.missingFrom, line.number);
      follower.missingSince ??= time;
    }
  }
  for (const { lines } of followers) await lines.close();
  return [
    { id: furthest.id, missing: 0, missingForMs: 0, lacksTermStart: false },
    ...followers.map(({ log, missing, missingFrom, missingSince }) => ({
      id: log.id,
      missing,
      missingForMs: missingSince === null ? 0 : lastTime - missingSince,
      lacksTermStart: missingFrom <= lastWorkingTermStart,
    })),
  ];
};

type LinesByNumber = {
  /** The line with this number, or one that stands for it; null after the last one. Numbers are asked for in order. */
  at(number: number): Promise<FileLine | null>;
  close(): Promise<unknown>;
};

const linesByNumber = (lines: AsyncGenerator<FileLine>): LinesByNumber => {
  let current: FileLine | null = null;
  return {
    async at(number) {
      while (current === null || current.through < number) {
        const step = await lines.next();
        if (step.done) return null;
        current = step.value;
      }
      return current;
    },
    close: () => lines.return(undefined),
  };
};

/** `over`: the log has nothing more in common with the furthest one. `differs`: it should have, and has not. */
type Comparison = 'level' | 'over' | 'differs';

const compare = async ({
  follower: { log, lines },
  line,
  furthest,
  findings,
}: {
  follower: { log: LogSummary; lines: LinesByNumber };
  line: FileLine;
  furthest: LogSummary;
  findings: Findings;
}): Promise<Comparison> => {
  const other = await lines.at(line.number);
  if (other === null) return 'over';
  findings.checked('logs.agree');
  // Damaged lines are told by the audit of each log.
  if (other.text === line.text || other.body === null || line.body === null) return 'level';
  if (termOf(other) !== termOf(line)) {
    const count = log.entries - line.number + 1;
    findings.note(
      `order-${log.id}: its last ${count} entries, from term ${termOf(other)} on, are not those that order-${furthest.id} ` +
        'went on with; they were never acknowledged, and go when it joins again',
    );
    return 'over';
  }
  findings.problem(
    'logs.agree',
    `${other.segment.name}, line ${line.number}: order-${log.id} and order-${furthest.id} differ in term ${termOf(line)}`,
  );
  return 'differs';
};
