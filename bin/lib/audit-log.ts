/** The rules of one replica's log, by itself and beside the journal. */
import type { Movement } from '@till/shared/movement';
import type { Findings, Rule } from './audit-findings.ts';
import { createIndexAudit } from './audit-indexes.ts';
import type { Damage, FileLine } from './audit-lines.ts';
import { readLines } from './audit-lines.ts';
import { listenToSegments } from './audit-segments.ts';
import type { SegmentFiles } from './segment-files.ts';

export type LogSummary = {
  id: number;
  files: SegmentFiles;
  entries: number;
  damage: Damage;
  lastTerm: number;
  /** Of the last movement that it holds. */
  lastSequence: number;
};

/** An entry as docs/log-format.md has it: a movement, or the beginning of a term. */
type EntryBody = {
  index: number;
  term: number;
  movement?: Movement;
  start?: true;
  sequence?: number;
};

const SEQUENCE = /^\{"sequence":(\d+)[,}]/;

/** Goes along the journal beside a log. The journal's own damage is the journal audit's business. */
const createJournalCursor = (files: SegmentFiles | null) => {
  const lines = files === null ? null : readLines(files);
  let current: FileLine | null = null;
  let sequence = 0;
  const next = async (): Promise<boolean> => {
    const step = await lines?.next();
    current = step?.done === false ? step.value : null;
    if (current === null) sequence = Number.POSITIVE_INFINITY;
    else if (current.body === null) sequence += 1 + current.through - current.number;
    else sequence = Number(SEQUENCE.exec(current.body)?.[1] ?? sequence + 1);
    return current !== null;
  };
  return {
    /** The journal's text of a movement, `damaged`, or null if it has none. */
    async find(wanted: number): Promise<string | 'damaged' | null> {
      while (sequence < wanted) await next();
      if (current === null) return null;
      if (current.body === null) return 'damaged';
      return sequence === wanted ? current.body : null;
    },
    close: () => lines?.return(undefined),
  };
};

export const auditLog = async ({
  id,
  files,
  journal,
  findings,
}: {
  id: number;
  files: SegmentFiles;
  journal: SegmentFiles | null;
  findings: Findings;
}): Promise<LogSummary> => {
  const cursor = createJournalCursor(journal);
  let [index, term, sequence, lineCount, lastDamaged] = [0, 0, 0, 0, 0];
  let damagedCount = 0;
  let blind = false;
  let place = '';
  let torn = false;

  const expect = (rule: Rule, holds: boolean, detail: () => string): void => {
    findings.checked(rule);
    if (!holds) findings.problem(rule, `${place}: ${detail()}`);
  };

  const takeStart = (entry: EntryBody): void => {
    expect('log.terms', entry.term > term, () => `term ${entry.term} begins after term ${term}`);
    expect(
      'log.movements',
      entry.sequence === sequence || blind,
      () => `term ${entry.term} begins after movement ${entry.sequence}, the log has ${sequence}`,
    );
  };

  const takeMovement = async (entry: EntryBody, movement: Movement, body: string): Promise<void> => {
    expect(
      'log.terms',
      entry.term === term || (blind && entry.term >= term),
      () => `a movement in term ${entry.term} after term ${term}, whose first entry is missing`,
    );
    expect('log.terms', movement.term <= entry.term, () => `a movement of term ${movement.term} in term ${entry.term}`);
    expect(
      'log.movements',
      movement.sequence === sequence + 1 || (blind && movement.sequence > sequence),
      () => `movement ${movement.sequence} follows movement ${sequence}`,
    );
    sequence = movement.sequence;
    const decided = await cursor.find(movement.sequence);
    if (decided === 'damaged') return;
    expect('log.journal', decided !== null, () => `the journal has no movement ${movement.sequence}`);
    if (decided === null) return;
    const due = `{"index":${entry.index},"term":${entry.term},"movement":${decided}}`;
    expect('log.journal', body === due, () => `movement ${movement.sequence} is not what the journal has`);
  };

  const take = async (entry: EntryBody, body: string): Promise<void> => {
    expect(
      'log.index',
      entry.index === index + 1 || (blind && entry.index > index),
      () => `entry ${entry.index} follows entry ${index}`,
    );
    const isForm = Number.isSafeInteger(entry.term) && (entry.movement !== undefined) !== (entry.start === true);
    expect('log.form', isForm, () => `neither a movement nor the beginning of a term: ${body.slice(0, 120)}`);
    if (entry.movement !== undefined) await takeMovement(entry, entry.movement, body);
    else takeStart(entry);
    index = entry.index;
    term = Math.max(term, entry.term);
  };

  const indexes = createIndexAudit(files, findings);
  const listener = listenToSegments(findings);
  const onRest: typeof listener.onRest = (segment, bytes) => {
    torn = true;
    listener.onRest?.(segment, bytes);
  };
  for await (const line of readLines(files, { ...listener, onRest })) {
    const { number, through, body, chained, segment } = line;
    lineCount = through;
    place = `${segment.name}, line ${number}`;
    if (body === null) {
      indexes.take(line, null);
      expect('log.lines', line.isMissing, () => 'damaged');
      damagedCount += 1;
      lastDamaged = through;
      index += 1 + through - number;
      blind = true;
      continue;
    }
    expect('log.lines', chained, () => 'does not follow from the line before it');
    try {
      const entry = JSON.parse(body) as EntryBody;
      indexes.take(line, entry.movement ?? null);
      await take(entry, body);
    } catch (error) {
      if (!(error instanceof TypeError || error instanceof SyntaxError)) throw error;
      findings.problem('log.form', `${place}: ${error.message}`);
    }
    blind = false;
  }
  indexes.finish();
  await cursor.close();
  const inside = damagedCount > 1 || (damagedCount === 1 && lastDamaged < lineCount);
  const damage = inside ? 'inside' : damagedCount > 0 || torn ? 'tail' : 'none';
  return { id, files, entries: lineCount, damage, lastTerm: term, lastSequence: sequence };
};
