import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { deadline, monotonicMs, sleep } from '@till/shared/clock';
import { JournalDamaged } from '@till/shared/journal';
import { diskFiles, type JournalFiles } from '@till/shared/journal-files';
import { limits } from '@till/shared/limits';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { diskError, type Faults, faultyFiles } from '../../shared/test/faulty-files.ts';
import { removeTemporaryFolders, temporaryFolder } from '../../shared/test/temporary-folder.ts';
import { entriesOf, shopEntries, type Told, told } from '../test/shop.ts';
import { orderLimits } from './limits.ts';
import { type FileLog, type LogPlace, openLog } from './log.ts';
import type { Entry } from './replica/types.ts';

const { recentEntriesMax } = orderLimits;
/** More than is ever in memory. */
const MANY = 3 * recentEntriesMax;
const many = shopEntries(MANY - 2);
const others = shopEntries(MANY - 2, 'other');

const opened: FileLog[] = [];
/** Ends of fsyncs that a test holds. */
const syncs: (() => void)[] = [];
const faulty: Faults[] = [];
test.after.each(async () => {
  for (const faults of faulty.splice(0)) {
    delete faults.truncate;
    delete faults.sync;
  }
  for (const release of syncs.splice(0)) release();
  for (const log of opened.splice(0)) await log.close();
  await removeTemporaryFolders();
});

const textOf = (entries: Entry[]): string => entries.map(({ line }) => `${line}\n`).join('');

/** A log with faults, which reads of the file are counted in: only those that go by position after the start. */
const create = async (entries: Entry[] = [], sizes: Partial<LogPlace> = {}) => {
  const path = join(await temporaryFolder(), 'log.jsonl');
  writeFileSync(path, textOf(entries));
  const faults: Faults = {};
  faulty.push(faults);
  const { files, done } = faultyFiles(faults);
  const reads = { count: 0 };
  const counted = {
    ...files,
    open: async (name: string) => {
      const file = await files.open(name);
      return {
        ...file,
        readSync(bytes: Uint8Array, at: number) {
          reads.count += 1;
          return file.readSync(bytes, at);
        },
      };
    },
  };
  const log = await openLog({ path, files: counted, ...sizes });
  opened.push(log);
  done.length = 0;
  return { log, path, faults, done, reads };
};

const add = (log: FileLog, entries: Entry[]): Promise<void> => {
  log.view.append(entries);
  return log.write(entries);
};
const soon = <Value>(promise: Promise<Value>): Promise<Value> => deadline(promise, 10_000);
const until = async (condition: () => boolean): Promise<void> => {
  for (const endMs = monotonicMs() + 10_000; !condition(); await sleep(1)) {
    if (monotonicMs() > endMs) throw new Error('This did not happen in time');
  }
};
const refusalOf = (promise: Promise<void>): Promise<string> =>
  soon(promise).then(
    () => 'none',
    (error: Error) => `${error.name} ${error.message}`,
  );

test('entries are there as soon as they are appended, and on disk when their write resolves', async () => {
  const { log, path, faults, done } = await create();
  faults.sync = (file) => new Promise<void>((resolve) => syncs.push(resolve)).then(() => file.sync());
  const entries = many.slice(0, 3);
  let stored = false;
  const writing = add(log, entries).then(() => {
    stored = true;
  });
  assert.is(log.view.lastIndex(), 3);
  assert.equal(log.view.at(3), entries[2]);
  assert.is(log.view.at(4), undefined);
  assert.is(log.view.at(0), undefined);
  await until(() => syncs.length > 0);
  await sleep(20);
  assert.equal(done, ['write', 'sync']);
  assert.not.ok(stored, 'not while the fsync is under way');
  delete faults.sync;
  syncs[0]?.();
  await soon(writing);
  assert.is(readFileSync(path, 'utf8'), textOf(entries));
});

test('a write that fails is told, and so is everything after it', async () => {
  const { log, faults } = await create(many.slice(0, 3));
  faults.sync = () => Promise.reject(diskError('EIO'));
  const first = add(log, many.slice(3, 4));
  const second = add(log, many.slice(4, 5));
  assert.match(await refusalOf(first), /^JournalFailed .*EIO/);
  assert.match(await refusalOf(second), /^JournalFailed .*EIO/);
  assert.match(await refusalOf(log.cut(1)), /^JournalFailed .*EIO/);
});

