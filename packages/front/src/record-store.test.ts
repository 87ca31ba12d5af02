import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { Worker } from 'node:worker_threads';
import type { ClusterRecord } from '@till/shared/cluster';
import { limits } from '@till/shared/limits';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { removeTemporaryFolders, temporaryFolder } from '../../shared/test/temporary-folder.ts';
import { createRecordStore, RecordTaken } from './record-store.ts';

test.after.each(removeTemporaryFolders);

const record = (version: number, over: Partial<ClusterRecord> = {}): ClusterRecord => ({
  storeId: 'store',
  term: 3,
  version,
  leader: { id: 2, incarnation: 1 },
  inSync: [{ id: 2, incarnation: 1 }],
  registered: [{ id: 2, incarnation: 1, boot: '2a' }],
  ...over,
});

const setUp = async () => {
  const folder = await temporaryFolder();
  const moved: string[] = [];
  const store = createRecordStore({
    folder,
    onDamaged: ({ path, movedTo }) => moved.push(`${basename(path)} -> ${basename(movedTo)}`),
  });
  return { folder, store, moved, put: (name: string, text: string) => writeFileSync(join(folder, name), text) };
};

test('an empty folder has no record', async () => {
  const { store, moved } = await setUp();
  assert.is(store.read(), null);
  assert.equal(moved, []);
});

test('the highest version counts, as a number and not as a text', async () => {
  const { folder, store } = await setUp();
  for (const version of [9, 10, 11]) store.write(record(version));
  assert.equal(store.read(), record(11));
  assert.equal(createRecordStore({ folder, onDamaged: () => assert.unreachable() }).read(), record(11));
});

test('what is not a version of the record is left alone', async () => {
  const { folder, store, put } = await setUp();
  store.write(record(5));
  for (const name of ['cluster.007.json', 'cluster.json', 'cluster.8.json.damaged-1', 'xcluster.9.json', 'lock.json']) {
    put(name, '{}');
  }
  assert.equal(store.read(), record(5));
  assert.is(readdirSync(folder).length, 6);
});

for (const [what, text] of [
  ['torn', JSON.stringify(record(28)).slice(0, 100)],
  ['empty', ''],
  ['JSON, but no record', '{"version":28}'],
  ['the record of another version', JSON.stringify(record(27))],
] as const) {
  test(`a file that is ${what} is moved aside and does not bar its version`, async () => {
    const { folder, store, moved, put } = await setUp();
    store.write(record(27));
    put('cluster.28.json', text);
    assert.equal(store.read(), record(27));
    assert.equal(moved, ['cluster.28.json -> cluster.28.json.damaged-1']);
    assert.is(readFileSync(join(folder, 'cluster.28.json.damaged-1'), 'utf8'), text, 'nothing is thrown away');
    store.write(record(28));
    assert.equal(store.read(), record(28));
    assert.is(moved.length, 1);
  });
}

test('damage to the same version once more does not replace what was kept the first time', async () => {
  const { folder, store, moved, put } = await setUp();
  for (const text of ['first', 'second']) {
    put('cluster.4.json', text);
    assert.is(store.read(), null);
  }
  assert.equal(moved, ['cluster.4.json -> cluster.4.json.damaged-1', 'cluster.4.json -> cluster.4.json.damaged-2']);
  assert.is(readFileSync(join(folder, 'cluster.4.json.damaged-1'), 'utf8'), 'first');
});

test('every file above the record that counts is moved aside, none below', async () => {
  const { folder, store, moved, put } = await setUp();
  store.write(record(6));
  for (const version of [5, 7, 9]) put(`cluster.${version}.json`, 'x');
  assert.equal(store.read(), record(6));
  assert.equal(moved, ['cluster.9.json -> cluster.9.json.damaged-1', 'cluster.7.json -> cluster.7.json.damaged-1']);
  assert.ok(existsSync(join(folder, 'cluster.5.json')));
});

test('a version is published once; the first one stays', async () => {
  const { folder, store } = await setUp();
  store.write(record(3));
  const other = createRecordStore({ folder, onDamaged: () => assert.unreachable() });
  assert.throws(
    () => other.write(record(3, { term: 9 })),
    (error: Error) => error instanceof RecordTaken && /version 3/.test(error.message),
  );
  assert.equal(store.read(), record(3));
  assert.equal(readdirSync(folder), ['cluster.3.json'], 'nothing else is left behind');
});

/** Publishes versions 1 to `count` in a thread of its own, and tells which of them it won. */
const RACER = `
const { parentPort, workerData } = require('node:worker_threads');
import(workerData.module).then(({ createRecordStore, RecordTaken }) => {
  const store = createRecordStore({ folder: workerData.folder, onDamaged: () => {} });
  parentPort.postMessage('ready');
  parentPort.once('message', () => {
    const won = [];
    for (const record of workerData.records) {
      try {
        store.write(record);
        won.push(record.version);
      } catch (error) {
        if (!(error instanceof RecordTaken)) throw error;
      }
    }
    parentPort.postMessage(won);
    parentPort.close();
  });
});`;

test('of two who publish the same version at the same time exactly one wins', async () => {
  const { folder, store } = await setUp();
  // No more than are kept: a version that was cleaned up could be published again.
  const versions = Array.from({ length: limits.clusterRecordsKept }, (_, at) => at + 1);
  const module = new URL('./record-store.ts', import.meta.url).href;
  const racers = [1, 2].map((leader) => {
    const records = versions.map((version) => record(version, { leader: { id: leader, incarnation: 1 } }));
    const worker = new Worker(RACER, { eval: true, workerData: { module, folder, records } });
    const next = () =>
      new Promise<unknown>((resolve, reject) => {
        worker.once('message', resolve);
        worker.once('error', reject);
      });
    return { leader, worker, next, ready: next() };
  });
  for (const { ready } of racers) await ready;
  const results = racers.map(({ next }) => next());
  for (const { worker } of racers) worker.postMessage('go');
  const won = (await Promise.all(results)) as number[][];
  assert.equal(
    won.flat().sort((a, b) => a - b),
    versions,
  );
  for (const [at, mine] of won.entries()) {
    for (const version of mine) {
      const kept = JSON.parse(readFileSync(join(folder, `cluster.${version}.json`), 'utf8'));
      assert.is(kept.leader.id, racers[at]?.leader, 'what is kept is what the winner published');
    }
  }
  assert.is(store.read()?.version, versions.length);
});

test('the last eight versions are kept', async () => {
  const { folder, store } = await setUp();
  for (let version = 1; version <= 12; version += 1) store.write(record(version));
  // A rebuilt record jumps.
  store.write(record(1012));
  const kept = [6, 7, 8, 9, 10, 11, 12, 1012].map((version) => `cluster.${version}.json`);
  assert.equal(readdirSync(folder).sort(), kept.sort());
  assert.equal(store.read(), record(1012));
});

test.run();
