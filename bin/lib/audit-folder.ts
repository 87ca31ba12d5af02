/** What there is to audit in a data folder. */
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { RecordFile, StateFile } from './audit-cluster.ts';
import type { Extent } from './audit-lines.ts';
import { UsageError } from './command.ts';

export type AuditFolder = {
  path: string;
  /** Order replicas with a folder, by id; `null` for one without a log. */
  logs: { id: number; extent: Extent | null }[];
  states: StateFile[];
  records: RecordFile[];
  journal: Extent | null;
};

const measure = (path: string): Extent | null => (existsSync(path) ? { path, bytes: statSync(path).size } : null);

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
  const logs = ids.map((id) => ({ id, extent: measure(join(path, `order-${id}`, 'log.jsonl')) }));
  const states = ids.flatMap((id) => {
    const file = join(path, `order-${id}`, 'state.json');
    return existsSync(file) ? [{ id, text: readFileSync(file, 'utf8') }] : [];
  });
  const journal = measure(join(path, 'catalog', 'journal.jsonl'));
  return { path, logs, states, journal, records: readRecords(join(path, 'front')) };
};

const readRecords = (folder: string): RecordFile[] => {
  if (!existsSync(folder)) return [];
  return readdirSync(folder).flatMap((name) => {
    const version = /^cluster\.(\d+)\.json$/.exec(name)?.[1];
    if (version === undefined) return [];
    try {
      return [{ version: Number(version), text: readFileSync(join(folder, name), 'utf8') }];
    } catch (error) {
      // The front removes old versions while it runs.
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
      throw error;
    }
  });
};
