/** What a replica keeps beside its log: `state.json`, replaced as a whole, and `halted.txt` if it ever had to halt. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { clusterRecordSchema } from '@till/shared/contract';
import { replaceFileSync } from '@till/shared/files';
import Type from 'typebox';
import { Compile } from 'typebox/compile';
import { NEW_STORE } from './replica/state.ts';
import type { Durable } from './replica/types.ts';

const check = Compile(
  Type.Object({
    storeId: Type.Union([Type.String(), Type.Null()]),
    term: Type.Integer({ minimum: 0 }),
    record: Type.Union([clusterRecordSchema, Type.Null()]),
    committed: Type.Object({ index: Type.Integer({ minimum: 0 }), hash: Type.String() }),
  }),
);

export type StateFile = {
  /** What was saved last; a new store's state if nothing ever was. Throws if the file is unreadable. */
  read(): Durable;
  /** Returns once it is on disk. */
  save(durable: Durable): void;
  haltPath: string;
  /** Why this replica halted, or null. An operator removes the file after having looked. */
  readHalt(): string | null;
  saveHalt(reason: string): void;
};

export const createStateFile = (folder: string): StateFile => {
  const path = join(folder, 'state.json');
  const haltPath = join(folder, 'halted.txt');
  return {
    haltPath,
    read() {
      if (!existsSync(path)) return NEW_STORE;
      const state = parse(readFileSync(path, 'utf8'));
      if (check.Check(state)) return state;
      throw new Error(
        `Cannot use ${path}: it is not the state of a replica; restore it, or move the whole folder away`,
      );
    },
    save: (durable) => replaceFileSync(path, `${JSON.stringify(durable)}\n`),
    readHalt: () => (existsSync(haltPath) ? readFileSync(haltPath, 'utf8').trim() : null),
    saveHalt: (reason) => replaceFileSync(haltPath, `${reason}\n`),
  };
};

/** null, which is no state, for what is not JSON. */
const parse = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
};
