/**
 * Everything that must hold, of docs/replication.md. Each check is told of what happens where it happens, and looks only
 * at what changed, so that it can look after every step.
 */
import type { ClusterRecord } from '@till/shared/cluster';
import type { Outcome } from '@till/shared/movement';
import { createJournalCheck, type JournalCheck } from './checks/journal.ts';
import { createLogsCheck, type LogsCheck } from './checks/logs.ts';
import { createRecordCheck, type RecordCheck } from './checks/record.ts';
import { createShownCheck, type ShownCheck } from './checks/shown.ts';
import { mustHold } from './violation.ts';

export type Checks = {
  journal: JournalCheck;
  logs: LogsCheck;
  record: RecordCheck;
  shown: ShownCheck;
  /** The front has stored a record. */
  recorded(record: ClusterRecord): void;
  /** A leader acknowledges what the catalog decided. */
  acknowledged(id: number, outcome: Outcome): void;
  /** A replica lost its store, or its end, on purpose. `boot`: the run that starts with what is left. */
  storeLost(id: number, left: { boot: string; kept: number }): void;
  storesWereLost(): boolean;
  afterStep(): void;
};

export const createChecks = (replicas: number[]): Checks => {
  const journal = createJournalCheck();
  const logs = createLogsCheck(replicas, journal);
  const record = createRecordCheck();
  const shown = createShownCheck(journal);
  let storesLost = false;
  return {
    journal,
    logs,
    record,
    shown,
    recorded: (next) => {
      if (record.stored(next)) logs.recorded(next);
    },
    acknowledged: (id, outcome) => {
      if (!('sequence' in outcome)) return;
      const { sequence, key } = outcome;
      mustHold(sequence <= logs.committedSequence(), 'I8', () => {
        return `replica ${id} acknowledges ${key} at ${sequence}, committed is ${logs.committedSequence()}`;
      });
      const decided = journal.byKey(key);
      mustHold(decided?.sequence === sequence, 'I10', () => `${key} is acknowledged at ${sequence}, not as decided`);
    },
    storeLost: (id, left) => {
      storesLost = true;
      logs.lost(id, left);
    },
    storesWereLost: () => storesLost,
    afterStep: () => logs.check(),
  };
};
