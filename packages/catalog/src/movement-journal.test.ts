import { appendFileSync, copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { hashOfKey } from '@till/shared/line-facts';
import type { Movement, OrderMovement } from '@till/shared/movement';
import { chainHash, seal, unseal, ZERO_HASH } from '@till/shared/sealed';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { createMemoryDisk } from '../test/memory-disk.ts';
import { type MovementJournalOptions, openMovementJournal, type StoredJournal } from './movement-journal.ts';

const folder = mkdtempSync(join(tmpdir(), 'till-journal-'));
const open: StoredJournal[] = [];
let fileCount = 0;
test.after.each(async () => {
  for (const journal of open.splice(0)) await journal.close();
});
test.after(() => rmSync(folder, { recursive: true }));

const freshPath = (): string => {
  fileCount += 1;
  return join(folder, `journal-${fileCount}.jsonl`);
};
const openAt = async (path: string, options: Partial<MovementJournalOptions> = {}) => {
  const failures: unknown[] = [];
  const opened = await openMovementJournal({
    path,
    recent: { linesMax: 3, bytesMax: 1_000_000 },
    onFailed: (error) => failures.push(error),
    ...options,
  });
  open.push(opened.journal);
  return { ...opened, failures };
};
/** All of it, each as it is read by itself. */
const movementsIn = (journal: StoredJournal): Movement[] =>
  Array.from({ length: journal.sequence }, (_, at) => journal.movement(at + 1));
const fence = (sequence: number): Movement => ({ sequence, term: sequence, time: 1, kind: 'fence' });
const fences = (from: number, to: number): Movement[] =>
  Array.from({ length: to - from + 1 }, (_, at) => fence(from + at));
const bounds = { linesMax: 100, bytesMax: 1_000_000 };
const sequencesOf = (lines: string[]): number[] => lines.map((line) => (JSON.parse(line) as Movement).sequence);

test('what was appended is there again, sealed in one chain', async () => {
  const path = freshPath();
  const { journal } = await openAt(path);
  await journal.append(fences(1, 2));
  await journal.append(fences(3, 3));
  await journal.close();
  const again = await openAt(path);
  assert.equal(movementsIn(again.journal), fences(1, 3));
  assert.is(again.torn, null);
  await again.journal.append([fence(4)]);

  const lines = readFileSync(path, 'utf8').trimEnd().split('\n');
  assert.equal(sequencesOf(lines), [1, 2, 3, 4]);
  let hash = ZERO_HASH;
  for (const line of lines) {
    const unsealed = unseal(line);
    assert.is(unsealed?.hash, chainHash(hash, unsealed?.body ?? ''));
    hash = unsealed?.hash ?? '';
  }
});

test('lines come from memory or from the file alike, byte for byte', async () => {
  const path = freshPath();
  const { journal } = await openAt(path);
  await journal.append(fences(1, 10));
  const lines = readFileSync(path, 'utf8').trimEnd().split('\n');
  for (let after = 0; after <= 10; after += 1) {
    assert.equal(await journal.after(after, bounds), { lines: lines.slice(after), more: false });
  }
  assert.equal(await journal.after(99, bounds), { lines: [], more: false });
});

test('pages are cut at their bounds, in memory and in the file', async () => {
  const { journal } = await openAt(freshPath());
  await journal.append(fences(1, 10));
  const page = async (after: number, linesMax: number, bytesMax = 1_000_000) => {
    const { lines, more } = await journal.after(after, { linesMax, bytesMax });
    return [sequencesOf(lines), more];
  };
  assert.equal(await page(0, 2), [[1, 2], true]);
  assert.equal(await page(7, 2), [[8, 9], true]);
  assert.equal(await page(0, 10), [fences(1, 10).map(({ sequence }) => sequence), false]);
  assert.equal(await page(0, 10, 1), [[1], true]);
  assert.equal(await page(8, 10, 1), [[9], true]);
});

test('pages put together give the whole journal', async () => {
  const { journal } = await openAt(freshPath());
  await journal.append(fences(1, 10));
  const all: number[] = [];
  for (let more = true; more; ) {
    const page = await journal.after(all.length, { linesMax: 4, bytesMax: 1_000_000 });
    all.push(...sequencesOf(page.lines));
    more = page.more;
  }
  assert.equal(all, sequencesOf(fences(1, 10).map((movement) => JSON.stringify(movement))));
});

test('a movement is read back by its sequence, from memory or from the file, and only if it is there', async () => {
  const path = freshPath();
  const { journal } = await openAt(path);
  assert.throws(() => journal.movement(1), /no line 1/);
  await journal.append(fences(1, 10));
  for (const movement of fences(1, 10)) assert.equal(journal.movement(movement.sequence), movement);
  assert.throws(() => journal.movement(0), /no line 0/);
  assert.throws(() => journal.movement(11), /no line 11/);
  const bytes = readFileSync(path);
  bytes[bytes.indexOf('"sequence":2') + 12] = 0x39;
  writeFileSync(path, bytes);
  assert.throws(() => journal.movement(2), /line 2/, 'What changed since is not taken for true');
  assert.is(journal.movement(10).sequence, 10);
});

test('an unfinished end is cut off and reported, and the journal goes on after the last whole line', async () => {
  const path = freshPath();
  const { journal } = await openAt(path);
  await journal.append(fences(1, 2));
  await journal.close();
  appendFileSync(path, '{"sequence":3,"term":3,"ti');
  const again = await openAt(path);
  assert.equal(movementsIn(again.journal), fences(1, 2));
  assert.is(again.torn?.bytes, 26);
  await again.journal.append([fence(3)]);
  assert.equal(sequencesOf((await again.journal.after(0, bounds)).lines), [1, 2, 3]);
});

test('a movement that is not the next one is neither written nor read', async () => {
  const path = freshPath();
  const { journal } = await openAt(path);
  const errorOf = async (promise: Promise<unknown>): Promise<string> => {
    try {
      await promise;
    } catch (error) {
      return String(error);
    }
    return 'none';
  };
  assert.match(await errorOf(journal.append([fence(2)])), /Line 1 of .* has sequence 2/);
  assert.match(await errorOf(journal.append([fence(1), fence(3)])), /Line 2 of .* has sequence 3/);
  await journal.close();
  assert.is(readFileSync(path, 'utf8'), '');
  writeFileSync(path, `${seal(ZERO_HASH, JSON.stringify(fence(2))).line}\n`);
  assert.match(await errorOf(openAt(path)), /Line 1 of .* has sequence 2/);
});

test('appends may overlap: each follows from the one before it', async () => {
  const path = freshPath();
  const { journal } = await openAt(path);
  await Promise.all([journal.append(fences(1, 2)), journal.append(fences(3, 3)), journal.append(fences(4, 5))]);
  assert.is(journal.sequence, 5);
  await journal.close();
  assert.equal(movementsIn((await openAt(path)).journal), fences(1, 5));
});

test('the chain hash of a line is that of the history up to it', async () => {
  const path = freshPath();
  const { journal } = await openAt(path);
  await journal.append(fences(1, 5));
  let hash = ZERO_HASH;
  for (const movement of fences(1, 5)) {
    hash = chainHash(hash, JSON.stringify(movement));
    assert.is(journal.hashAt(movement.sequence), hash);
  }
  assert.is(journal.hashAt(6), null);
});

const order = (sequence: number, key: string, other: Partial<OrderMovement> = {}): OrderMovement => ({
  ...{ sequence, term: 1, time: 1, kind: 'order', number: sequence - 1, key, fingerprint: `print of ${key}` },
  order: { lines: [{ name: 'Fox', quantity: 1 }] },
  stock: [{ name: 'Fox', before: 1, after: 0 }],
  ...other,
});
/** One of each kind that has a key, and fences after them, so that they are not among the last lines. */
const decided = (): Movement[] => [
  order(1, 'a', { alsoKey: 'b' }),
  {
    ...{ sequence: 2, term: 1, time: 1, kind: 'rejection', key: 'c', fingerprint: 'f', reason: 'out_of_stock' },
    order: { lines: [{ name: 'Fox', quantity: 9 }] },
    message: 'Cannot buy 9 of "Fox": 0 left',
  },
  { sequence: 3, term: 1, time: 1, kind: 'cancel', key: 'd', of: 'a', number: 0, stock: [] },
  {
    ...{ sequence: 4, term: 1, time: 1, kind: 'checkout', key: 'e', fingerprint: 'g' },
    checkout: { id: 'i', lines: [{ name: 'Fox', quantity: 1 }], customer: 'Kim', card: '4242' },
  },
  ...fences(5, 9),
];
const KEYS = ['a', 'b', 'c', 'd', 'e'];
const decisionsIn = ({ decisions }: StoredJournal, upTo: number) => KEYS.map((key) => decisions.find(key, upTo));
const DECISIONS = [
  { status: 'accepted', fingerprint: 'print of a', sequence: 1, number: 0 },
  { status: 'accepted', fingerprint: 'print of a', sequence: 1, number: 0 },
  {
    ...{ status: 'rejected', fingerprint: 'f', sequence: 2 },
    ...{ reason: 'out_of_stock', message: 'Cannot buy 9 of "Fox": 0 left' },
  },
  { status: 'cancelled', sequence: 3, number: 0 },
  { status: 'queued', fingerprint: 'g', sequence: 4, id: 'i' },
];

test('a decision is found under its key as soon as it is on disk, and by every later run', async () => {
  const path = freshPath();
  const { journal } = await openAt(path);
  assert.is(journal.decisions.find('a', 99), undefined);
  const appended = journal.append(decided());
  assert.is(journal.decisions.find('a', 99), undefined);
  await appended;
  assert.equal(decisionsIn(journal, 9), DECISIONS);
  assert.is(journal.decisions.count, KEYS.length);
  await journal.close();
  const again = await openAt(path);
  assert.equal(decisionsIn(again.journal, 9), DECISIONS);
  assert.is(again.journal.decisions.count, KEYS.length);
});

test('only decisions up to the sequence that is named count', async () => {
  const { journal } = await openAt(freshPath());
  await journal.append(decided());
  assert.equal(decisionsIn(journal, 2), [...DECISIONS.slice(0, 3), undefined, undefined]);
  assert.equal(
    decisionsIn(journal, 0),
    KEYS.map(() => undefined),
  );
});

test('a new key costs no reading, a known one a single one, and none if its line is among the last', async () => {
  const { files, reads } = createMemoryDisk();
  const { journal } = await openAt(freshPath(), { files });
  await journal.append(decided());
  await journal.append([order(10, 'z', { number: 1 })]);
  reads.count = 0;
  for (let count = 0; count < 1000; count += 1) assert.is(journal.decisions.find(`new ${count}`, 10), undefined);
  assert.is(journal.decisions.find('a', 0), undefined);
  assert.is(journal.decisions.find('z', 10)?.sequence, 10);
  assert.is(reads.count, 0);
  assert.is(journal.decisions.find('a', 10)?.sequence, 1);
  assert.is(reads.count, 1);
});

/** Two keys that have the same 32 bits: among so many there are some. */
const twins = (): [string, string] => {
  const seen = new Map<number, string>();
  for (let count = 0; ; count += 1) {
    const key = `twin ${count}`;
    const hash = hashOfKey(key);
    const other = seen.get(hash);
    if (other !== undefined) return [other, key];
    seen.set(hash, key);
  }
};

test('keys with the same hash are told apart by their lines', async () => {
  const [one, other] = twins();
  const { journal } = await openAt(freshPath());
  await journal.append([order(1, one)]);
  assert.is(journal.decisions.find(other, 1), undefined);
  await journal.append([order(2, other), ...fences(3, 9)]);
  assert.is(journal.decisions.find(one, 9)?.sequence, 1);
  assert.is(journal.decisions.find(other, 9)?.sequence, 2);
  assert.is(journal.decisions.find(other, 1), undefined);
});

test('a line that changed since is not taken for a decision', async () => {
  const path = freshPath();
  const { journal } = await openAt(path);
  await journal.append(decided());
  const bytes = readFileSync(path);
  bytes[bytes.indexOf('print of a')] = 0x50;
  writeFileSync(path, bytes);
  assert.throws(() => journal.decisions.find('a', 9), /line 1 .*changed after it was written/);
});

test('the same is known of a journal in many segments, whether its indexes are there, old, or gone', async () => {
  const path = freshPath();
  const sizes = { segmentBytes: 400, checkpointBytes: 1 };
  const { journal } = await openAt(path, { sizes });
  const indexFile = path.replace(/jsonl$/, 'index');
  const all = decided();
  for (const movement of all) await journal.append([movement]);
  await journal.close();
  copyFileSync(indexFile, `${indexFile}.old`);
  const again = await openAt(path, { sizes });
  for (const movement of fences(10, 11)) {
    all.push(movement);
    await again.journal.append([movement]);
  }
  await again.journal.close();

  const sealed = (first: number): string => path.replace(/jsonl$/, `${String(first).padStart(12, '0')}.index`);
  const mustBeWhole = async (): Promise<void> => {
    const { journal: opened } = await openAt(path, { sizes });
    assert.equal(movementsIn(opened), all);
    assert.equal(decisionsIn(opened, 11), DECISIONS);
    assert.is(opened.decisions.count, KEYS.length);
    for (let after = 0; after <= 11; after += 1) {
      const { lines, more } = await opened.after(after, bounds);
      assert.equal([sequencesOf(lines), more], [all.slice(after).map(({ sequence }) => sequence), false]);
    }
    await opened.close();
  };
  assert.ok(existsSync(sealed(1)), 'The journal has more than one segment');
  await mustBeWhole();
  copyFileSync(`${indexFile}.old`, indexFile);
  await mustBeWhole();
  rmSync(indexFile);
  await mustBeWhole();
  rmSync(sealed(1));
  await mustBeWhole();
  const others = Array.from({ length: 11 }, (_, at) => sealed(at + 1)).filter(existsSync);
  assert.ok(others.length > 2);
  for (const file of [...others.slice(1), indexFile]) rmSync(file);
  await mustBeWhole();
});

test.run();