test('an entry that does not follow is a mistake of ours', async () => {
  const { log } = await create(many.slice(0, 3));
  assert.throws(() => log.view.append(many.slice(4, 5)), /Entry 5 must not follow entry 3/);
});

test('recent entries are in memory, older ones are read from the file, and all are what was written', async () => {
  const { log, reads } = await create(many);
  assert.is(log.view.lastIndex(), MANY);
  for (const entry of many.slice(-recentEntriesMax)) assert.is(log.view.at(entry.index)?.line, entry.line);
  assert.is(reads.count, 0);
  for (const index of [1, 2, 3, recentEntriesMax, MANY - 2 * recentEntriesMax])
    assert.equal(log.view.at(index), many[index - 1]);
  assert.is(reads.count, 5);
});

test('entries stay in memory until they are on disk, however many there are', async () => {
  const { log, faults, reads } = await create();
  faults.sync = (file) => new Promise<void>((resolve) => syncs.push(resolve)).then(() => file.sync());
  const writing = add(log, many);
  for (const index of [1, recentEntriesMax, MANY]) assert.equal(log.view.at(index), many[index - 1]);
  assert.is(reads.count, 0);
  await until(() => syncs.length > 0);
  delete faults.sync;
  syncs[0]?.();
  await soon(writing);
  for (const index of [1, recentEntriesMax, MANY]) assert.equal(log.view.at(index), many[index - 1]);
});

test('memory does not grow with the log', async () => {
  const { log, reads } = await create();
  for (let from = 0; from < MANY; from += 512) await soon(add(log, many.slice(from, from + 512)));
  assert.equal(log.view.at(1), many[0]);
  assert.is(reads.count, 1, 'the first entry is not in memory any more');
  assert.equal(log.view.at(MANY - recentEntriesMax + 1), many[MANY - recentEntriesMax]);
  assert.is(reads.count, 1);
});

test('a slice goes from the file over into memory, and ends at its bounds', async () => {
  const { log } = await create(many);
  const edge = MANY - 2 * recentEntriesMax;
  for (const from of [1, edge, MANY - recentEntriesMax, MANY - 50])
    assert.equal(log.view.slice(from, 100, 1e9), many.slice(from - 1, from + 99));
  assert.equal(log.view.slice(MANY + 1, 100, 1e9), []);
  const [first, second] = many.slice(9) as [Entry, Entry];
  const bytes = first.line.length + second.line.length;
  assert.equal(log.view.slice(10, 100, bytes), [first, second]);
  assert.equal(log.view.slice(10, 100, bytes - 1), [first]);
  assert.equal(log.view.slice(10, 100, 1), [first], 'at least one');
  assert.equal(log.view.slice(10, 1, 1e9), [first]);
});

for (const [where, from] of [
  ['within what is in memory', MANY - 5],
  ['at the edge of it', MANY - recentEntriesMax + 1],
  ['before it', 50],
  ['at the start', 1],
] as const) {
  test(`a cut ${where} drops entries, their orders and their lines, and others take their place`, async () => {
    const { log, path } = await create(others);
    log.view.truncate(from);
    assert.is(log.view.lastIndex(), from - 1);
    assert.is(log.view.at(from), undefined);
    assert.equal(log.view.at(from - 1), others[from - 2]);
    assert.is(log.view.contents.key(`other-${from - 3}`), undefined);
    assert.is(log.view.contents.order(MANY - 3), undefined);
    if (from > 4) assert.is(log.view.contents.key(`other-${from - 4}`), from - 1);
    await soon(log.cut(from));
    assert.is(readFileSync(path, 'utf8'), textOf(others.slice(0, from - 1)));
    const next = many.slice(from - 1);
    await soon(add(log, next));
    assert.is(log.view.lastIndex(), MANY);
    for (const index of [from, Math.min(from + 1, MANY), MANY])
      assert.is(log.view.at(index)?.line, many[index - 1]?.line);
    assert.is(log.view.contents.key(`key-${MANY - 3}`), MANY);
    assert.is(log.view.contents.order(MANY - 3), MANY);
    assert.is(readFileSync(path, 'utf8'), textOf([...others.slice(0, from - 1), ...next]));
  });
}

