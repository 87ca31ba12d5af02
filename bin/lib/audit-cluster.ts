/** The rules of the cluster records, and of what the replicas keep beside their logs. */
import type { ClusterRecord } from '@till/shared/cluster';
import type { Standing } from './audit-agreement.ts';
import type { Findings } from './audit-findings.ts';
import type { LogSummary } from './audit-log.ts';

export type RecordFile = { version: number; text: string };
export type StateFile = { id: number; text: string };

/**
 * Entries that were under way when everything stopped may be missing at a replica that is in sync: they were not
 * acknowledged. A replica that misses more than this much time was removed from the set long before.
 */
const UNDER_WAY_MS_MAX = 10_000;

const parse = <Value>(text: string): Value | null => {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Value) : null;
  } catch {
    return null;
  }
};

/** Goes through the records from the oldest kept to the newest, which is returned; null if there is none. */
export const auditRecords = (files: RecordFile[], findings: Findings): ClusterRecord | null => {
  let last: ClusterRecord | null = null;
  for (const { version, text } of files.toSorted((a, b) => a.version - b.version)) {
    const expect = (holds: boolean, detail: string): void => {
      findings.checked('cluster.records');
      if (!holds) findings.problem('cluster.records', `cluster.${version}.json: ${detail}`);
    };
    const record = parse<ClusterRecord>(text);
    const isForm =
      Array.isArray(record?.inSync) && Number.isSafeInteger(record.term) && Array.isArray(record.registered);
    expect(isForm, 'not a cluster record');
    if (record === null || !isForm) continue;
    expect(record.version === version, `holds version ${record.version}`);
    const { leader, inSync } = record;
    const ids = inSync.map(({ id }) => id);
    expect(ids.length > 0, 'nobody is in sync');
    expect(new Set(ids).size === ids.length, `a replica is twice in the in-sync set: ${ids.join(' ')}`);
    // A leader that was started again counts under its new incarnation, and leads no more under the old one.
    const isMember = inSync.some(({ id, incarnation }) => id === leader?.id && incarnation >= leader.incarnation);
    expect(leader === null || isMember, `the leader, order-${leader?.id}, is not in sync`);
    if (last !== null) {
      expect(record.storeId === last.storeId, `names another store than cluster.${last.version}.json`);
      expect(record.term >= last.term, `term ${record.term} after term ${last.term}`);
      const sameLeader = JSON.stringify(leader) === JSON.stringify(last.leader);
      expect(sameLeader || record.term > last.term, `another leader in the same term ${record.term}`);
    }
    last = record;
  }
  return last;
};

export const auditStates = (
  {
    states,
    logs,
    journalTerm,
    record,
  }: { states: StateFile[]; logs: LogSummary[]; journalTerm: number; record: ClusterRecord | null },
  findings: Findings,
): void => {
  const expect = (holds: boolean, detail: string): void => {
    findings.checked('cluster.states');
    if (!holds) findings.problem('cluster.states', detail);
  };
  const entries = logs.reduce((sum, log) => sum + log.entries, 0);
  if (record === null) {
    expect(entries === 0, 'there is no cluster record, but the logs have entries');
    return;
  }
  for (const { id, lastTerm } of logs) {
    expect(
      lastTerm <= record.term,
      `order-${id}: its log is of term ${lastTerm}, the cluster record of term ${record.term}`,
    );
  }
  expect(
    journalTerm <= record.term,
    `the journal is of term ${journalTerm}, the cluster record of term ${record.term}`,
  );
  for (const { id, text } of states) {
    const state = parse<{ storeId: string | null; term: number }>(text);
    expect(state !== null, `order-${id}: state.json cannot be read`);
    if (state === null) continue;
    const belongs = state.storeId === null || state.storeId === record.storeId;
    expect(belongs, `order-${id}: state.json names another store than the cluster record`);
    expect(
      state.term <= record.term,
      `order-${id}: state.json knows term ${state.term}, the cluster record ${record.term}`,
    );
  }
};

export const auditMembers = (
  { record, standings, isRunning }: { record: ClusterRecord | null; standings: Standing[]; isRunning: boolean },
  findings: Findings,
): void => {
  for (const { id } of record?.inSync ?? []) {
    findings.checked('cluster.members');
    const standing = standings.find((one) => one.id === id);
    if (standing === undefined) {
      findings.problem('cluster.members', `order-${id} counts as in sync, but has no log`);
      continue;
    }
    const { missing, missingForMs, lacksTermStart } = standing;
    if (missing === 0) continue;
    const seconds = Math.round(missingForMs / 1000);
    if (!isRunning && (lacksTermStart || missingForMs > UNDER_WAY_MS_MAX)) {
      findings.problem(
        'cluster.members',
        `order-${id} counts as in sync, but lacks the last ${missing} entries, of ${seconds} s`,
      );
    } else {
      findings.note(
        `order-${id}, in sync, lacks the last ${missing} entries${isRunning ? ' so far' : ': they were under way'}`,
      );
    }
  }
};
