import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { readdir, readFile, rename, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { dyingFiles } from '../test/dying-files.ts';
import { openWithPicture, pictureOf } from '../test/index-picture.ts';
import { linesOf, someMovements } from '../test/movement-lines.ts';
import { removeTemporaryFolders, temporaryFolder } from '../test/temporary-folder.ts';
import { type Journal, JournalDamaged, openJournal } from './journal.ts';
import { diskFiles, type JournalFiles } from './journal-files.ts';
import { factsOf } from './line-facts.ts';
import { decodeIndex } from './line-index.ts';
import { ZERO_HASH } from './sealed.ts';
import { hashOf } from './seals.ts';

const opened: Journal[] = [];
test.after.each(async () => {
  for (const journal of opened.splice(0)) await journal.close();
  await removeTemporaryFolders();
});

/** Three or four lines in each segment, and an index of the active one nearly always. */
const SMALL = { segmentBytes: 700, checkpointBytes: 200 };
const all = linesOf(someMovements(20));
const newPath = async (): Promise<string> => join(await temporaryFolder(), 'log.jsonl');

const open = async (path: string, files: JournalFiles = diskFiles) => {
  const found = await openWithPicture({ path, files, ...SMALL });
  opened.push(found.journal);
  return found;
};
const close = async (journal: Journal): Promise<void> => {
  opened.splice(opened.indexOf(journal), 1);
  await journal.close();
};

/** Makes a journal of these lines, in several segments, and closes it. */
const filled = async (lines: string[] = all): Promise<string> => {
  const path = await newPath();
  const { journal } = await open(path);
  for (const line of lines) await journal.append([line]);
  await close(journal);
  return path;
};

const namesIn = async (path: string): Promise<string[]> => (await readdir(dirname(path))).sort();
const linesIn = (journal: Journal): Promise<string[]> =>
  journal.lines({ from: 1, countMax: 1000, bytesMax: Number.POSITIVE_INFINITY });
/** The sealed segments, by name, in order. */
const sealedIn = async (path: string): Promise<string[]> =>
  (await namesIn(path)).filter((name) => /\d\.jsonl$/.test(name)).map((name) => join(dirname(path), name));

/** Opens it with indexes and without and wants exactly these lines both times. Returns which lines had to be read. */
const mustHold = async (path: string, lines: string[]): Promise<number[]> => {
  const { journal, picture } = await open(path);
  const { scanned, ...known } = picture;
  assert.equal(await linesIn(journal), lines);
  assert.equal(known, pictureOf(lines));
  assert.is(journal.count, lines.length);
  assert.is(journal.bytes, Buffer.byteLength(lines.map((line) => `${line}\n`).join('')));
  assert.is(journal.lastHash, lines.length === 0 ? ZERO_HASH : hashOf(lines.at(-1) as string));
  await close(journal);
  const read: string[] = [];
  const plain = await openJournal({ path, onLine: (line) => read.push(line) });
  await plain.close();
  assert.equal(read, lines);
  return scanned;
};

const rejection = async (promise: Promise<unknown>): Promise<Error> => {
  try {
    await promise;
  } catch (error) {
    return error as Error;
  }
  throw new Error('This should have been rejected');
};

test('lines go on over segments: each is there, alone and in ranges, now and after a new start', async () => {
  const path = await newPath();
  const { journal } = await open(path);
  for (const line of all) await journal.append([line]);
  assert.ok((await sealedIn(path)).length > 3);
  const check = async (one: Journal): Promise<void> => {
    assert.equal(await linesIn(one), all);
    for (const [at, line] of all.entries()) assert.is(one.line(at + 1), line);
    for (let from = 1; from <= all.length + 1; from += 1) {
      for (const countMax of [1, 3, 9]) {
        const expected = all.slice(from - 1, from - 1 + countMax);
        assert.equal(one.linesNow({ from, countMax, bytesMax: 1e6 }), expected);
        assert.equal(await one.lines({ from, countMax, bytesMax: 1e6 }), expected);
      }
    }
    const eight = Buffer.byteLength(all.slice(1, 9).join('\n')) + 1;
    assert.equal(one.linesNow({ from: 2, countMax: 20, bytesMax: eight }), all.slice(1, 9));
    assert.equal(one.linesNow({ from: 2, countMax: 20, bytesMax: eight - 1 }), all.slice(1, 8));
    assert.equal(one.linesNow({ from: 2, countMax: 20, bytesMax: 0 }), all.slice(1, 2));
  };
  await check(journal);
  await close(journal);
  const again = await open(path);
  await check(again.journal);
  assert.equal(again.picture.scanned, [], 'after an orderly stop nothing is read');
});

test('the files are named after their first lines, and follow one another', async () => {
  const path = await filled();
  let next = 1;
  for (const segment of await sealedIn(path)) {
    assert.match(segment, `log.${String(next).padStart(12, '0')}.jsonl`);
    const text = await readFile(segment, 'utf8');
    assert.ok(text.length >= SMALL.segmentBytes && text.startsWith(all[next - 1] as string));
    const index = decodeIndex(await readFile(segment.replace('.jsonl', '.index')));
    assert.is(index?.first, next);
    assert.is(index?.bytes, text.length + [...text].filter((letter) => letter === 'ü').length);
    next += index?.count ?? 0;
  }
  assert.is((await stat((await sealedIn(path))[0] as string)).mode & 0o777, 0o600);
  assert.is((await stat(path.replace('.jsonl', '.index'))).mode & 0o777, 0o600);
});

test('lines of one append stay in one file', async () => {
  const path = await newPath();
  const { journal } = await open(path);
  await journal.append(all);
  assert.is((await sealedIn(path)).length, 0);
  await journal.append([]);
  assert.is((await sealedIn(path)).length, 0);
  await close(journal);
  await mustHold(path, all);
});

test('facts that the caller knows are taken, others are read from the lines', async () => {
  const path = await newPath();
  const { journal } = await open(path);
  await journal.append(all.slice(0, 5), all.slice(0, 5).map(factsOf));
  await Promise.all([journal.append(all.slice(5, 9)), journal.append([]), journal.append(all.slice(9))]);
  assert.match((await rejection(journal.append(all.slice(0, 2), []))).message, 'Each line has its facts');
  await close(journal);
  await mustHold(path, all);
});

test('a range is read with one read for each segment that it touches', async () => {
  const path = await filled();
  const reads: string[] = [];
  const files: JournalFiles = {
    ...diskFiles,
    open: async (at) => {
      const file = await diskFiles.open(at);
      const counted = {
        read: (bytes: Uint8Array, position: number) => {
          reads.push(at);
          return file.read(bytes, position);
        },
        readSync: (bytes: Uint8Array, position: number) => {
          reads.push(at);
          return file.readSync(bytes, position);
        },
      };
      return { ...file, ...counted };
    },
  };
  const { journal } = await open(path, files);
  const segments = (await sealedIn(path)).length + 1;
  for (const read of [journal.linesNow, journal.lines]) {
    reads.length = 0;
    assert.equal(await read({ from: 1, countMax: 100, bytesMax: 1e6 }), all);
    assert.is(reads.length, segments);
    assert.is(new Set(reads).size, segments);
  }
  reads.length = 0;
  assert.is(journal.line(2), all[1]);
  assert.is(reads.length, 1);
});

test('only what comes after the index of the active segment is read', async () => {
  const path = await newPath();
  const { journal } = await open(path);
  await journal.append(all.slice(0, 2));
  await journal.settled();
  await journal.append(all.slice(2, 3));
  await journal.settled();
  const active = await readFile(path);
  const { count = 0 } = decodeIndex(await readFile(path.replace('.jsonl', '.index'))) ?? {};
  assert.ok(count >= 2);
  await close(journal);
  await rm(path.replace('.jsonl', '.index'));
  const other = await newPath();
  const first = await open(other);
  await first.journal.append(all.slice(0, 2));
  await close(first.journal);
  await writeFile(other, active);
  assert.equal(await mustHold(other, all.slice(0, 3)), [3]);
  assert.equal(await mustHold(other, all.slice(0, 3)), [], 'and has an index again');
});

test('an index that is missing, torn, changed or of something else is made anew from the segment', async () => {
  const path = await filled();
  const indexes = (await namesIn(path)).filter((name) => name.endsWith('.index'));
  const other = await filled(linesOf(someMovements(20, 'other')));
  for (const name of indexes) {
    const at = join(dirname(path), name);
    const bytes = await readFile(at);
    const variants: [string, Buffer | null][] = [
      ['missing', null],
      ['empty', Buffer.alloc(0)],
      ['another one', await readFile(join(dirname(other), name))],
      ['longer', Buffer.concat([bytes, Buffer.alloc(4)])],
    ];
    for (const cut of [1, 50, 200, bytes.length - 4]) variants.push([`cut at ${cut}`, bytes.subarray(0, cut)]);
    for (const changed of [0, 14, 30, 60, 150, 220, bytes.length - 30, bytes.length - 1]) {
      const copy = Buffer.from(bytes);
      copy.writeUInt8(copy.readUInt8(changed) ^ 1, changed);
      variants.push([`changed at ${changed}`, copy]);
    }
    for (const [what, variant] of variants) {
      if (variant === null) await rm(at);
      else await writeFile(at, variant);
      if (what === 'another one' && name !== 'log.index') {
        // Right in itself: so this segment is not the one that was sealed here.
        const error = await rejection(openWithPicture({ path, ...SMALL }));
        assert.match(error.message, /does not follow|when it was sealed/, name);
      } else {
        assert.ok((await mustHold(path, all)).length > 0, `${name} ${what}`);
        assert.equal(decodeIndex(await readFile(at)), decodeIndex(bytes), `${name} ${what}`);
      }
      await writeFile(at, bytes);
    }
  }
  assert.equal(await mustHold(path, all), []);
});

test('all indexes may be missing at once, and nothing stands in the way if none can be written', async () => {
  const path = await filled();
  for (const name of await namesIn(path)) if (name.endsWith('.index')) await rm(join(dirname(path), name));
  const full: JournalFiles = { ...diskFiles, replace: () => Promise.reject(new Error('ENOSPC')) };
  const { journal, picture } = await open(path, full);
  assert.equal(
    picture.scanned,
    all.map((_, at) => at + 1),
  );
  await journal.append(linesOf(someMovements(1), journal.lastHash));
  await close(journal);
  assert.not.ok((await namesIn(path)).some((name) => name.endsWith('.index')));
});

test('an old index of the active segment, from before it was sealed, is left aside', async () => {
  const path = await filled();
  const { journal } = await open(path);
  const active = path.replace('.jsonl', '.index');
  const old = await readFile(active);
  while ((await sealedIn(path)).length < 6)
    await journal.append(linesOf(someMovements(1), journal.lastHash), [{ kind: 'rare', number: -1, hashes: [] }]);
  const lines = await linesIn(journal);
  await close(journal);
  await writeFile(active, old);
  const again = await open(path);
  assert.equal(await linesIn(again.journal), lines);
});

test('an index of the same length, of another history, is left aside', async () => {
  const [one, other] = [linesOf(someMovements(3, 'one')), linesOf(someMovements(3, 'two'))];
  const path = await filled(one);
  await writeFile(path, other.map((line) => `${line}\n`).join(''));
  assert.equal(await mustHold(path, other), [1, 2, 3]);
});

test('a truncation waits for an index that is being written, so that none is left that says too much', async () => {
  const path = await newPath();
  const begun = Promise.withResolvers<void>();
  const held = Promise.withResolvers<void>();
  const files: JournalFiles = {
    ...diskFiles,
    replace: async (at, bytes) => {
      begun.resolve();
      await held.promise;
      await diskFiles.replace(at, bytes);
    },
  };
  const { journal } = await open(path, files);
  await journal.append(all.slice(0, 3));
  await begun.promise;
  const cut = journal.truncate(1);
  await new Promise((resolve) => setTimeout(resolve, 20));
  const { size } = await stat(path);
  held.resolve();
  await cut;
  assert.is(size, Buffer.byteLength(all.slice(0, 3).join('\n')) + 1, 'the file still had what the index says');
  await journal.settled();
  const index = await diskFiles.load(path.replace('.jsonl', '.index'));
  assert.ok(index === null || decodeIndex(index)?.count === 1);
  await close(journal);
  assert.equal(await mustHold(path, all.slice(0, 1)), []);
});

test('a torn tail of the active segment is cut, after segments and an index too', async () => {
  const path = await filled(all.slice(0, 17));
  const bytes = await readFile(path);
  const active = bytes.toString().split('\n').slice(0, -1);
  assert.ok(active.length > 1);
  const before = all.slice(0, 17 - active.length);
  const index = await readFile(path.replace('.jsonl', '.index'));
  for (let cut = 0; cut <= bytes.length; cut += 7) {
    await writeFile(path, bytes.subarray(0, cut));
    await writeFile(path.replace('.jsonl', '.index'), index);
    const whole = active.filter((_, at) => Buffer.byteLength(active.slice(0, at + 1).join('\n')) < cut);
    await mustHold(path, [...before, ...whole]);
    await rm(`${path}.torn-1`, { force: true });
  }
});

test('sealed segments without an active one: an empty one is begun', async () => {
  const path = await filled();
  const active = (await readFile(path, 'utf8')).split('\n').length - 1;
  await rm(path);
  const left = all.slice(0, -active);
  await mustHold(path, left);
  const { journal } = await open(path);
  await journal.append(all.slice(-active));
  await close(journal);
  await mustHold(path, all);
});

test('a damaged, cut, missing or foreign sealed segment stops the start and changes nothing', async () => {
  const path = await filled();
  const [first = '', second = '', third = ''] = await sealedIn(path);
  const bytes = await readFile(second);
  const other = await filled(linesOf(someMovements(20, 'other')));
  const lastLine = bytes.lastIndexOf(0x0a, bytes.length - 2) + 1;
  const damages: [string, () => Promise<void>, RegExp][] = [
    ['cut at a line', () => truncate(second, lastLine), /when it was sealed|is missing|does not follow|damaged/],
    ['cut', () => truncate(second, bytes.length - 3), /when it was sealed|is missing|does not follow|damaged/],
    [
      'longer',
      () => writeFile(second, Buffer.concat([bytes, bytes])),
      /when it was sealed|is missing|does not follow|damaged/,
    ],
    ['missing', () => rm(second), /is missing: the name/],
    ['the first one missing', () => rm(first), /is missing: the name/],
    ['empty', () => truncate(second, 0), /when it was sealed|is missing|does not follow|damaged/],
    ['of another journal', async () => writeFile(second, await readFile(join(dirname(other), second.slice(-22)))), /./],
    ['swapped', () => rename(third, second), /./],
    [
      'changed in its last line',
      () => writeFile(second, bytes.toString().replace(/"crc":"(.)(.{7})"\}\n$/, '"crc":"$2$1"}\n')),
      /damaged bytes/,
    ],
  ];
  const original = new Map<string, Buffer>();
  for (const name of await namesIn(path)) original.set(name, await readFile(join(dirname(path), name)));
  for (const withIndexes of [true, false]) {
    for (const [what, damage, message] of damages) {
      for (const [name, content] of original) await writeFile(join(dirname(path), name), content);
      await damage();
      if (!withIndexes) {
        for (const name of await namesIn(path)) if (name.endsWith('.index')) await rm(join(dirname(path), name));
      }
      const names = await namesIn(path);
      const error = await rejection(openWithPicture({ path, ...SMALL }));
      assert.instance(error, JournalDamaged, what);
      assert.match(error.message, message, what);
      assert.equal(await namesIn(path), names, what);
    }
  }
  for (const [name, content] of original) await writeFile(join(dirname(path), name), content);
  await mustHold(path, all);
});

