/**
 * Everything that must hold, of docs/replication.md. Each check is told of what happens where it happens, and looks only
 * at what changed, so that it can look after every step.
 */
import type { ClusterRecord } from '@till/shared/cluster';
import type { Outcome, Placed } from '@till/shared/movement';
import { createJournalCheck, type JournalCheck } from './checks/journal.ts';
import { createLogsCheck, type LogsCheck } from './checks/logs.ts';
import { createRecordCheck, type RecordCheck } from './checks/record.ts';
import { createShownCheck, type ShownCheck } from './checks/shown.ts';
import type { Settings } from './settings.ts';
import { mustHold } from './violation.ts';

export type Checks = {
  journal: JournalCheck;
  logs: LogsCheck;
  record: RecordCheck;
  shown: ShownCheck;
  /** The front has stored a record. */
  recorded(record: ClusterRecord): void;
  /** The catalog has decided what was placed; it may not be on disk yet. */
  decided(placed: Placed, outcome: Outcome): void;
  /** A leader acknowledges what the catalog decided. */
  acknowledged(id: number, outcome: Outcome): void;
  /** A replica lost its store, or its end, on purpose. `boot`: the run that starts with what is left. */
  storeLost(id: number, left: { boot: string; kept: number }): void;
  storesWereLost(): boolean;
  afterStep(): void;
};

export const createChecks = ({ replicas, replica }: Pick<Settings, 'replicas' | 'replica'>): Checks => {
  const journal = createJournalCheck(replica.checkoutsPerBook);
  const logs = createLogsCheck(replicas, journal);
  const record = createRecordCheck();
  const shown = createShownCheck(journal);
  let storesLost = false;

  /** Where the journal has what an outcome tells of. */
  const decidedAt = (outcome: Outcome & { sequence: number }): number | undefined => {
    // Notes are not remembered under a key; a cancellation may have been made under another one.
    if (outcome.status === 'noted' || outcome.status === 'stale') {
      const isNote = outcome.sequence === 0 || journal.movement(outcome.sequence)?.kind === 'note';
      return isNote ? outcome.sequence : undefined;
    }
    if (outcome.status === 'cancelled') return journal.cancellation(outcome.number)?.sequence;
    // Nothing was decided; the sequence is that of what it rests on.
    if (outcome.status === 'cannot_cancel') return outcome.sequence;
    if (outcome.status === 'nothing_to_cancel') {
      return journal.movement(outcome.sequence)?.kind === 'rejection' ? outcome.sequence : undefined;
    }
    return journal.byKey(outcome.key)?.sequence;
  };

  return {
    journal,
    logs,
    record,
    shown,
    recorded: (next) => {
      if (record.stored(next)) logs.recorded(next);
    },
    decided: (placed, outcome) => {
      if ('note' in placed && outcome.status === 'noted') journal.outbox.follows(outcome.sequence, placed.note.after);
      if (!('refusal' in placed) || outcome.status !== 'accepted') return;
      mustHold(outcome.replayed, 'I10', () => `${placed.key} is accepted, though it was placed to be refused`);
    },
    acknowledged: (id, outcome) => {
      if (!('sequence' in outcome)) return;
      const { sequence, key } = outcome;
      mustHold(sequence <= logs.committedSequence(), 'I8', () => {
        return `replica ${id} acknowledges ${key} at ${sequence}, committed is ${logs.committedSequence()}`;
      });
      const isAsDecided = sequence === decidedAt(outcome);
      mustHold(isAsDecided, 'I10', () => `${key} is acknowledged at ${sequence}, not as decided`);
    },
    storeLost: (id, left) => {
      storesLost = true;
      logs.lost(id, left);
    },
    storesWereLost: () => storesLost,
    afterStep: () => logs.check(),
  };
};
