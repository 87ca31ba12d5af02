/** Whatever snapshots and indexes are there: the stock is the one that the journal tells from its first line. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { diskFiles, type JournalFiles } from '@till/shared/journal-files';
import type { Movement } from '@till/shared/movement';
import { randomInteger, randomItem, seededRandom } from '@till/shared/random';
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type Batch, history, stateOf, tell } from '../test/histories.ts';
import { createMemoryDisk, type MemoryDisk } from '../test/memory-disk.ts';
import { buy, createSmallShop, seed } from '../test/small-shop.ts';
import { applyMovement, createStock } from './stock/apply.ts';
import { decide } from './stock/decide.ts';
import type { Stock } from './stock/types.ts';
import { openStore, type Store, type StoreOptions } from './store.ts';

const start = async (disk: MemoryDisk, options: Partial<StoreOptions> = {}): Promise<Store> => {
  const onFailed = (error: unknown): void => {
    throw error;
  };
  return openStore({ folder: 'catalog', files: disk.files, onFailed, onSnapshotFailed: onFailed, ...options });
};
const end = async ({ snapshots, journal }: Store): Promise<void> => {
  await snapshots.close();
  await journal.close();
};
const takeIn = async ({ journal, stock, snapshots }: Store, movements: Movement[]): Promise<void> => {
  await journal.append(movements);
  for (const movement of movements) applyMovement(stock, movement);
  snapshots.grown(journal.bytes);
};
const replayed = (movements: Movement[]): Stock => {
  const stock = createStock((sequence) => movements[sequence - 1] as Movement);
  for (const movement of movements) applyMovement(stock, movement);
  return stock;
};
const movementsIn = ({ journal }: Store): Movement[] =>
  Array.from({ length: journal.sequence }, (_, at) => journal.movement(at + 1));

const bytesOf = ({ contents }: MemoryDisk, name: string): Buffer => contents.get(name)?.bytes ?? Buffer.alloc(0);
const textOf = (disk: MemoryDisk, name: string): string => bytesOf(disk, name).toString();
const put = ({ contents }: MemoryDisk, name: string, text: string | Buffer): void => {
  contents.set(name, { bytes: Buffer.from(text) });
};
const addTo = (disk: MemoryDisk, name: string, text: string): void => put(disk, name, textOf(disk, name) + text);
const isDerived = (name: string): boolean => name.endsWith('.index') || name.startsWith('snapshot.json');

/** Takes away, tears or puts back in time what can be made again. */
const harm = (random: () => number, { contents }: MemoryDisk, older: MemoryDisk): void => {
  for (const [name, file] of contents) {
    if (!isDerived(name)) continue;
    const chance = random();
    if (chance < 0.15) contents.delete(name);
    else if (chance < 0.3)
      file.bytes = file.bytes.subarray(0, randomInteger(random, { min: 0, max: file.bytes.length - 1 }));
    else if (chance < 0.45) file.bytes = older.contents.get(name)?.bytes ?? file.bytes;
  }
};

const decideAgain = async (store: Store, { commands, now, term }: Batch): Promise<Movement[]> => {
  const { movements } = decide(store.stock, { term, now }, commands);
  await takeIn(store, movements);
  return movements;
};

test('over every history, with starts in between and whatever derived files are left, nothing is different', async () => {
  const holds = async (batches: Parameters<typeof tell>[0], chance: number): Promise<void> => {
    const random = seededRandom(chance);
    const sizes = {
      segmentBytes: randomItem(random, [300, 1500, 100_000]),
      checkpointBytes: randomItem(random, [1, 700, 100_000]),
      snapshotBytes: randomItem(random, [1, 700, 100_000]),
    };
    const told = tell(batches);
    const all: Movement[] = [];
    let disk = createMemoryDisk();
    let older = disk;
    let store = await start(disk, { sizes });
    for (const batch of told.batches) {
      all.push(...(await decideAgain(store, batch)));
      if (random() < 0.4) continue;
      const isOrderly = random() < 0.3;
      if (isOrderly) await end(store);
      else if (random() < 0.5) await store.snapshots.settled();
      // What was left by whoever was killed at this moment: nothing that it does later is there.
      const left = createMemoryDisk(disk);
      harm(random, left, older);
      if (random() < 0.2) addTo(left, 'journal.jsonl', '{"sequence":9,"te');
      older = disk;
      disk = left;
      store = await start(disk, { sizes });
      assert.equal(stateOf(store.stock), stateOf(replayed(all)));
    }
    assert.equal(all, told.movements);
    assert.equal(movementsIn(store), all);
    await end(store);
  };
  await fc.assert(fc.asyncProperty(history, fc.integer(), holds), { numRuns: 150 });
});