test('damage inside a sealed segment is found when the line is read, and told by its number', async () => {
  const path = await filled();
  const [, second = ''] = await sealedIn(path);
  const text = await readFile(second, 'utf8');
  const number = all.indexOf(text.split('\n')[1] as string) + 1;
  await writeFile(second, text.replace(`"sequence":${number},`, `"sequence":${number - 1},`));
  const { journal } = await open(path);
  assert.is(journal.line(number - 1), all[number - 2]);
  for (const read of [() => journal.line(number), () => journal.linesNow({ from: 1, countMax: 20, bytesMax: 1e6 })]) {
    try {
      read();
      assert.unreachable();
    } catch (error) {
      assert.instance(error, JournalDamaged);
      assert.is((error as JournalDamaged).lineNumber, number);
      assert.is((error as JournalDamaged).path, second);
    }
  }
  assert.instance(await rejection(linesIn(journal)), JournalDamaged);
  await truncate(second, 10);
  assert.throws(() => journal.line(number), 'became shorter');
  assert.match((await rejection(linesIn(journal))).message, 'became shorter');
});

/** Flips a bit in the middle of a line, wherever it is in the files. Returns the file. */
const rot = async (path: string, number: number): Promise<string> => {
  for (const at of [...(await sealedIn(path)), path]) {
    const bytes = readFileSync(at);
    const start = bytes.indexOf(all[number - 1] as string);
    if (start === -1) continue;
    const place = start + 40;
    bytes.writeUInt8(bytes.readUInt8(place) ^ 1, place);
    writeFileSync(at, bytes);
    return at;
  }
  throw new Error(`Line ${number} is nowhere`);
};

