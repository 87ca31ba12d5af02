/** Who led when: the cluster records, collected while they are there, since the front keeps the last ones only. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readLogs } from './ledger.ts';

type Member = { id: number };
export type ClusterRecord = { term: number; version: number; leader: Member | null; inSync: Member[] };

export type History = {
  /** All that was seen, by version. */
  records(): ClusterRecord[];
  stop(): void;
};

const LOOK_EVERY_MS = 20;

export const collectRecords = (dataFolder: string): History => {
  const folder = join(dataFolder, 'front');
  const records = new Map<number, ClusterRecord>();
  const look = (): void => {
    for (const name of readdirSync(folder)) {
      const version = Number(/^cluster\.(\d+)\.json$/.exec(name)?.[1]);
      if (Number.isNaN(version) || records.has(version)) continue;
      const text = readIfThere(join(folder, name));
      if (text !== null) records.set(version, JSON.parse(text));
    }
  };
  look();
  const timer = setInterval(look, LOOK_EVERY_MS);
  return {
    records() {
      look();
      return [...records.values()].sort((one, other) => one.version - other.version);
    },
    stop: () => clearInterval(timer),
  };
};

/** The oldest may go at any time. */
const readIfThere = (file: string): string | null => {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
};

/** The terms that have begun in the logs, in order. */
export const termsOf = (dataFolder: string): number[] => {
  const [log = ''] = readLogs(dataFolder).values();
  return [...log.matchAll(/^\{"index":\d+,"term":(\d+),"start":true/gm)].map(([, term]) => Number(term));
};
