import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { removeTemporaryFolders, temporaryFolder } from '../test/temporary-folder.ts';
import { diskFiles } from './journal-files.ts';
import { limits } from './limits.ts';

test.after.each(removeTemporaryFolders);

const failureOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'none',
    (error: Error) => error.message,
  );

test('a file is replaced as a whole, by one that only its owner reads, and nothing else is left', async () => {
  const folder = await temporaryFolder();
  const path = join(folder, 'a.index');
  assert.is(await diskFiles.load(path), null);
  for (const text of ['first', 'second']) {
    await diskFiles.replace(path, Buffer.from(text));
    assert.is(Buffer.from((await diskFiles.load(path)) ?? []).toString(), text);
  }
  assert.is((await stat(path)).mode & 0o777, 0o600);
  assert.equal(await diskFiles.list(folder), ['a.index']);
  assert.match(await failureOf(diskFiles.replace(folder, Buffer.from('x'))), /EISDIR|EEXIST|ENOTEMPTY/);
  assert.equal(await readdir(join(folder, '..')).then((names) => names.filter((name) => name.includes('.tmp-'))), []);
});

test('files get other names and go; what is not there is gone already', async () => {
  const folder = await temporaryFolder();
  const [one, other] = [join(folder, 'one'), join(folder, 'other')];
  await writeFile(one, 'text');
  await diskFiles.rename(one, other);
  assert.equal(await diskFiles.list(folder), ['other']);
  await diskFiles.remove(other);
  await diskFiles.remove(other);
  await writeFile(one, 'text');
  diskFiles.removeNow(one);
  diskFiles.removeNow(one);
  assert.equal(await diskFiles.list(folder), []);
  assert.match(await failureOf(diskFiles.rename(one, other)), 'ENOENT');
  assert.match(await failureOf(diskFiles.load(folder)), 'EISDIR');
});

test('short and long writes both end where they belong, and both are refused on a closed file', async () => {
  const path = join(await temporaryFolder(), 'file');
  const file = await diskFiles.open(path);
  const long = Buffer.alloc(limits.journalWriteNowBytesMax + 1, 'x');
  assert.is(await file.write(Buffer.from('short'), 0), 5);
  let at = 5;
  while (at < long.length + 5) at += await file.write(long.subarray(at - 5), at);
  await file.sync();
  assert.is(await file.size(), long.length + 5);
  assert.is(await readFile(path, 'utf8'), `short${long}`);
  await file.close();
  for (const bytes of [Buffer.from('short'), long]) assert.is.not(await failureOf(file.write(bytes, 0)), 'none');
});

test.run();