test('a cut while a write is under way takes its turn, and what replaces the tail is what stays', async () => {
  const { log, path, done } = await create(many.slice(0, 3));
  const first = add(log, others.slice(3, 6));
  log.view.truncate(5);
  const cut = log.cut(5);
  const second = add(log, many.slice(4, 7));
  await soon(Promise.all([first, cut, second]));
  assert.equal(
    done.map((what) => what.split(' ')[0]),
    ['write', 'sync', 'truncate', 'sync', 'write', 'sync'],
  );
  assert.is(readFileSync(path, 'utf8'), textOf([...many.slice(0, 3), ...others.slice(3, 4), ...many.slice(4, 7)]));
  assert.equal(log.view.at(5), many[4]);
});

test('an old write that ends after a cut does not make newer entries count as written', async () => {
  const { log, faults } = await create();
  const first = add(log, others);
  log.view.truncate(1);
  const cut = log.cut(1);
  faults.truncate = async (file, size) => {
    await file.truncate(size);
    faults.sync = (again) => new Promise<void>((resolve) => syncs.push(resolve)).then(() => again.sync());
  };
  const second = add(log, many.slice(0, MANY - 1));
  await soon(first);
  log.view.append(many.slice(MANY - 1));
  assert.equal(log.view.at(3), many[2], 'read from memory: the file holds another entry there');
  const third = log.write(many.slice(MANY - 1));
  await until(() => syncs.length > 0);
  delete faults.sync;
  syncs[0]?.();
  await soon(Promise.all([cut, second, third]));
  assert.equal(log.view.at(3), many[2]);
});

test('older entries are read with one read for each file that they stand in', async () => {
  const { log, reads } = await create(many);
  assert.equal(log.view.slice(2, 1000, 1e9), many.slice(1, 1001));
  assert.is(reads.count, 1);
});

test('recent entries take a bounded number of bytes', async () => {
  const { log, reads } = await create();
  const name = 'n'.repeat(200_000);
  const long = entriesOf(Array.from({ length: 40 }, (_, at): Told => ({ ...told.order(at, `k${at}`), name })));
  for (const entry of long) await soon(add(log, [entry]));
  assert.ok(long.length * name.length > limits.journalRecentBytesMax);
  assert.equal(log.view.at(long.length), long.at(-1));
  assert.is(reads.count, 0);
  assert.equal(log.view.at(1), long[0]);
  assert.is(reads.count, 1, 'the first entry is not in memory any more');
  assert.equal(log.view.slice(1, 100, 1e9), long);
});

/** Everything that a log says, about what is in `shop`. */
const pictureOf = ({ view }: FileLog) => ({
  entries: view.slice(1, 1000, 1e9),
  orders: Array.from({ length: 40 }, (_, number) => view.contents.order(number)),
  keys: shopKeys.map((key) => view.contents.key(key)),
  cancellations: [0, 1, 2].map((number) => view.contents.cancellation(number)),
  checkouts: ['a', 'b', 'c'].map((id) => view.contents.checkout(id)),
  waiting: view.contents.waiting(0, 100),
  count: view.contents.checkoutCount(),
  notes: ['shopify', 'other'].map((sink) => view.contents.note(sink)),
});
const shop: Told[] = [
  told.fence(),
  ...[0, 1, 2].map((number) => told.order(number, `one ${number}`, `also ${number}`)),
  told.checkout('a'),
  told.cancel(1, 'cancel 1'),
  told.note('shopify', 1),
  told.rejection('no'),
  ...[3, 4, 5].map((number) => told.order(number, `two "${number}"`)),
  told.order(6, 'checkout a'),
  told.checkout('b', 3),
  told.note('other', 4),
  told.note('shopify', 9),
  ...[7, 8, 9].map((number) => told.order(number, `three ${number}`)),
  told.checkout('c', 2),
  told.rejection('checkout c'),
  told.order(10, 'last'),
];
const shopKeys = shop.flatMap((movement) => ['key', 'alsoKey'].map((name) => String(movement[name])));
const shopLog = entriesOf(shop);
const SMALL = { segmentBytes: 900, checkpointBytes: 300 };

const openSmall = async (path: string, files?: JournalFiles): Promise<FileLog> => {
  const log = await openLog({ path, ...SMALL, ...(files === undefined ? {} : { files }) });
  opened.push(log);
  return log;
};

