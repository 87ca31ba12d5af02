import { readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { diskError, type Faults, faultyFiles } from '../test/faulty-files.ts';
import { removeTemporaryFolders, temporaryFolder } from '../test/temporary-folder.ts';
import { type Journal, JournalDamaged, JournalFailed, type JournalOptions, openJournal } from './journal.ts';
import { seal, ZERO_HASH } from './sealed.ts';

const opened: Journal[] = [];
test.after.each(async () => {
  for (const journal of opened.splice(0)) await journal.close();
  await removeTemporaryFolders();
});

const open = async (options: JournalOptions): Promise<Journal> => {
  const journal = await openJournal(options);
  opened.push(journal);
  return journal;
};

const newPath = async (): Promise<string> => join(await temporaryFolder(), 'log.jsonl');

/** Sealed lines, one after the other. Names with characters of one to four bytes. */
const linesFrom = (hash: string, from: number, count: number): string[] => {
  const lines: string[] = [];
  let previous = hash;
  for (let index = from; index < from + count; index += 1) {
    const sealed = seal(previous, JSON.stringify({ index, name: ['Fox', 'Füchsin', '狐', '🦊'][index % 4] }));
    previous = sealed.hash;
    lines.push(sealed.line);
  }
  return lines;
};
const someLines = (count: number): string[] => linesFrom(ZERO_HASH, 1, count);
const textOf = (lines: string[]): string => lines.map((line) => `${line}\n`).join('');

/** What an open finds. */
const contents = async (path: string): Promise<{ lines: string[]; torn: number }> => {
  const lines: string[] = [];
  const journal = await openJournal({ path, onLine: (line) => lines.push(line) });
  await journal.close();
  assert.is(journal.count, lines.length);
  return { lines, torn: journal.torn?.bytes ?? 0 };
};

const rejection = async (promise: Promise<unknown>): Promise<Error> => {
  try {
    await promise;
  } catch (error) {
    return error as Error;
  }
  throw new Error('This should have been rejected');
};

test('what was appended is there, line by line, and after a new start', async () => {
  const path = await newPath();
  const lines = someLines(9);
  const journal = await open({ path });
  assert.is(journal.lastHash, ZERO_HASH);
  await journal.append(lines.slice(0, 4));
  await Promise.all([journal.append(lines.slice(4, 5)), journal.append([]), journal.append(lines.slice(5))]);
  assert.is(await readFile(path, 'utf8'), textOf(lines));
  assert.is(journal.count, 9);
  assert.is(journal.bytes, Buffer.byteLength(textOf(lines)));
  for (const [at, line] of lines.entries()) assert.is(journal.line(at + 1), line);

  const seen: { line: string; hash: string }[] = [];
  const again = await open({ path, onLine: (line, hash) => seen.push({ line, hash }) });
  assert.equal(
    seen.map(({ line }) => line),
    lines,
  );
  assert.is(again.lastHash, seen.at(-1)?.hash);
  assert.is(again.lastHash, journal.lastHash);
  assert.is(again.torn, null);
  assert.is(again.line(7), lines[6]);
  assert.is((await stat(path)).mode & 0o777, 0o600);
});

test('ranges are bounded by count and by bytes, and hold at least one line', async () => {
  const lines = someLines(6);
  const journal = await open({ path: await newPath() });
  await journal.append(lines);
  assert.equal(await journal.lines({ from: 2, countMax: 3, bytesMax: 1e6 }), lines.slice(1, 4));
  assert.equal(await journal.lines({ from: 5, countMax: 9, bytesMax: 1e6 }), lines.slice(4));
  assert.equal(await journal.lines({ from: 1, countMax: 9, bytesMax: 1 }), lines.slice(0, 1));
  const two = Buffer.byteLength(textOf(lines.slice(0, 2)));
  assert.equal(await journal.lines({ from: 1, countMax: 9, bytesMax: two }), lines.slice(0, 2));
  assert.equal(await journal.lines({ from: 7, countMax: 9, bytesMax: 1 }), []);
});

test('many lines: more than one chunk of the file, more places than the first table has', async () => {
  const path = await newPath();
  const lines = someLines(12_000);
  const journal = await open({ path });
  await journal.append(lines);
  assert.ok(journal.bytes > 1024 * 1024);
  assert.equal((await contents(path)).lines, lines);
  assert.is(journal.line(11_999), lines[11_998]);
});

test('appends that come while one is under way share one write and one fsync', async () => {
  let release = () => {};
  const faults: Faults = {};
  const { files, done } = faultyFiles(faults);
  const journal = await open({ path: await newPath(), files });
  done.length = 0;
  const gate = new Promise<void>((resolve) => {
    release = resolve;
  });
  faults.sync = async (file) => {
    await gate;
    await file.sync();
  };
  const lines = someLines(50);
  const acknowledged: number[] = [];
  const appends = lines.map((line, at) =>
    journal.append([line]).then(() => {
      acknowledged.push(at);
    }),
  );
  // The first turn took all of them; what comes now has to wait.
  await new Promise((resolve) => setTimeout(resolve, 20));
  const late = linesFrom(JSON.parse(lines.at(-1) as string).hash, 51, 30).map((line) => journal.append([line]));
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert.equal(acknowledged, [], 'nothing is acknowledged before its fsync');
  assert.is(journal.count, 0);
  release();
  await Promise.all([...appends, ...late]);
  assert.equal(acknowledged, [...lines.keys()]);
  assert.equal(done, ['write', 'sync', 'write', 'sync']);
  assert.is(journal.count, 80);
});

test('short writes are finished', async () => {
  const path = await newPath();
  const { files, done } = faultyFiles({
    write: (file, bytes, position) => file.write(bytes.subarray(0, 7), position),
  });
  const lines = someLines(3);
  const journal = await open({ path, files });
  await journal.append(lines);
  assert.is(await readFile(path, 'utf8'), textOf(lines));
  assert.ok(done.filter((what) => what === 'write').length > 10);
});

for (const code of ['EIO', 'ENOSPC'] as const) {
  for (const operation of ['write', 'sync'] as const) {
    test(`${code} of a ${operation}: all that waits is refused, nothing is tried again, the start of the file stays`, async () => {
      const path = await newPath();
      const faults: Faults = {};
      const { files, done } = faultyFiles(faults);
      const failures: JournalFailed[] = [];
      const journal = await open({ path, files, onFailed: (error) => failures.push(error) });
      const lines = someLines(6);
      await journal.append(lines.slice(0, 2));
      done.length = 0;
      if (operation === 'write') {
        // Half of the batch reaches the file before the disk is full.
        faults.write = async (file, bytes, position) => {
          if (done.length > 1) throw diskError(code);
          return file.write(bytes.subarray(0, Math.ceil(bytes.length / 2)), position);
        };
      } else {
        faults.sync = async () => {
          throw diskError(code);
        };
      }
      const first = rejection(journal.append(lines.slice(2, 4)));
      await Promise.resolve();
      const waiting = rejection(journal.append(lines.slice(4)));
      const cutting = rejection(journal.truncate(1));
      assert.instance(await first, JournalFailed);
      assert.match((await first).message, code);
      assert.instance(await waiting, JournalFailed);
      assert.instance(await cutting, JournalFailed);
      assert.is(failures.length, 1);
      assert.ok(journal.failed);
      assert.is(journal.count, 2);
      assert.equal(
        done.filter((what) => what === 'sync'),
        operation === 'sync' ? ['sync'] : [],
        'an fsync is never repeated',
      );

      faults.write = (file, bytes, position) => file.write(bytes, position);
      faults.sync = (file) => file.sync();
      assert.instance(await rejection(journal.append(lines.slice(2))), JournalFailed, 'it has failed for good');
      assert.is(journal.line(2), lines[1], 'reading goes on');
      assert.equal(await contents(path), { lines: lines.slice(0, 2), torn: 0 });
      assert.is(failures.length, 1);
    });
  }
}

test('if not even cutting off works, the next start cuts', async () => {
  const path = await newPath();
  const faults: Faults = {};
  const { files } = faultyFiles(faults);
  const journal = await open({ path, files });
  const lines = someLines(3);
  await journal.append(lines.slice(0, 2));
  let calls = 0;
  faults.write = async (file, bytes, position) => {
    calls += 1;
    if (calls > 1) throw diskError('ENOSPC');
    return file.write(bytes.subarray(0, 20), position);
  };
  faults.truncate = async () => {
    throw diskError('EIO');
  };
  assert.instance(await rejection(journal.append(lines.slice(2))), JournalFailed);
  assert.equal(await contents(path), { lines: lines.slice(0, 2), torn: 20 });
});

test('truncation takes its turn among the appends', async () => {
  const path = await newPath();
  const lines = someLines(6);
  const journal = await open({ path });
  const other = linesFrom(JSON.parse(lines[2] as string).hash, 40, 2);
  await Promise.all([journal.append(lines), journal.truncate(3), journal.append(other)]);
  const expected = [...lines.slice(0, 3), ...other];
  assert.is(await readFile(path, 'utf8'), textOf(expected));
  assert.is(journal.count, 5);
  assert.is(journal.line(4), other[0]);
  await journal.truncate(9);
  assert.is(journal.count, 5);
  await journal.truncate(3);
  assert.is(journal.lastHash, JSON.parse(lines[2] as string).hash);
  await journal.truncate(0);
  assert.is(journal.lastHash, ZERO_HASH);
  assert.is((await stat(path)).size, 0);
  await journal.append(lines);
  assert.equal((await contents(path)).lines, lines);
});

test('a file that was cut at any byte holds a prefix of the lines, whole ones only', async () => {
  const path = await newPath();
  const lines = someLines(5);
  const bytes = Buffer.from(textOf(lines));
  const fromByte = Buffer.byteLength(textOf(lines.slice(0, 2)));
  const ends = lines.map((_, at) => Buffer.byteLength(textOf(lines.slice(0, at + 1))));
  for (let cut = fromByte; cut <= bytes.length; cut += 1) {
    await writeFile(path, bytes);
    await truncate(path, cut);
    const whole = ends.filter((end) => end <= cut).length;
    const torn = cut - (ends[whole - 1] as number);
    assert.equal(await contents(path), { lines: lines.slice(0, whole), torn }, `cut at ${cut}`);
    await rm(`${path}.torn-1`, { force: true });
    assert.is((await stat(path)).size, ends[whole - 1], 'and the file ends there now');
  }
});

test('it makes no difference in which pieces a file is read', async () => {
  const path = await newPath();
  const lines = someLines(4);
  const whole = textOf(lines);
  for (const size of [1, 2, 7, 64, 119]) {
    const { files } = faultyFiles({ read: (file, bytes, position) => file.read(bytes.subarray(0, size), position) });
    await writeFile(path, `${whole}{"index":5`);
    const journal = await open({ path, files });
    assert.is(journal.count, 4);
    assert.is(journal.torn?.bytes, 10);
    assert.equal(await journal.lines({ from: 1, countMax: 9, bytesMax: 1e6 }), lines);
    await writeFile(path, whole.replace('"index":2', '"index":6'));
    const error = (await rejection(openJournal({ path, files }))) as JournalDamaged;
    assert.instance(error, JournalDamaged);
    assert.is(error.lineNumber, 2);
  }
});

test('what was cut is kept aside, under a name of its own each time', async () => {
  const path = await newPath();
  const lines = someLines(2);
  for (const part of ['{"index":3,"na', '{"index":3,"other']) {
    await writeFile(path, textOf(lines) + part);
    assert.equal(await contents(path), { lines, torn: part.length });
  }
  assert.is(await readFile(`${path}.torn-1`, 'utf8'), '{"index":3,"na');
  assert.is(await readFile(`${path}.torn-2`, 'utf8'), '{"index":3,"other');
  await contents(path);
  assert.is((await readdir(join(path, '..'))).length, 3);
});

test('a changed bit before the last line stops the start and changes nothing', async () => {
  const path = await newPath();
  const lines = someLines(4);
  const whole = Buffer.from(textOf(lines));
  const lastAt = Buffer.byteLength(textOf(lines.slice(0, 3)));
  for (let at = 0; at < lastAt; at += 1) {
    const bytes = Buffer.from(whole);
    bytes.writeUInt8(bytes.readUInt8(at) ^ (1 << (at % 8)), at);
    await writeFile(path, bytes);
    const error = await rejection(openJournal({ path }));
    assert.instance(error, JournalDamaged, `bit ${at % 8} of byte ${at}`);
    assert.equal(await readFile(path), bytes);
  }
  assert.equal(await readdir(join(path, '..')), ['log.jsonl']);
});

test('a changed bit in the last line never gives another line: it is cut, or the start stops', async () => {
  const path = await newPath();
  const lines = someLines(3);
  const whole = Buffer.from(textOf(lines));
  const lastAt = Buffer.byteLength(textOf(lines.slice(0, 2)));
  let cut = 0;
  for (let at = lastAt; at < whole.length; at += 1) {
    for (const bit of [at % 8, (at + 3) % 8]) {
      const bytes = Buffer.from(whole);
      bytes.writeUInt8(bytes.readUInt8(at) ^ (1 << bit), at);
      await writeFile(path, bytes);
      try {
        assert.equal((await contents(path)).lines, lines.slice(0, 2), `bit ${bit} of byte ${at}`);
        await rm(`${path}.torn-1`);
        cut += 1;
      } catch (error) {
        // A line feed in the middle, or none after a whole line: no crash of ours leaves that.
        assert.instance(error, JournalDamaged);
        assert.ok(at === whole.length - 1 || bytes[at] === 0x0a, `bit ${bit} of byte ${at}`);
      }
    }
  }
  assert.ok(cut > 0);
});

test('damage is told by file, line and byte, and what to do', async () => {
  const path = await newPath();
  const lines = someLines(4);
  const text = textOf(lines);
  await writeFile(path, text.replace('"index":3', '"index":8'));
  const error = (await rejection(openJournal({ path }))) as JournalDamaged;
  assert.is(error.lineNumber, 3);
  assert.is(error.offset, Buffer.byteLength(textOf(lines.slice(0, 2))));
  for (const part of [path, 'line 3', `byte ${error.offset}`, 'left as it is', 'bin/verify'])
    assert.ok(error.message.includes(part), part);
});

test('whole lines in a wrong place are damage, at the end too', async () => {
  const path = await newPath();
  const [first, second, third] = someLines(3) as [string, string, string];
  for (const wrong of [[first, third], [second], [first, first], [first, third, second]]) {
    await writeFile(path, textOf(wrong));
    assert.match((await rejection(openJournal({ path }))).message, 'does not follow');
  }
});

test('zeros in the middle of a file are damage, zeros at its end were never a line', async () => {
  const path = await newPath();
  const lines = someLines(6);
  const bytes = Buffer.from(textOf(lines));
  const zeroed = Buffer.from(bytes);
  zeroed.fill(0, 150, 250);
  await writeFile(path, zeroed);
  assert.instance(await rejection(openJournal({ path })), JournalDamaged);
  await writeFile(path, Buffer.concat([bytes, Buffer.alloc(4096)]));
  assert.equal(await contents(path), { lines, torn: 4096 });
});

test('a line that changes on disk later is not handed out', async () => {
  const path = await newPath();
  const lines = someLines(3);
  const journal = await open({ path });
  await journal.append(lines);
  await writeFile(path, textOf(lines).replace('"index":2', '"index":5'));
  assert.throws(
    () => journal.line(2),
    (error: Error) => error instanceof JournalDamaged,
  );
  assert.instance(await rejection(journal.lines({ from: 1, countMax: 3, bytesMax: 1e6 })), JournalDamaged);
  assert.is(journal.line(3), lines[2]);
});

test('only sealed lines go in, and nothing after the end', async () => {
  const journal = await open({ path: await newPath() });
  assert.match((await rejection(journal.append(['{"index":1}']))).message, 'sealed');
  const [first] = someLines(1) as [string];
  assert.match((await rejection(journal.append([`x\n${first}`]))).message, 'sealed');
  const last = journal.append([first]);
  await journal.close();
  await last;
  await rejection(journal.append([first]));
});

test.run();