test('a line that rots is told once it is read, and then by every start: its index is gone first', async () => {
  const reads: [string, (journal: Journal, number: number) => unknown][] = [
    ['line', (journal, number) => journal.line(number)],
    ['linesNow', (journal) => journal.linesNow({ from: 1, countMax: 100, bytesMax: 1e6 })],
    ['lines', (journal) => linesIn(journal)],
  ];
  const activeFirst = all.length - (await readFile(await filled(), 'utf8')).split('\n').length + 2;
  assert.ok(activeFirst < all.length);
  for (const number of [6, activeFirst]) {
    for (const [what, read] of reads) {
      const path = await filled();
      const { journal } = await open(path);
      const damaged = await rot(path, number);
      const index = damaged.replace('.jsonl', '.index');
      assert.is(damaged === path, number === activeFirst);
      assert.ok(existsSync(index));
      let isGone = false;
      try {
        await read(journal, number);
        assert.unreachable();
      } catch (error) {
        isGone = !existsSync(index);
        assert.instance(error, JournalDamaged, what);
        assert.is((error as JournalDamaged).lineNumber, number);
      }
      assert.ok(isGone, `${what}: before anybody hears of it`);
      await close(journal);
      for (const start of ['first', 'second']) {
        const error = await rejection(openWithPicture({ path, ...SMALL }));
        assert.instance(error, JournalDamaged, `${what}, ${start} start`);
        assert.is((error as JournalDamaged).lineNumber, number);
        assert.is((error as JournalDamaged).path, damaged);
        assert.match(error.message, 'and there is more after it');
        assert.not.ok(existsSync(index));
      }
    }
  }
});

