/**
 * The replicated logs as they stand on the virtual disks, against what was committed.
 *
 * Everything committed is one growing list of places. Who is in the recorded in-sync set must have the end of it on disk
 * (I2, I8); who says that something is committed must agree with it (I3); nobody may cut into it (I4).
 */
import type { ClusterRecord } from '@till/shared/cluster';
import { chainHash, unseal, ZERO_HASH } from '@till/shared/sealed';
import { mustHold } from '../violation.ts';
import type { JournalCheck } from './journal.ts';

export type LogEntry = { index: number; term: number; sequence: number; hash: string; body: string; start: boolean };

type Copy = {
  entries: LogEntry[];
  /** The commit index this run has announced; 0 after a restart. */
  commitIndex: number;
  /** The run that began with a loss: need not hold anything until it is counted itself and calls itself clean. */
  lostBefore: string | null;
  /** The run that the record counts, if that is the registered one. */
  countedRun: string | null;
};

export type LogsCheck = {
  grown(id: number, lines: readonly string[], kept: number): void;
  /** A replica announces a commit index; `hashAt` reads the log it works on. */
  committed(id: number, index: number, entryAt: (index: number) => { hash: string; line: string } | undefined): void;
  restarted(id: number): void;
  /** A store was lost on purpose, but for some entries; `boot` is the run that starts with what is left. */
  lost(id: number, left: { boot: string; kept: number }): void;
  /** A store was lost and has not been counted again: one more must not be lost. */
  hasLost(): boolean;
  /** Every store that the record counts was lost, which no rule can mend. */
  isHopeless(): boolean;
  recorded(record: ClusterRecord): void;
  /** A run calls itself clean. */
  clean(id: number, boot: string): void;
  /** Checks what this step has changed. */
  check(): void;
  commitIndex(): number;
  /** Sequence of the last committed movement. */
  committedSequence(): number;
  entries(id: number): readonly LogEntry[];
};

export const createLogsCheck = (ids: number[], journal: JournalCheck): LogsCheck => {
  const copies = new Map(
    ids.map((id): [number, Copy] => [id, { entries: [], commitIndex: 0, lostBefore: null, countedRun: null }]),
  );
  const committed: LogEntry[] = [];
  const parsed = new Map<string, LogEntry>();
  let record: ClusterRecord | null = null;
  let dirty = false;

  const copyOf = (id: number): Copy => copies.get(id) as Copy;

  const parse = (line: string): LogEntry => {
    const known = parsed.get(line);
    if (known) return known;
    const unsealed = unseal(line);
    mustHold(unsealed !== null, 'I14', () => `damaged log line ${line}`);
    const { body, hash } = unsealed;
    const { index, term, sequence, movement } = JSON.parse(body) as {
      index: number;
      term: number;
      sequence?: number;
      movement?: { sequence: number };
    };
    const entry: LogEntry = {
      index,
      term,
      hash,
      body,
      start: movement === undefined,
      sequence: movement?.sequence ?? sequence ?? 0,
    };
    parsed.set(line, entry);
    return entry;
  };

  const checkChain = (id: number, before: LogEntry | undefined, entry: LogEntry): void => {
    const at = (): string => `entry ${entry.index} of replica ${id}`;
    mustHold(chainHash(before?.hash ?? ZERO_HASH, entry.body) === entry.hash, 'I3', () => `${at()} does not chain`);
    mustHold(entry.index === (before?.index ?? 0) + 1, 'I3', () => `${at()} is out of place`);
    mustHold(entry.term >= (before?.term ?? 0), 'I7', () => `${at()} has a lower term than the one before`);
    const sequence = (before?.sequence ?? 0) + (entry.start ? 0 : 1);
    mustHold(entry.sequence === sequence, 'I11', () => `${at()} has sequence ${entry.sequence}, not ${sequence}`);
    if (entry.start) return;
    const journalled = `{"index":${entry.index},"term":${entry.term},"movement":${journal.body(entry.sequence)}}`;
    mustHold(entry.body === journalled, 'I11', () => `${at()} is not what the journal has at ${entry.sequence}`);
  };

  return {
    grown: (id, lines, kept) => {
      dirty = true;
      const { entries } = copyOf(id);
      for (const cut of entries.slice(kept)) {
        mustHold(
          committed[cut.index - 1]?.hash !== cut.hash,
          'I4',
          () => `replica ${id} cuts committed entry ${cut.index}`,
        );
      }
      entries.length = kept;
      for (let at = kept; at < lines.length; at += 1) {
        const entry = parse(lines[at] as string);
        checkChain(id, entries[at - 1], entry);
        entries.push(entry);
      }
    },
    committed: (id, index, entryAt) => {
      dirty = true;
      const copy = copyOf(id);
      mustHold(
        index >= copy.commitIndex,
        'I4',
        () => `commit index of replica ${id} falls from ${copy.commitIndex} to ${index}`,
      );
      copy.commitIndex = index;
      const end = Math.min(index, committed.length);
      mustHold(
        end === 0 || entryAt(end)?.hash === committed[end - 1]?.hash,
        'I3',
        () => `replica ${id} has another entry ${end} committed`,
      );
      for (let at = committed.length + 1; at <= index; at += 1) {
        const entry = entryAt(at);
        mustHold(entry !== undefined, 'I3', () => `replica ${id} commits ${index} without entry ${at}`);
        committed.push(parse(entry.line));
      }
    },
    restarted: (id) => {
      copyOf(id).commitIndex = 0;
    },
    lost: (id, { boot, kept }) => {
      const copy = copyOf(id);
      copy.entries.length = Math.min(copy.entries.length, kept);
      copy.lostBefore = boot;
      copy.countedRun = null;
    },
    hasLost: () => [...copies.values()].some(({ lostBefore }) => lostBefore !== null),
    isHopeless: () => record?.inSync.every(({ id }) => copyOf(id).lostBefore !== null) ?? false,
    recorded: (next) => {
      record = next;
      dirty = true;
      for (const { id, incarnation, boot } of next.registered) {
        const counts = next.inSync.some((member) => member.id === id && member.incarnation === incarnation);
        copyOf(id).countedRun = counts ? boot : null;
      }
    },
    clean: (id, boot) => {
      const copy = copyOf(id);
      if (copy.lostBefore !== boot || copy.countedRun !== boot) return;
      copy.lostBefore = null;
      dirty = true;
    },
    check: () => {
      if (!dirty) return;
      dirty = false;
      const end = committed.at(-1);
      if (end === undefined || record === null) return;
      for (const { id } of record.inSync) {
        const copy = copyOf(id);
        if (copy.lostBefore !== null) continue;
        mustHold(
          copy.entries[end.index - 1]?.hash === end.hash,
          'I2',
          () =>
            `in-sync replica ${id} has ${copy.entries.length} entries on disk and lacks committed entry ${end.index}`,
        );
      }
    },
    commitIndex: () => committed.length,
    committedSequence: () => committed.at(-1)?.sequence ?? 0,
    entries: (id) => copyOf(id).entries,
  };
};
