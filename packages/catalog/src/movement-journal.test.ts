import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Movement } from '@till/shared/movement';
import { chainHash, seal, unseal, ZERO_HASH } from '@till/shared/sealed';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type MovementJournal, type MovementJournalOptions, openMovementJournal } from './movement-journal.ts';

const folder = mkdtempSync(join(tmpdir(), 'till-journal-'));
const open: MovementJournal[] = [];
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
  const movements: Movement[] = [];
  const failures: unknown[] = [];
  const opened = await openMovementJournal({
    path,
    recent: { linesMax: 3, bytesMax: 1_000_000 },
    onMovement: (movement) => movements.push(movement),
    onFailed: (error) => failures.push(error),
    ...options,
  });
  open.push(opened.journal);
  return { ...opened, movements, failures };
};
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
  assert.equal(again.movements, fences(1, 3));
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
  assert.equal(again.movements, fences(1, 2));
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

test.run();