test('an index that is being written when its segment is found damaged goes as well, and none is written later', async () => {
  for (const isHeld of [true, false]) {
    const path = await newPath();
    const indexes: string[] = [];
    const held = Promise.withResolvers<void>();
    const files: JournalFiles = {
      ...diskFiles,
      replace: async (at, bytes) => {
        indexes.push(at);
        await diskFiles.replace(at, bytes);
        if (isHeld) await held.promise;
      },
    };
    const { journal } = await open(path, files);
    await journal.append(all.slice(0, 3));
    if (!isHeld) await journal.settled();
    while (indexes.length === 0) await new Promise((resolve) => setTimeout(resolve, 1));
    await rot(path, 2);
    assert.throws(
      () => journal.line(2),
      (error: Error) => error instanceof JournalDamaged,
    );
    held.resolve();
    await journal.append(all.slice(3, 4));
    await journal.append(all.slice(4, 5));
    assert.is((await sealedIn(path)).length, 1, 'it was sealed after that');
    await close(journal);
    assert.not.ok((await namesIn(path)).includes('log.000000000001.index'));
    const error = await rejection(openWithPicture({ path, ...SMALL }));
    assert.is((error as JournalDamaged).lineNumber, 2);
  }
});

test('damage is told even if the index cannot be removed; who has no indexes removes none', async () => {
  const path = await filled();
  await rot(path, 6);
  const stuck: JournalFiles = {
    ...diskFiles,
    removeNow: () => {
      throw new Error('EROFS');
    },
  };
  const { journal } = await open(path, stuck);
  assert.throws(() => journal.line(6), 'changed after it was written');
  await close(journal);
  const whole = await filled();
  const plain = await openJournal({ path: whole });
  opened.push(plain);
  const file = await rot(whole, 6);
  assert.throws(() => plain.line(6), 'changed after it was written');
  assert.ok(existsSync(file.replace('.jsonl', '.index')));
});

