/**
 * The cluster record on disk: one file per version, published with link(2), so that of two writers of one version exactly
 * one wins and nobody ever reads half a record. The highest readable version counts; the last few are kept. What cannot be
 * read and has a higher version is moved aside, since it would bar the way to the next one for ever.
 */
import { existsSync, readdirSync, readFileSync, renameSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import type { ClusterRecord } from '@till/shared/cluster';
import { clusterRecordSchema } from '@till/shared/contract';
import { publishFile, syncFolderSync } from '@till/shared/files';
import { limits } from '@till/shared/limits';
import { Compile } from 'typebox/compile';

export type RecordStore = {
  /** The record to go on from, or null if there is none. Only for who holds the folder's lock: it moves damaged files aside. */
  read(): ClusterRecord | null;
  /** Returns once the record is on disk. Throws `RecordTaken` if someone else published this version. */
  write(record: ClusterRecord): void;
};

/** Another front published this version: this one is not the manager any more. */
export class RecordTaken extends Error {
  override name = 'RecordTaken';
}

const NAME = /^cluster\.([1-9]\d*)\.json$/;
const check = Compile(clusterRecordSchema);

export const createRecordStore = (deps: {
  folder: string;
  /** Hears of each file that was moved aside. */
  onDamaged: (damage: { path: string; movedTo: string }) => void;
}): RecordStore => {
  const { folder } = deps;
  const versions = (): number[] =>
    readdirSync(folder)
      .flatMap((name) => NAME.exec(name)?.[1] ?? [])
      .map(Number)
      .sort((a, b) => b - a);
  const pathOf = (version: number): string => join(folder, `cluster.${version}.json`);

  const moveAside = (path: string): void => {
    let count = 1;
    while (existsSync(`${path}.damaged-${count}`)) count += 1;
    const movedTo = `${path}.damaged-${count}`;
    renameSync(path, movedTo);
    syncFolderSync(folder);
    deps.onDamaged({ path, movedTo });
  };

  return {
    read() {
      for (const version of versions()) {
        const path = pathOf(version);
        const record = parse(readFileSync(path, 'utf8'));
        if (record !== null && record.version === version) return record;
        moveAside(path);
      }
      return null;
    },
    write(record) {
      if (!publishFile(pathOf(record.version), `${JSON.stringify(record)}\n`)) {
        throw new RecordTaken(`Cannot publish version ${record.version} of the cluster record: another front did`);
      }
      for (const version of versions().slice(limits.clusterRecordsKept)) unlinkSync(pathOf(version));
    },
  };
};

/** null for a file that is torn or not a record; the version before it counts then. */
const parse = (text: string): ClusterRecord | null => {
  try {
    const value: unknown = JSON.parse(text);
    return check.Check(value) ? value : null;
  } catch {
    return null;
  }
};
