/** The audit of a data folder: reads the files themselves, whether the services run or not, and changes nothing. */
import type { Movement } from '@till/shared/movement';
import { auditAgreement } from './audit-agreement.ts';
import type { CheckoutCounts } from './audit-checkouts.ts';
import { auditMembers, auditRecords, auditStates } from './audit-cluster.ts';
import type { Finding, Findings } from './audit-findings.ts';
import { createFindings } from './audit-findings.ts';
import { type AuditFolder, openAuditFolder } from './audit-folder.ts';
import { createIndexAudit } from './audit-indexes.ts';
import { createJournalAudit } from './audit-journal.ts';
import type { Damage } from './audit-lines.ts';
import { readLines } from './audit-lines.ts';
import type { LogSummary } from './audit-log.ts';
import { auditLog } from './audit-log.ts';
import type { SinkSummary } from './audit-outbox.ts';
import { listenToSegments } from './audit-segments.ts';
import { createSnapshotAudit } from './audit-snapshots.ts';
import { isHeld } from './folder-holder.ts';

export type AuditResult = {
  consistent: boolean;
  orders: number;
  replicas: { id: number; entries: number; damage: Damage }[];
  problems: Finding[];
  /** How many of the orders were taken back. */
  cancelled: number;
  checkouts: CheckoutCounts;
  outbox: SinkSummary[];
  /** For people only. */
  notes: string[];
  lines: string[];
};

/**
 * While services run, a log's uncommitted end may be cut in the middle of the audit. So what was found then is looked at once
 * more: what counts is still there.
 */
export const auditFolder = async (path: string): Promise<AuditResult> => {
  const result = await auditOnce(path);
  return result.consistent || !isHeld(path) ? result : auditOnce(path);
};

const auditOnce = async (path: string): Promise<AuditResult> => {
  const folder = openAuditFolder(path);
  try {
    return await auditOpened(path, folder);
  } finally {
    folder.close();
  }
};

const auditOpened = async (path: string, folder: AuditFolder): Promise<AuditResult> => {
  const findings = createFindings();
  const journal = await auditJournal(folder, findings);

  const logs: LogSummary[] = [];
  for (const { id, files } of folder.logs) {
    if (files === null) findings.note(`order-${id} has no log`);
    else logs.push(await auditLog({ id, files, journal: folder.journal, findings }));
  }
  const standings = await auditAgreement(logs, findings);
  for (const { id, lastSequence } of logs) {
    const behind = journal.lastSequence - lastSequence;
    if (behind > 0) findings.note(`order-${id}: its log ends ${behind} movements before the journal`);
  }

  const record = auditRecords(folder.records, findings);
  auditStates({ states: folder.states, logs, journalTerm: journal.lastTerm, record }, findings);
  auditMembers({ record, standings, isRunning: isHeld(path) }, findings);

  const problems = findings.problems();
  return {
    consistent: problems.length === 0,
    orders: journal.orders,
    replicas: logs.map(({ id, entries, damage }) => ({ id, entries, damage })),
    problems,
    cancelled: journal.cancelled,
    checkouts: journal.checkouts,
    outbox: journal.outbox,
    notes: findings.notes(),
    lines: findings.lines(),
  };
};

const auditJournal = async ({ journal: files, snapshots }: AuditFolder, findings: Findings) => {
  const audit = createJournalAudit(findings);
  if (files === null) {
    findings.note('the catalog has no journal');
    return audit.finish();
  }
  const indexes = createIndexAudit(files, findings);
  const states = createSnapshotAudit(snapshots, findings);
  for await (const line of readLines(files, listenToSegments(findings))) {
    const { number, body, chained, segment } = line;
    const place = `${segment.name}, line ${number}`;
    findings.checked('journal.lines');
    if (body === null) {
      indexes.take(line, null);
      if (!line.isMissing) findings.problem('journal.lines', `${place}: damaged`);
      audit.passOver();
      states.passOver();
      continue;
    }
    if (!chained) findings.problem('journal.lines', `${place}: does not follow from the line before it`);
    try {
      const movement = JSON.parse(body) as Movement;
      indexes.take(line, movement);
      audit.take(movement, number, segment.name);
      states.take(line, movement);
    } catch (error) {
      if (!(error instanceof TypeError || error instanceof SyntaxError)) throw error;
      findings.problem('journal.form', `${place}: ${error.message}`);
      audit.passOver();
      states.passOver();
    }
  }
  indexes.finish();
  states.finish();
  return audit.finish();
};