test('a truncation may go back over any number of segments, and others take the place of what is gone', async () => {
  for (let left = 0; left <= all.length; left += 1) {
    const path = await filled();
    const { journal } = await open(path);
    const next = linesOf(someMovements(20).slice(left), left === 0 ? ZERO_HASH : hashOf(all[left - 1] as string));
    await journal.truncate(left);
    assert.equal(await linesIn(journal), all.slice(0, left));
    assert.is(journal.count, left);
    for (const name of await namesIn(path)) {
      if (!name.endsWith('.index')) continue;
      const index = decodeIndex(await readFile(join(dirname(path), name)));
      assert.ok(index !== null && index.first + index.count - 1 <= left, `${name} speaks of lines beyond ${left}`);
    }
    await mustHold(path, all.slice(0, left));
    await journal.append(next.slice(0, 5));
    await close(journal);
    assert.equal(await mustHold(path, [...all.slice(0, left), ...next.slice(0, 5)]), [], 'the indexes are right');
  }
});

/** Appends, cuts over boundaries, and appends others, telling what is on disk for sure and what may be. */
const live = async (path: string, files: JournalFiles, onSure: (sure: string[], may: string[]) => void) => {
  let lines: string[] = [];
  const { journal } = await openWithPicture({ path, files, ...SMALL });
  const append = async (added: string[]): Promise<void> => {
    onSure(lines, [...lines, ...added]);
    await journal.append(added);
    lines = [...lines, ...added];
    onSure(lines, lines);
  };
  const cut = async (left: number): Promise<void> => {
    onSure(lines.slice(0, left), lines);
    await journal.truncate(left);
    lines = lines.slice(0, left);
    onSure(lines, lines);
  };
  const from = (prefix: string, count: number): string[] =>
    linesOf(someMovements(lines.length + count, prefix).slice(lines.length), journal.lastHash);
  for (const _ of [1, 2, 3, 4, 5, 6]) await append(from('one', 4));
  await cut(22);
  await cut(2);
  for (const _ of [1, 2, 3, 4]) await append(from('two', 3));
  await cut(11);
  await append(from('three', 2));
  await journal.close();
};

