import { chmod, mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { endScripts, startScript } from '../test/script.ts';
import { removeTemporaryFolders, temporaryFolder } from '../test/temporary-folder.ts';
import { makeFolder, publishFile, removeTemporaries, replaceFileSync, syncFolder } from './files.ts';

test.after.each(async () => {
  await endScripts();
  await removeTemporaryFolders();
});

const failureOf = async (action: () => unknown): Promise<NodeJS.ErrnoException> => {
  try {
    await action();
  } catch (error) {
    return error as NodeJS.ErrnoException;
  }
  throw new Error('This should have failed');
};

test('a replaced file has the new text, whole, for this account only, and nothing else is there', async () => {
  const folder = await temporaryFolder();
  const path = join(folder, 'state.json');
  for (const text of ['{"term":1}', 'Füchsin 🦊'.repeat(100_000), '']) {
    replaceFileSync(path, text);
    assert.is(await readFile(path, 'utf8'), text);
  }
  assert.is((await stat(path)).mode & 0o777, 0o600);
  assert.equal(await readdir(folder), ['state.json']);
});

test('a failed replacement leaves the old text and nothing else', async () => {
  const folder = await temporaryFolder();
  const path = join(folder, 'state.json');
  // A folder that is not empty cannot be replaced by a file.
  await mkdir(path);
  await writeFile(join(path, 'inside'), 'old');
  await failureOf(() => replaceFileSync(path, 'new'));
  assert.equal(await readdir(folder), ['state.json']);
  assert.is(await readFile(join(path, 'inside'), 'utf8'), 'old');
});

test('a name is published once', async () => {
  const folder = await temporaryFolder();
  const path = join(folder, 'cluster.1.json');
  assert.is(publishFile(path, 'first'), true);
  assert.is(publishFile(path, 'second'), false);
  assert.is(await readFile(path, 'utf8'), 'first');
  assert.equal(await readdir(folder), ['cluster.1.json']);
  assert.is((await failureOf(() => publishFile(join(folder, 'missing', 'x'), ''))).code, 'ENOENT');
});

test('of several processes that publish the same names exactly one gets each, whole', async () => {
  const folder = await temporaryFolder();
  const racers = Array.from({ length: 3 }, (_, at) => startScript('publisher.ts', [folder, `writer-${at}`]));
  for (const racer of racers) assert.is(await racer.line(), 'ready');
  for (const racer of racers) racer.tell('go');
  const won = (await Promise.all(racers.map((racer) => racer.line()))).map((line) => JSON.parse(line) as number[]);
  assert.equal(
    won.flat().sort((one, other) => one - other),
    Array.from({ length: 40 }, (_, at) => at + 1),
  );
  for (const [at, versions] of won.entries()) {
    for (const version of versions)
      assert.is(await readFile(join(folder, `cluster.${version}.json`), 'utf8'), `writer-${at}`.repeat(1000));
  }
  assert.is((await readdir(folder)).length, 40);
});

test('folders are made with those above them, for this account only; what exists stays as it is', async () => {
  const folder = await temporaryFolder();
  await chmod(folder, 0o755);
  const path = join(folder, 'data', 'order-1');
  await makeFolder(path);
  await makeFolder(path);
  assert.is((await stat(path)).mode & 0o777, 0o700);
  assert.is((await stat(join(folder, 'data'))).mode & 0o777, 0o700);
  assert.is((await stat(folder)).mode & 0o777, 0o755);
  await syncFolder(path);
});

test('what a crash left of a replacement is removed, and nothing else', async () => {
  const folder = await temporaryFolder();
  for (const name of ['state.json', 'state.json.tmp-1234', 'log.jsonl.torn-1']) await writeFile(join(folder, name), '');
  await mkdir(join(folder, 'lock.tmp-1'));
  assert.equal(await removeTemporaries(folder), ['state.json.tmp-1234']);
  assert.equal((await readdir(folder)).sort(), ['lock.tmp-1', 'log.jsonl.torn-1', 'state.json']);
});

test.run();
