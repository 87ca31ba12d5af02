import { mkdir, readdir, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { endScripts, startScript } from '../test/script.ts';
import { removeTemporaryFolders, temporaryFolder } from '../test/temporary-folder.ts';
import { monotonicMs, sleep } from './clock.ts';
import { FolderLocked, lockFolder } from './folder-lock.ts';
import { createLockPlace } from './lock-place.ts';

test.after.each(async () => {
  await endScripts();
  await removeTemporaryFolders();
});

const nothing = { onLost: () => undefined };

const refusal = async (folder: string): Promise<FolderLocked> => {
  try {
    await lockFolder(folder, nothing);
  } catch (error) {
    assert.instance(error, FolderLocked);
    return error as FolderLocked;
  }
  throw new Error('The lock should have been refused');
};

const until = async (condition: () => boolean | Promise<boolean>): Promise<void> => {
  for (const endMs = monotonicMs() + 20_000; !(await condition()); await sleep(10)) {
    if (monotonicMs() > endMs) throw new Error('This did not happen in time');
  }
};

/** A process that holds the lock of a folder. */
const startHolder = async (folder: string) => {
  const holder = startScript('lock-holder.ts', [folder]);
  assert.is(await holder.line(), 'held');
  return holder;
};

test('a lock is had once, and again after it was given back', async () => {
  const folder = await temporaryFolder();
  const lock = await lockFolder(folder, nothing);
  const error = await refusal(folder);
  assert.is(error.pid, process.pid);
  assert.match(error.message, folder);
  assert.match(error.message, 'this process');
  await lock.release();
  await lock.release();
  assert.equal(await readdir(folder), []);
  await (await lockFolder(folder, nothing)).release();
});

test('another process is refused and told who holds the lock; it gets it once it is given back', async () => {
  const folder = await temporaryFolder();
  const holder = await startHolder(folder);
  const error = await refusal(folder);
  assert.is(error.pid, holder.pid);
  assert.match(error.message, `process ${holder.pid}`);
  const other = startScript('lock-holder.ts', [folder]);
  assert.match(await other.line(), `refused FolderLocked: Cannot use ${folder}: process ${holder.pid}`);
  holder.tell('release');
  assert.is(await holder.line(), 'released');
  await (await lockFolder(folder, nothing)).release();
});

test('the same folder under another name is the same folder', async () => {
  const folder = await temporaryFolder();
  const name = join(await temporaryFolder(), 'name');
  await symlink(folder, name);
  const lock = await lockFolder(folder, nothing);
  await refusal(name);
  await lock.release();
});

test('the lock of a killed process is had at once', async () => {
  const folder = await temporaryFolder();
  const holder = await startHolder(folder);
  holder.kill('SIGKILL');
  await holder.ended();
  const startMs = monotonicMs();
  const lock = await lockFolder(folder, nothing);
  const tookMs = monotonicMs() - startMs;
  assert.ok(tookMs < 1000, `no age is waited for: ${tookMs} ms`);
  await lock.release();
});

test('a paused process keeps its lock, however old it looks', async () => {
  const folder = await temporaryFolder();
  const holder = await startHolder(folder);
  holder.kill('SIGSTOP');
  await utimes(join(folder, 'lock'), new Date('2001-01-01'), new Date('2001-01-01'));
  assert.is((await refusal(folder)).pid, holder.pid);
  holder.kill('SIGKILL');
  await holder.ended();
  await (await lockFolder(folder, nothing)).release();
});

test('a process that ends by itself leaves no lock', async () => {
  const folder = await temporaryFolder();
  const holder = await startHolder(folder);
  holder.tell('release');
  assert.is(await holder.line(), 'released');
  assert.equal(await readdir(folder), []);
});

test('who loses the lock hears of it, and does not take it from its new holder', async () => {
  const folder = await temporaryFolder();
  const losses: Error[] = [];
  const lock = await lockFolder(folder, { onLost: (error) => losses.push(error) });
  await rm(join(folder, 'lock'), { recursive: true });
  const holder = await startHolder(folder);
  await until(() => losses.length > 0);
  await lock.release();
  assert.is(losses.length, 1);
  assert.is((await refusal(folder)).pid, holder.pid);
});

/** How the living process `pid` would be named if it had been started at another time, or before the machine was. */
const otherLife = async (folder: string, part: 'startedAt' | 'bootId'): Promise<string> => {
  const [name] = await readdir(join(folder, 'lock'));
  const [pid, startedAt, bootId, token] = (name as string).split('-');
  return part === 'startedAt' ? `${pid}-1-${bootId}-${token}` : `${pid}-${startedAt}-0123-${token}`;
};

for (const part of ['startedAt', 'bootId'] as const) {
  test(`a process id that was used again is not the holder: another ${part}`, async () => {
    const folder = await temporaryFolder();
    const elsewhere = await temporaryFolder();
    await startHolder(elsewhere);
    await mkdir(join(folder, 'lock'));
    await writeFile(join(folder, 'lock', await otherLife(elsewhere, part)), '');
    await (await lockFolder(folder, nothing)).release();
  });
}

test('a lock of which nothing can be told is left alone', async () => {
  const folder = await temporaryFolder();
  await mkdir(join(folder, 'lock'));
  await writeFile(join(folder, 'lock', 'note'), '');
  const error = await refusal(folder);
  assert.is(error.pid, null);
  assert.match(error.message, 'unknown process');
  assert.equal(await readdir(join(folder, 'lock')), ['note']);
});

test('an empty lock is free, and what dead processes left is cleared away', async () => {
  const folder = await temporaryFolder();
  const elsewhere = await temporaryFolder();
  const holder = await startHolder(elsewhere);
  const [living] = await readdir(join(elsewhere, 'lock'));
  await mkdir(join(folder, 'lock'));
  await mkdir(join(folder, `lock.tmp-${living}`));
  await mkdir(join(folder, `lock.tmp-${await otherLife(elsewhere, 'bootId')}`));
  const lock = await lockFolder(folder, nothing);
  assert.equal((await readdir(folder)).sort(), ['lock', `lock.tmp-${living}`].sort());
  await lock.release();
  holder.kill('SIGKILL');
  await holder.ended();
});

test('of several processes that find a dead holder exactly one gets the lock, 50 times', async () => {
  const folder = await temporaryFolder();
  const path = join(folder, 'lock');
  const dead = await startHolder(folder);
  const [name] = await readdir(path);
  dead.kill('SIGKILL');
  await dead.ended();
  const racers = Array.from({ length: 4 }, () => startScript('lock-racer.ts', [path]));
  for (const racer of racers) assert.is(await racer.line(), 'ready');
  for (let round = 1; round <= 50; round += 1) {
    await rm(path, { recursive: true, force: true });
    // Odd rounds begin with a dead holder's lock, even ones with the empty one that a crash while breaking it leaves.
    await mkdir(path);
    if (round % 2 === 1) await writeFile(join(path, `${name}${round}`), '');
    for (const racer of racers) racer.tell(String(round));
    const results = await Promise.all(racers.map((racer) => racer.line()));
    assert.is(results.filter((result) => result === `${round} won`).length, 1, results.join());
    assert.is(results.filter((result) => result === `${round} lost`).length, 3, results.join());
    assert.is((await readdir(path)).length, 1);
  }
});

test('giving back a lock that somebody else has by now changes nothing', async () => {
  const folder = await temporaryFolder();
  const [mine, other] = [createLockPlace(join(folder, 'lock')), createLockPlace(join(folder, 'lock'))];
  mine.take();
  mine.leave();
  other.take();
  mine.leave();
  assert.throws(() => mine.take(), /held/);
  other.leave();
  assert.equal(await readdir(folder), []);
});

test.run();
