/** What there is to audit in a data folder. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { RecordFile, StateFile } from './audit-cluster.ts';
import type { SnapshotFile } from './audit-snapshots.ts';
import { UsageError } from './command.ts';
import { openSegments, type SegmentFiles } from './segment-files.ts';

export type AuditFolder = {
  path: string;
  /** Order replicas with a folder, by id; `null` for one without a log. */
  logs: { id: number; files: SegmentFiles | null }[];
  states: StateFile[];
  records: RecordFile[];
  /** The last one, and the one before it. */
  snapshots: SnapshotFile[];
  journal: SegmentFiles | null;
  close(): void;
};

/**
 * Looks at everything in the order in which it comes to be: what is seen later may be newer, and a log never tells of
 * anything that the journal or the cluster record did not have before.
 */
export const openAuditFolder = (path: string): AuditFolder => {
  const names = (() => {
    try {
      return readdirSync(path);
    } catch (error) {
      throw new UsageError(`Cannot read the folder ${path}: ${(error as NodeJS.ErrnoException).code}`);
    }
  })();
  const ids = names
    .flatMap((name) => /^order-(\d+)$/.exec(name)?.[1] ?? [])
    .map(Number)
    .sort((a, b) => a - b);
  if (ids.length === 0 && !names.includes('catalog') && !names.includes('front')) {
    throw new UsageError(`Cannot audit ${path}: there is no "catalog", "front" or "order-1" in it`);
  }
  const logs = ids.map((id) => ({ id, files: openSegments(join(path, `order-${id}`), 'log') }));
  const states = ids.flatMap((id) => {
    const text = readIfThere(join(path, `order-${id}`, 'state.json'))?.toString();
    return text === undefined ? [] : [{ id, text }];
  });
  const snapshots = ['snapshot.json.previous', 'snapshot.json'].flatMap((name) => {
    const bytes = readIfThere(join(path, 'catalog', name));
    return bytes === null ? [] : [{ name: `catalog/${name}`, bytes }];
  });
  const journal = openSegments(join(path, 'catalog'), 'journal');
  const close = (): void => {
    for (const files of [journal, ...logs.map((log) => log.files)]) files?.close();
  };
  return { path, logs, states, snapshots, journal, records: readRecords(join(path, 'front')), close };
};

const readRecords = (folder: string): RecordFile[] => {
  if (!existsSync(folder)) return [];
  return readdirSync(folder).flatMap((name) => {
    const version = /^cluster\.(\d+)\.json$/.exec(name)?.[1];
    // The front removes old versions while it runs.
    const text = version === undefined ? undefined : readIfThere(join(folder, name))?.toString();
    return text === undefined ? [] : [{ version: Number(version), text }];
  });
};

const readIfThere = (path: string): Buffer | null => {
  try {
    return readFileSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
};
