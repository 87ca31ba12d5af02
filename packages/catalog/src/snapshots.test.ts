import { diskFiles } from '@till/shared/journal-files';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { buy, createSmallShop } from '../test/small-shop.ts';
import { decodeSnapshot } from './snapshot.ts';
import { createSnapshots, readSnapshots, type SnapshotFiles, type SnapshotsOptions } from './snapshots.ts';

const PATH = 'catalog/snapshot.json';
const PREVIOUS = `${PATH}.previous`;

/** Files in memory; `done` says what was done to them, and `fail` lets a step fail. */
const memoryFiles = () => {
  const there = new Map<string, Uint8Array>();
  const done: string[] = [];
  const state: { fail: string | null } = { fail: null };
  const step = (what: string): void => {
    done.push(what);
    if (state.fail === what) throw new Error(`Cannot ${what}`);
  };
  const files: SnapshotFiles = {
    load: async (path) => there.get(path) ?? null,
    replace: async (path, bytes) => {
      step(`replace ${path}`);
      there.set(path, bytes);
    },
    rename: async (from, to) => {
      step(`rename ${from}`);
      there.set(to, there.get(from) as Uint8Array);
      there.delete(from);
    },
  };
  return { there, done, state, files };
};

const createWorld = (options: Partial<SnapshotsOptions> = {}) => {
  const shop = createSmallShop();
  const memory = memoryFiles();
  const failures: unknown[] = [];
  const snapshots = createSnapshots({
    path: PATH,
    files: memory.files,
    stock: shop.stock,
    hashAt: (sequence) => `hash of ${sequence}`,
    everyBytes: 100,
    last: null,
    onFailed: (error) => failures.push(error),
    ...options,
  });
  const sequencesThere = async (): Promise<[string, number][]> => {
    const found: [string, number][] = [];
    for await (const { path, snapshot } of readSnapshots(PATH, memory.files)) found.push([path, snapshot.sequence]);
    return found;
  };
  return { ...shop, ...memory, snapshots, failures, sequencesThere };
};

test('one is written when enough has come since the last one, and the one before it is kept', async () => {
  const { snapshots, place, done, sequencesThere } = createWorld();
  snapshots.grown(99);
  await snapshots.settled();
  assert.equal(done, []);
  snapshots.grown(100);
  await snapshots.settled();
  assert.equal(await sequencesThere(), [[PATH, 1]]);
  place(buy('a', 1));
  snapshots.grown(199);
  await snapshots.settled();
  assert.equal(await sequencesThere(), [[PATH, 1]]);
  snapshots.grown(200);
  await snapshots.settled();
  assert.equal(await sequencesThere(), [
    [PATH, 2],
    [PREVIOUS, 1],
  ]);
  place(buy('b', 1));
  snapshots.grown(900);
  await snapshots.settled();
  assert.equal(await sequencesThere(), [
    [PATH, 3],
    [PREVIOUS, 2],
  ]);
});

test('it is of the moment when it was begun, with the hash of its line, and only one is written at a time', async () => {
  const { snapshots, place, there, done } = createWorld();
  snapshots.grown(100);
  place(buy('a', 1));
  snapshots.grown(900);
  await snapshots.settled();
  assert.equal(done, [`replace ${PATH}`]);
  const snapshot = decodeSnapshot(there.get(PATH) as Uint8Array);
  assert.equal([snapshot?.sequence, snapshot?.hash], [1, 'hash of 1']);
  assert.is([...(snapshot?.products ?? [])][0]?.quantity, 5);
});

test('what was written while another one was under way is counted from the beginning of that one', async () => {
  const { snapshots, done } = createWorld();
  snapshots.grown(100);
  await snapshots.settled();
  snapshots.grown(250);
  await snapshots.settled();
  snapshots.grown(349);
  await snapshots.settled();
  assert.is(done.filter((what) => what.startsWith('replace')).length, 2);
});

test('at the end a last one is written, after whatever is under way, unless nothing came since', async () => {
  const { snapshots, place, done, sequencesThere } = createWorld();
  snapshots.grown(100);
  place(buy('a', 1));
  await snapshots.close();
  assert.equal(await sequencesThere(), [
    [PATH, 2],
    [PREVIOUS, 1],
  ]);
  const before = [...done];
  await snapshots.close();
  assert.equal(done, before);
});

test('what a start has found counts as written', async () => {
  const { snapshots, done } = createWorld({ last: { path: PATH, sequence: 1, bytes: 50 } });
  snapshots.grown(149);
  await snapshots.close();
  assert.equal(done, []);
});

test('one that could not be used does not push out the one before it', async () => {
  for (const last of [null, { path: PREVIOUS, sequence: 0, bytes: 0 }]) {
    const { snapshots, done } = createWorld({ last });
    await snapshots.close();
    assert.equal(done, [`replace ${PATH}`]);
  }
  const { snapshots, there, done } = createWorld({ last: { path: PATH, sequence: 0, bytes: 0 } });
  there.set(PATH, Buffer.from('the last one'));
  await snapshots.close();
  assert.equal(done, [`rename ${PATH}`, `replace ${PATH}`]);
  assert.equal(there.get(PREVIOUS), Buffer.from('the last one'));
});

test('a failure at any step is told and leaves one that can be used; the next one is written again', async () => {
  for (const fail of [`rename ${PATH}`, `replace ${PATH}`]) {
    const { snapshots, place, state, failures, sequencesThere } = createWorld();
    await snapshots.close();
    place(buy('a', 1));
    state.fail = fail;
    snapshots.grown(200);
    await snapshots.settled();
    assert.match(String(failures), fail);
    assert.equal((await sequencesThere())[0]?.[1], 1, fail);
    state.fail = null;
    snapshots.grown(250);
    await snapshots.settled();
    assert.equal((await sequencesThere())[0]?.[1], 1, 'Not again at once');
    await snapshots.close();
    assert.equal(await sequencesThere(), [
      [PATH, 2],
      [PREVIOUS, 1],
    ]);
  }
});

test('only whole ones are read, the newest first', async () => {
  const { snapshots, place, there, sequencesThere } = createWorld();
  assert.equal(await sequencesThere(), []);
  await snapshots.close();
  place(buy('a', 1));
  await snapshots.close();
  const newest = there.get(PATH) as Uint8Array;
  there.set(PATH, newest.subarray(0, newest.length - 1));
  assert.equal(await sequencesThere(), [[PREVIOUS, 1]]);
  there.delete(PATH);
  assert.equal(await sequencesThere(), [[PREVIOUS, 1]]);
  there.set(PREVIOUS, Buffer.from('{}'));
  assert.equal(await sequencesThere(), []);
});

test('what is missing on the disk is missing', async () => {
  for await (const found of readSnapshots('/nowhere/snapshot.json', diskFiles)) assert.unreachable(found.path);
});

test.run();
