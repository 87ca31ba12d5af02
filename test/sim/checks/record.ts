/** The cluster record, as the front stores it, and who acts as leader under it (I1, I5, I6). */
import type { ClusterRecord, Member } from '@till/shared/cluster';
import { mustHold } from '../violation.ts';

export type RecordCheck = {
  /** False for a record that is void: made from a lost one, by a front that has not heard of its loss yet. */
  stored(record: ClusterRecord): boolean;
  /** The front lost its record on purpose, or got an older one back: the next one may jump. */
  lost(): void;
  current(): ClusterRecord | null;
  /** All that were stored since the last loss, oldest first. */
  past(): readonly ClusterRecord[];
  /** The first version after the last loss: who knows it or a later one lets the record be rebuilt from there. */
  firstVersion(): number;
  /** A replica acts as leader of a term. */
  leads(term: number, leader: Member): void;
  /** A leader counts these members, by a record of this version. */
  counts(version: number, members: Member[]): void;
  /** A replica saves its term. */
  saved(id: number, term: number): void;
  /** A replica's store was lost on purpose. */
  storeLost(id: number): void;
};

const same = (a: Member, b: Member): boolean => a.id === b.id && a.incarnation === b.incarnation;
const text = ({ id, incarnation }: Member): string => `${id}+${incarnation}`;

export const createRecordCheck = (): RecordCheck => {
  const leaders = new Map<number, Member>();
  const terms = new Map<number, number>();
  let current: ClusterRecord | null = null;
  let mayJump = false;
  let firstVersion = 0;
  const past: ClusterRecord[] = [];

  const checkStep = (before: ClusterRecord, after: ClusterRecord): void => {
    mustHold(after.version === before.version + 1, 'I1', () => `version ${after.version} follows ${before.version}`);
    mustHold(after.term >= before.term, 'I1', () => `term ${after.term} follows ${before.term}`);
    mustHold(after.storeId === before.storeId, 'I1', () => 'the record changes its store id');
    const moved = JSON.stringify(before.leader) !== JSON.stringify(after.leader);
    mustHold(!moved || after.term > before.term, 'I1', () => `the leader changes within term ${after.term}`);
  };

  return {
    stored: (record) => {
      if (current !== null && !mayJump) checkStep(current, record);
      // Replicas know a later one and take no notice; the front hears so from the first of them and finds it anew.
      if (current !== null && mayJump && record.term <= current.term) return false;
      if (mayJump) firstVersion = record.version;
      mayJump = false;
      mustHold(record.inSync.length > 0, 'I2', () => 'the in-sync set is empty');
      for (const member of record.inSync) {
        // A run that is over stays a member while nobody else is left: its store is the last that holds everything.
        const isKnown = [...record.registered, ...(current?.inSync ?? [])].some((run) => same(run, member));
        mustHold(isKnown, 'I2', () => `${text(member)} is in sync but was never registered`);
      }
      const { leader } = record;
      if (leader !== null) {
        const known = leaders.get(record.term);
        mustHold(known === undefined || same(known, leader), 'I1', () => `two leaders in term ${record.term}`);
        leaders.set(record.term, leader);
      }
      current = record;
      past.push(record);
      return true;
    },
    lost: () => {
      mayJump = true;
      past.length = 0;
    },
    current: () => current,
    past: () => past,
    firstVersion: () => firstVersion,
    leads: (term, leader) => {
      const recorded = leaders.get(term);
      mustHold(recorded !== undefined && same(recorded, leader), 'I1', () => {
        return `${text(leader)} leads term ${term}, the record says ${recorded ? text(recorded) : 'nobody'}`;
      });
    },
    counts: (version, members) => {
      if (current === null || version !== current.version) return;
      for (const member of current.inSync) {
        mustHold(
          members.some((counted) => same(counted, member)),
          'I5',
          () => `in-sync ${text(member)} is not counted`,
        );
      }
    },
    saved: (id, term) => {
      const before = terms.get(id) ?? 0;
      mustHold(term >= before, 'I6', () => `the term of replica ${id} falls from ${before} to ${term}`);
      terms.set(id, term);
    },
    storeLost: (id) => {
      terms.delete(id);
    },
  };
};