/** A history in steps, and after each the derived files as an orderly end leaves them. */
const stepped = async () => {
  const shop = createSmallShop();
  const disk = createMemoryDisk();
  const after = new Map<number, { index: Buffer; snapshot: Buffer }>();
  let done = 0;
  const step = async (): Promise<void> => {
    const store = await start(disk);
    await takeIn(store, shop.movements.slice(done));
    done = shop.movements.length;
    await end(store);
    after.set(done, { index: bytesOf(disk, 'journal.index'), snapshot: bytesOf(disk, 'snapshot.json') });
  };
  const asked = { lines: [{ name: 'Fox', quantity: 1 }], customer: 'Kim', card: '4242' };
  shop.place(buy('a', 1), buy('checkout i', 9), buy('b', 1, { alsoKey: 'c' }));
  await step();
  shop.place(
    { key: 'x', cancel: { of: 'a' } },
    { key: 'p', fingerprint: 'f', checkout: { id: '1', ...asked } },
    { key: 'note shop', note: { sink: 'shop', after: 0, delivered: 1, dead: [], again: [] } },
  );
  await step();
  shop.place(buy('checkout 1', 1), { key: 'y', cancel: { of: 'c' } }, buy('d', 1));
  await step();
  return { movements: shop.movements, journal: textOf(disk, 'journal.jsonl'), after };
};

test('every pair of an index and a snapshot gives what a replay from the first line gives', async () => {
  const { movements, journal, after } = await stepped();
  const index = (sequence: number): Buffer => after.get(sequence)?.index as Buffer;
  const snapshot = (sequence: number): Buffer => after.get(sequence)?.snapshot as Buffer;
  const torn = (bytes: Buffer): Buffer => bytes.subarray(0, bytes.length - 9);
  const otherDisk = createMemoryDisk();
  const other = createSmallShop(seed.map((product) => ({ ...product, quantity: 7 })));
  other.place(buy('a', 1), buy('b', 1), buy('c', 1));
  const otherStore = await start(otherDisk);
  await takeIn(otherStore, other.movements);
  await end(otherStore);
  const foreign = bytesOf(otherDisk, 'snapshot.json');
  const indexes = {
    missing: null,
    torn: torn(index(10)),
    older: index(4),
    middle: index(7),
    whole: index(10),
    'of another journal': bytesOf(otherDisk, 'journal.index'),
  };
  const snapshots: Record<string, { last?: Buffer; previous?: Buffer; used: number }> = {
    missing: { used: 0 },
    torn: { last: torn(snapshot(10)), used: 0 },
    'torn, with the one before it': { last: torn(snapshot(10)), previous: snapshot(4), used: 4 },
    'only the one before': { previous: snapshot(7), used: 7 },
    'of another journal': { last: foreign, used: 0 },
    'of another journal, after one of this': { last: foreign, previous: snapshot(7), used: 7 },
    older: { last: snapshot(4), used: 4 },
    middle: { last: snapshot(7), previous: snapshot(4), used: 7 },
    whole: { last: snapshot(10), used: 10 },
  };
  // The journal may end before what was derived of it: it was put back from an older copy.
  for (const length of [10, 8, 7, 4, 3]) {
    const lines = journal.split('\n').slice(0, length);
    const expected = stateOf(replayed(movements.slice(0, length)));
    for (const [indexName, indexBytes] of Object.entries(indexes)) {
      for (const [snapshotName, { last, previous, used }] of Object.entries(snapshots)) {
        const what = `${length} lines, index ${indexName}, snapshot ${snapshotName}`;
        const disk = createMemoryDisk();
        put(disk, 'journal.jsonl', `${lines.join('\n')}\n`);
        if (indexBytes !== null) put(disk, 'journal.index', indexBytes);
        if (last !== undefined) put(disk, 'snapshot.json', last);
        if (previous !== undefined) put(disk, 'snapshot.json.previous', previous);
        const store = await start(disk);
        assert.equal(stateOf(store.stock), expected, what);
        if (used <= length) assert.is(store.snapshotSequence, used, what);
        await end(store);
        const again = await start(disk);
        assert.equal(stateOf(again.stock), expected, `${what}, again`);
        assert.is(again.snapshotSequence, length, what);
        await end(again);
      }
    }
  }
});