test('from indexes a start knows exactly what it would know from all entries', async () => {
  for (let length = 1; length <= shopLog.length; length += 1) {
    const entries = shopLog.slice(0, length);
    const { log, path } = await create([], SMALL);
    for (const entry of entries) await soon(add(log, [entry]));
    const before = pictureOf(log);
    await log.close();
    const known = pictureOf(await openSmall(path));
    const { log: scanned } = await create(entries);
    assert.equal(known, pictureOf(scanned), `${length} entries`);
    assert.equal(known, before);
  }
});

test('whichever of the indexes are missing, what is known is the same', async () => {
  const { log, path } = await create([], SMALL);
  for (const entry of shopLog) await soon(add(log, [entry]));
  const known = pictureOf(log);
  await log.close();
  const indexes = readdirSync(dirname(path)).filter((name) => name.endsWith('.index'));
  assert.ok(indexes.length > 3);
  for (const missing of [...indexes.map((name) => [name]), indexes.slice(0, 2), indexes.slice(2), indexes]) {
    for (const name of missing) rmSync(join(dirname(path), name));
    const again = await openSmall(path);
    assert.equal(pictureOf(again), known, `without ${missing.join(', ')}`);
    await again.close();
    assert.equal(
      readdirSync(dirname(path)).filter((name) => name.endsWith('.index')),
      indexes,
    );
  }
});

test('after an orderly stop only rare entries and the last ones are read, however many there are', async () => {
  const entries = shopEntries(2000);
  const { log, path } = await create([], { segmentBytes: 100_000 });
  for (let from = 0; from < entries.length; from += 100) await soon(add(log, entries.slice(from, from + 100)));
  await log.close();
  let bytesRead = 0;
  const files: JournalFiles = {
    ...diskFiles,
    open: async (at) => {
      const file = await diskFiles.open(at);
      const count = (bytes: Uint8Array): Uint8Array => {
        bytesRead += bytes.byteLength;
        return bytes;
      };
      return {
        ...file,
        read: (bytes, position) => file.read(count(bytes), position),
        readSync: (bytes, position) => file.readSync(count(bytes), position),
      };
    },
  };
  const again = await openLog({ path, files, segmentBytes: 100_000 });
  opened.push(again);
  const all = Buffer.byteLength(textOf(entries));
  assert.ok(bytesRead < all / 4, `${bytesRead} of ${all} bytes`);
  assert.is(again.view.contents.key('key-3'), 6);
  assert.equal(again.view.at(entries.length), entries.at(-1));
});

test('a cut goes back over segments, and what it says is as if nothing had been there', async () => {
  for (let left = 1; left < shopLog.length; left += 1) {
    const { log, path } = await create([], SMALL);
    for (const entry of shopLog) await soon(add(log, [entry]));
    log.view.truncate(left + 1);
    await soon(log.cut(left + 1));
    const { log: expected } = await create(shopLog.slice(0, left));
    assert.equal(pictureOf(log), pictureOf(expected), `${left} left`);
    for (const entry of shopLog.slice(left)) await soon(add(log, [entry]));
    const whole = pictureOf(log);
    await log.close();
    assert.equal(pictureOf(await openSmall(path)), whole);
  }
});

test('the next start finds entries and orders again, and keeps a torn line aside', async () => {
  const { log, path } = await create(many.slice(0, 3));
  await soon(add(log, many.slice(3, 6)));
  await log.close();
  writeFileSync(path, textOf(many.slice(0, 6)) + (many[6]?.line.slice(0, 40) ?? ''));
  const again = await openLog({ path });
  opened.push(again);
  assert.equal(again.view.slice(1, 100, 1e9), many.slice(0, 6));
  assert.is(again.view.contents.key('key-2'), 5);
  assert.is(again.view.contents.order(3), 6);
  assert.is(again.torn?.bytes, 40);
  assert.is(readFileSync(again.torn?.kept ?? '', 'utf8').length, 40);
});

test('damage before the last line stops the start', async () => {
  const { log, path } = await create(many.slice(0, 5));
  await log.close();
  const damaged = textOf(many.slice(0, 5)).replace('key-0', 'key-9');
  writeFileSync(path, damaged);
  try {
    opened.push(await openLog({ path }));
    assert.unreachable();
  } catch (error) {
    assert.instance(error, JournalDamaged);
  }
  assert.is(readFileSync(path, 'utf8'), damaged);
});

test.run();
