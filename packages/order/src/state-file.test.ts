import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { removeTemporaryFolders, temporaryFolder } from '../../shared/test/temporary-folder.ts';
import { record } from '../test/lab.ts';
import { NEW_STORE } from './replica/state.ts';
import type { Durable } from './replica/types.ts';
import { createStateFile } from './state-file.ts';

test.after.each(removeTemporaryFolders);

const durable: Durable = { storeId: 'store', term: 3, record: record(), committed: { index: 7, hash: 'a'.repeat(32) } };

test('a new store has the state of one, and keeps nothing yet', async () => {
  const folder = await temporaryFolder();
  assert.equal(createStateFile(folder).read(), NEW_STORE);
  assert.equal(readdirSync(folder), []);
});

test('what was saved last is there for the next run, whole, and nothing else is left', async () => {
  const folder = await temporaryFolder();
  const file = createStateFile(folder);
  file.save(durable);
  assert.equal(createStateFile(folder).read(), durable);
  file.save({ ...durable, term: 4, record: null });
  assert.equal(createStateFile(folder).read(), { ...durable, term: 4, record: null });
  assert.equal(readdirSync(folder), ['state.json']);
});

for (const [what, text] of [
  ['is empty', ''],
  ['was cut short', JSON.stringify(durable).slice(0, -5)],
  ['is not JSON', 'no state'],
  ['is no state', '{}'],
  ['is null', 'null'],
  ['has a term that is no number', JSON.stringify({ ...durable, term: '3' })],
  ['has half a record', JSON.stringify({ ...durable, record: { storeId: 'store' } })],
] as const) {
  test(`a state that ${what} stops the start, names the file and leaves it as it is`, async () => {
    const folder = await temporaryFolder();
    const path = join(folder, 'state.json');
    writeFileSync(path, text);
    assert.throws(
      () => createStateFile(folder).read(),
      (error: Error) => error.message.startsWith(`Cannot use ${path}: it is not the state of a replica`),
    );
    assert.is(readFileSync(path, 'utf8'), text);
  });
}

test('a state that cannot be saved is told', async () => {
  const folder = await temporaryFolder();
  const file = createStateFile(folder);
  rmSync(folder, { recursive: true });
  assert.throws(() => file.save(durable), /ENOENT/);
  assert.throws(() => file.saveHalt('why'), /ENOENT/);
});

test('why a replica halted is known to the next run, until an operator takes the file away', async () => {
  const folder = await temporaryFolder();
  const file = createStateFile(folder);
  assert.is(file.readHalt(), null);
  file.saveHalt('Entry 4 does not chain');
  assert.is(createStateFile(folder).readHalt(), 'Entry 4 does not chain');
  rmSync(file.haltPath);
  assert.is(createStateFile(folder).readHalt(), null);
});

test('an empty halt file halts too', async () => {
  const folder = await temporaryFolder();
  const file = createStateFile(folder);
  writeFileSync(file.haltPath, '');
  assert.is(file.readHalt(), '');
});

test.run();
