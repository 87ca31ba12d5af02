/** The audit of a data folder: reads the files themselves, whether the services run or not, and changes nothing. */
import type { Movement } from '@till/shared/movement';
import { auditAgreement } from './audit-agreement.ts';
import type { CheckoutCounts } from './audit-checkouts.ts';
import { auditMembers, auditRecords, auditStates } from './audit-cluster.ts';
import type { Finding, Findings } from './audit-findings.ts';
import { createFindings } from './audit-findings.ts';
import { openAuditFolder } from './audit-folder.ts';
import { createJournalAudit } from './audit-journal.ts';
import type { Damage, Extent } from './audit-lines.ts';
import { readLines } from './audit-lines.ts';
import type { LogSummary } from './audit-log.ts';
import { auditLog } from './audit-log.ts';
import type { SinkSummary } from './audit-outbox.ts';
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

export const auditFolder = async (path: string): Promise<AuditResult> => {
  const findings = createFindings();
  const folder = openAuditFolder(path);
  const journal = await auditJournal(folder.journal, findings);

  const logs: LogSummary[] = [];
  for (const { id, extent } of folder.logs) {
    if (extent === null) findings.note(`order-${id} has no log`);
    else logs.push(await auditLog({ id, extent, journal: folder.journal, findings }));
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

const auditJournal = async (extent: Extent | null, findings: Findings) => {
  const audit = createJournalAudit(findings);
  if (extent === null) {
    findings.note('the catalog has no journal');
    return audit.finish();
  }
  const noteRest = (bytes: number) => findings.note(`the journal: ${bytes} bytes of an unfinished last line`);
  for await (const { number, body, chained } of readLines(extent, noteRest)) {
    findings.checked('journal.lines');
    if (body === null) {
      findings.problem('journal.lines', `line ${number}: damaged`);
      audit.passOver();
      continue;
    }
    if (!chained) findings.problem('journal.lines', `line ${number}: does not follow from the line before it`);
    try {
      audit.take(JSON.parse(body) as Movement, number);
    } catch (error) {
      if (!(error instanceof TypeError || error instanceof SyntaxError)) throw error;
      findings.problem('journal.form', `line ${number}: ${error.message}`);
      audit.passOver();
    }
  }
  return audit.finish();
};