test('wherever the machine dies, the next start finds what was on disk, and a beginning of the rest', async () => {
  const { operations, files } = dyingFiles(Number.POSITIVE_INFINITY);
  await live(await newPath(), files, () => {});
  const count = operations();
  assert.ok(count > 50, `${count} places to die at`);
  for (let diesBefore = 1; diesBefore <= count; diesBefore += 1) {
    const loses = diesBefore % 2 === 0;
    const dying = dyingFiles(diesBefore);
    const path = await newPath();
    let sure: string[] = [];
    let may: string[] = [];
    try {
      await live(path, dying.files, (isSure, perhaps) => {
        sure = isSure;
        may = perhaps;
      });
    } catch (error) {
      assert.ok(dying.isDead(), String(error));
    }
    await dying.bury(loses);
    const { journal, picture } = await open(path);
    const found = await linesIn(journal);
    const where = `died before operation ${diesBefore}`;
    assert.ok(found.length >= sure.length && found.length <= may.length, `${where}: ${found.length} lines`);
    assert.equal(found, may.slice(0, found.length), where);
    const { scanned: _, ...known } = picture;
    assert.equal(known, pictureOf(found), where);
    const next = linesOf(someMovements(found.length + 3, 'next').slice(found.length), journal.lastHash);
    await journal.append(next);
    await close(journal);
    await mustHold(path, [...found, ...next]);
    await removeTemporaryFolders();
  }
});

test.run();