test('a snapshot of a journal that is not there any more is not taken for the new one', async () => {
  const disk = createMemoryDisk();
  const store = await start(disk);
  await takeIn(store, createSmallShop().movements);
  await end(store);
  disk.contents.delete('journal.jsonl');
  const empty = await start(disk);
  assert.equal([empty.stock.sequence, empty.stock.products.size, empty.journal.decisions.count], [0, 0, 0]);
});

/** A shop with so many orders, as it runs. */
const largeShop = async (orders: number) => {
  const disk = createMemoryDisk();
  const shop = createSmallShop(seed.map((product) => ({ ...product, quantity: 1_000_000 })));
  shop.place(...Array.from({ length: orders }, (_, at) => buy(`order ${at}`, 1)));
  const store = await start(disk);
  await takeIn(store, shop.movements);
  return { disk, shop, store };
};
const READ_MAX = 2000;

test('a start with a snapshot and an index reads what comes after them, and nothing before', async () => {
  const { disk, shop, store } = await largeShop(2000);
  await end(store);
  const whole = bytesOf(disk, 'journal.jsonl').length;
  const { reads } = disk;
  reads.bytes = 0;
  const again = await start(disk);
  assert.equal([again.stock.sequence, again.snapshotSequence], [2001, 2001]);
  assert.ok(reads.bytes < READ_MAX, `${reads.bytes} of ${whole} bytes were read`);

  shop.place(buy('more', 1), buy('and more', 1));
  await takeIn(again, shop.movements.slice(-2));
  const tail = again.journal.bytes - whole;
  const left = createMemoryDisk(disk);
  const killed = await start(left);
  assert.equal([killed.stock.sequence, killed.snapshotSequence], [2003, 2001]);
  assert.ok(left.reads.bytes >= tail && left.reads.bytes < tail + READ_MAX, `${left.reads.bytes} bytes, not ${tail}`);
  assert.is(killed.stock.decision('order 7')?.sequence, 9);
  assert.is(killed.stock.decision('and more')?.sequence, 2003);

  const bare = createMemoryDisk(disk);
  for (const name of [...bare.contents.keys()].filter(isDerived)) bare.contents.delete(name);
  await start(bare);
  assert.ok(bare.reads.bytes > whole, 'What is counted is what is read');
});

test('a long replay is not done twice: a snapshot is written right after it', async () => {
  const { disk, store } = await largeShop(50);
  await end(store);
  for (const name of [...disk.contents.keys()].filter(isDerived)) disk.contents.delete(name);
  const sizes = { segmentBytes: 1e6, checkpointBytes: 1e6, snapshotBytes: 1000 };
  const replaying = await start(disk, { sizes });
  assert.is(replaying.snapshotSequence, 0);
  await replaying.snapshots.settled();
  const again = await start(createMemoryDisk(disk), { sizes });
  assert.is(again.snapshotSequence, 51);
});

test('snapshots that cannot be written stop nothing', async () => {
  const disk = createMemoryDisk();
  const failures: unknown[] = [];
  const files: JournalFiles = {
    ...disk.files,
    replace: async (path, bytes) => {
      if (path.endsWith('snapshot.json')) throw new Error('ENOSPC: as asked for');
      await disk.files.replace(path, bytes);
    },
  };
  const sizes = { segmentBytes: 1e6, checkpointBytes: 1e6, snapshotBytes: 1 };
  const onSnapshotFailed = (error: unknown): void => void failures.push(error);
  const { movements } = createSmallShop();
  const store = await start(disk, { files, sizes, onSnapshotFailed });
  await takeIn(store, movements);
  await end(store);
  assert.is(failures.length, 2);
  const again = await start(disk);
  assert.equal([again.snapshotSequence, stateOf(again.stock)], [0, stateOf(replayed(movements))]);
});

test('on a real disk: what was left is what is found', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'till-store-'));
  try {
    const disk = { ...createMemoryDisk(), files: diskFiles };
    const sizes = { segmentBytes: 300, checkpointBytes: 1, snapshotBytes: 1 };
    const shop = createSmallShop();
    const first = await start(disk, { folder, sizes });
    await takeIn(first, shop.movements);
    for (const key of ['a', 'b', 'c']) {
      shop.place(buy(key, 1));
      await takeIn(first, shop.movements.slice(-1));
    }
    await end(first);
    const again = await start(disk, { folder, sizes });
    assert.equal([again.snapshotSequence, stateOf(again.stock)], [4, stateOf(replayed(shop.movements))]);
    await end(again);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test.run();
