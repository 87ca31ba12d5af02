/** The audit of journals in many files, with the files that are derived from them. */
import {
  copyFileSync,
  cpSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { lockFolder } from '@till/shared/folder-lock';
import { seal as sealLine, unseal } from '@till/shared/sealed';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type AuditResult, auditFolder } from '../../bin/lib/audit.ts';
import { openSegments } from '../../bin/lib/segment-files.ts';
import {
  addSnapshot,
  busyStore,
  cutIntoSegments,
  editIndex,
  editSnapshot,
  filesOf,
  spoil,
  writeStore,
} from './sample-store.ts';

const SEGMENT_BYTES = 1000;

const made = mkdtempSync(join(tmpdir(), 'till-segments-'));
test.before(async () => {
  writeStore(made, busyStore());
  await cutIntoSegments(made, SEGMENT_BYTES);
  await addSnapshot(made);
});
test.after(() => rmSync(made, { recursive: true, force: true }));

let folder = '';
test.before.each(() => {
  folder = mkdtempSync(join(tmpdir(), 'till-segments-'));
  cpSync(made, folder, { recursive: true });
});
test.after.each(() => rmSync(folder, { recursive: true, force: true }));

const inLog = (name = ''): string => join(folder, 'order-2', name);
const inCatalog = (name = ''): string => join(folder, 'catalog', name);
const logSegments = (): string[] => filesOf(inLog(), 'jsonl');
const linesOf = (path: string): string[] => readFileSync(path, 'utf8').trimEnd().split('\n');
const firstOf = (name: string): number => Number(/\.(\d{12})\./.exec(name)?.[1]);

/** A sealed segment of the log with others before and after it, and where it begins. */
const middleSegment = (): { name: string; first: number; last: number } => {
  const name = logSegments()[2] ?? '';
  const first = firstOf(name);
  return { name, first, last: first + linesOf(inLog(name)).length - 1 };
};

const told = ({ problems }: AuditResult): string[] => problems.map(({ rule, detail }) => `${rule}: ${detail}`);
const audit = async (): Promise<string[]> => told(await auditFolder(folder));

/** That there is one finding, and what it says. */
const assertOne = async (...patterns: RegExp[]): Promise<void> => {
  const found = await audit();
  assert.is(found.length, 1, found.join('\n'));
  for (const pattern of patterns) assert.match(found[0] ?? '', pattern);
};

test('a store in several files is consistent', async () => {
  assert.ok(logSegments().length > 4, logSegments().join());
  assert.ok(filesOf(inLog(), 'index').length === logSegments().length);
  const { notes, problems, orders, replicas } = await auditFolder(folder);
  assert.equal([notes, problems, orders], [[], [], 6]);
  assert.equal(replicas[1], { id: 2, entries: 24, damage: 'none' });
});

test('files that are derived may be missing, all of them or some', async () => {
  for (const name of [...filesOf(inLog(), 'index'), ...filesOf(inCatalog(), 'index')]) {
    rmSync(inLog(name), { force: true });
    rmSync(inCatalog(name), { force: true });
    const { notes, problems } = await auditFolder(folder);
    assert.equal([notes, problems], [[], []], name);
  }
  for (const name of ['snapshot.json', 'snapshot.json.previous']) rmSync(inCatalog(name), { force: true });
  const { notes, problems } = await auditFolder(folder);
  assert.equal([notes, problems], [[], []]);
});

test('files that are derived may be torn or damaged: that is a note', async () => {
  const { name } = middleSegment();
  const index = name.replace('jsonl', 'index');
  for (const change of [
    (bytes: Buffer) => bytes.subarray(0, 30),
    (bytes: Buffer) => bytes.subarray(0, -4),
    (bytes: Buffer) => bytes.subarray(0, 0),
    (bytes: Buffer) => Buffer.concat([bytes.subarray(0, -1), Buffer.of((bytes.at(-1) ?? 0) ^ 1)]),
    (bytes: Buffer) => Buffer.from(bytes.toString('latin1').replace('"orderFirst":', '"orderFirst":1'), 'latin1'),
    (bytes: Buffer) => Buffer.from(bytes.toString('latin1').replace('"first":', '"furst":'), 'latin1'),
  ]) {
    const before = readFileSync(inLog(index));
    spoil(inLog(index), change);
    const { notes, problems } = await auditFolder(folder);
    assert.equal(problems, []);
    assert.equal(notes, [`order-2/${index} is damaged: the next start makes it anew`]);
    writeFileSync(inLog(index), before);
  }
  spoil(inCatalog('snapshot.json'), (bytes) => bytes.subarray(0, -2));
  const { notes, problems } = await auditFolder(folder);
  assert.equal(problems, []);
  assert.equal(notes, ['catalog/snapshot.json is damaged: it is not used']);
});

test('an index of the active segment may be old, as long as what it says is so', async () => {
  const lines = linesOf(inLog('log.jsonl'));
  const first = 25 - lines.length;
  editIndex(inLog('log.index'), (header, columns) => {
    // From before the last segment was sealed.
    header.first = first - 3;
    columns.offsets = Uint32Array.of(0, 1, 2);
  });
  assert.equal(await audit(), []);
});

test('without an active segment, as a crash may leave it, the sealed ones are the journal', async () => {
  const name = `log.${String(25 - linesOf(inLog('log.jsonl')).length).padStart(12, '0')}.jsonl`;
  renameSync(inLog('log.jsonl'), inLog(name));
  assert.equal(await audit(), []);
  // And with an empty one.
  writeFileSync(inLog('log.jsonl'), '');
  assert.equal(await audit(), []);
});

test('a segment that is missing is found, and nothing else is blamed for it', async () => {
  const { name, first, last } = middleSegment();
  rmSync(inLog(name));
  const next = `log.${String(last + 1).padStart(12, '0')}.jsonl`;
  await assertOne(
    /^files\.segments: /,
    new RegExp(`order-2/${next} begins with line ${last + 1}, not with line ${first}: lines ${first} to ${last} are`),
  );
  assert.is((await auditFolder(folder)).replicas[1]?.damage, 'inside');
  assert.is((await auditFolder(folder)).replicas[1]?.entries, 24);
});

test('whichever segment of the journal is missing, also the last one before the active one, only that is told', async () => {
  const sealed = filesOf(inCatalog(), 'jsonl').slice(0, -1);
  assert.ok(sealed.length > 3);
  for (const name of sealed) {
    const bytes = readFileSync(inCatalog(name));
    rmSync(inCatalog(name));
    // The active segment has no number: its lines tell.
    await assertOne(/^files\.segments: catalog\/journal\./, new RegExp(`not with line ${firstOf(name)}: `));
    writeFileSync(inCatalog(name), bytes);
  }
});

test('a segment that lacks lines at its end is found, with or without its index', async () => {
  const { name, first, last } = middleSegment();
  const lines = linesOf(inLog(name));
  writeFileSync(inLog(name), `${lines.slice(0, -1).join('\n')}\n`);
  const found = await audit();
  assert.ok(
    found.some((text) => text.startsWith('files.segments: ')),
    found.join('\n'),
  );
  assert.ok(
    found.some((text) => text.includes(`lines ${last} to ${last} are in no file`)),
    found.join('\n'),
  );
  assert.ok(
    found.some((text) => text.includes(`was made of lines up to ${last}, there is nothing after line ${last - 1}`)),
  );
  assert.is(found.length, 2, found.join('\n'));
  rmSync(inLog(name.replace('jsonl', 'index')));
  await assertOne(/^files\.segments: /, new RegExp(`lines ${last} to ${last} are in no file`));
  assert.ok(first < last);
});

test('a segment that ends in the middle of a line is damaged', async () => {
  const { name, last } = middleSegment();
  truncateSync(inLog(name), statSync(inLog(name)).size - 10);
  await assertOne(/^log\.lines: /, new RegExp(`order-2/${name}, line ${last}: damaged`));
});

test('lines that are there twice are found', async () => {
  const { name, first } = middleSegment();
  const lines = linesOf(inLog(name));
  const again = `log.${String(first + lines.length - 1).padStart(12, '0')}.jsonl`;
  writeFileSync(inLog(again), `${lines.at(-1)}\n`);
  const found = await audit();
  assert.ok(found.some((text) => text.startsWith('files.segments: ') && text.includes('lines are there twice')));
});

test('a damaged line is told with its file and its place in the whole log, and nothing else is blamed', async () => {
  for (const name of logSegments()) {
    const bytes = readFileSync(inLog(name));
    const first = Number.isNaN(firstOf(name)) ? 25 - linesOf(inLog(name)).length : firstOf(name);
    const [line = ''] = linesOf(inLog(name));
    spoil(inLog(name), (before) => Buffer.from(before.toString().replace(line, line.replace('"term"', '"tern"'))));
    await assertOne(/^log\.lines: /, new RegExp(`order-2/${name}, line ${first}: damaged`));
    writeFileSync(inLog(name), bytes);
  }
  for (const name of filesOf(inCatalog(), 'jsonl')) {
    const bytes = readFileSync(inCatalog(name));
    spoil(inCatalog(name), (before) => Buffer.from(before.toString().replace('"time"', '"tine"')));
    await assertOne(/^journal\.lines: /, new RegExp(`catalog/${name}, line \\d+: damaged`));
    writeFileSync(inCatalog(name), bytes);
  }
});

test('a segment that does not follow from the one before it is found', async () => {
  const { name, first } = middleSegment();
  let hash = 'f'.repeat(32);
  const lines = linesOf(inLog(name)).map((line) => {
    const sealed = sealLine(hash, unseal(line)?.body ?? '');
    hash = sealed.hash;
    return sealed.line;
  });
  writeFileSync(inLog(name), `${lines.join('\n')}\n`);
  const found = await audit();
  const wanted = `log.lines: order-2/${name}, line ${first}: does not follow from the line before it`;
  assert.ok(found.includes(wanted), found.join('\n'));
});

for (const [what, ending, change, said] of [
  ['keys', 'sealed', (_, { keyHashes }) => keyHashes.set([1], 0), /has other keys for line \d+/],
  ['places of keys', 'sealed', (_, { keyLines }) => keyLines.set([77], 0), /has other keys for line \d+/],
  ['places of orders', 'sealed', (_, { orderLines }) => orderLines.set([77], 0), /does not have order \d+ in line \d+/],
  [
    'numbers of orders',
    'sealed',
    (header) => {
      header.orderFirst += 1;
    },
    /does not have order \d+ in line \d+/,
  ],
  ['offsets', 'sealed', (_, { offsets }) => offsets.set([5], 1), /says that line \d+ begins elsewhere/],
  [
    'a SHA-256',
    'sealed',
    (header) => {
      header.sha256 = '0'.repeat(64);
    },
    /has another SHA-256/,
  ],
  [
    'a size',
    'sealed',
    (header) => {
      header.bytes += 1;
    },
    /says \d+ bytes, there are \d+/,
  ],
  [
    'a hash',
    'sealed',
    (header) => {
      header.lastHash = '0'.repeat(32);
    },
    /has another hash for line \d+/,
  ],
  [
    'a hash before',
    'sealed',
    (header) => {
      header.previousHash = '0'.repeat(32);
    },
    /hash for the line before line/,
  ],
  [
    'a first line',
    'sealed',
    (header) => {
      header.first += 1;
    },
    /says that it begins with line \d+, not with line/,
  ],
  [
    'fewer keys',
    'sealed',
    (_, columns) => {
      columns.keyHashes = columns.keyHashes.slice(0, -1);
      columns.keyLines = columns.keyLines.slice(0, -1);
    },
    /has other keys for line \d+/,
  ],
  [
    'more rare lines',
    'sealed',
    (_, columns) => {
      columns.rareLines = Uint32Array.of(...columns.rareLines, 1);
    },
    /takes line \d+ for|has more keys, orders or other lines/,
  ],
  [
    'fewer lines',
    'sealed',
    (_, columns) => {
      columns.offsets = columns.offsets.slice(0, 1);
    },
    /ends before line \d+|other/,
  ],
  ['keys', 'active', (_, { keyHashes }) => keyHashes.set([1], 0), /has other keys for line \d+/],
  [
    'a hash',
    'active',
    (header) => {
      header.lastHash = '0'.repeat(32);
    },
    /has another hash for line \d+/,
  ],
] as [string, 'sealed' | 'active', Parameters<typeof editIndex>[1], RegExp][]) {
  test(`an index of ${ending === 'active' ? 'the active' : 'a sealed'} segment with wrong ${what} is found`, async () => {
    const sealed = filesOf(inLog(), 'index').find((name) => name !== 'log.index' && firstOf(name) > 5) ?? '';
    const name = ending === 'active' ? 'log.index' : sealed;
    editIndex(inLog(name), change);
    await assertOne(
      /^files\.indexes: /,
      new RegExp(`order-2/${name} `),
      said,
      /stop the service, delete the index, start/,
    );
  });
}

test('an index of lines that are gone is found, and no remedy is told', async () => {
  const lines = linesOf(inLog('log.jsonl'));
  assert.ok(lines.length > 1);
  for (const kept of [lines.length - 1, 0]) {
    writeFileSync(
      inLog('log.jsonl'),
      lines
        .slice(0, kept)
        .map((line) => `${line}\n`)
        .join(''),
    );
    const found = (await audit()).filter((text) => text.startsWith('files.indexes'));
    assert.is(found.length, 1, `${kept} lines kept`);
    assert.match(
      found[0] ?? '',
      /lines up to 24, there is nothing after line \d+: either lines that were on disk are gone/,
    );
    assert.not.match(found[0] ?? '', /delete/);
  }
});

test('an index without a segment is found', async () => {
  const { name } = middleSegment();
  copyFileSync(inLog(name.replace('jsonl', 'index')), inLog('log.000000000900.index'));
  editIndex(inLog('log.000000000900.index'), (header) => {
    header.first = 900;
  });
  await assertOne(/^files\.indexes: order-2\/log\.000000000900\.index was made of lines up to/);
});

for (const [field, value, said] of [
  ['number', 99, /number has 99 where the journal comes to 5/],
  ['time', 1, /time has 1 where/],
  ['term', 7, /term has 7 where the journal comes to 2/],
  ['waiting', [], /waiting has nothing where the journal comes to "c-3"/],
  ['notes', [['shopify', 17]], /notes has \["shopify",17\] where the journal comes to \["shopify",19\]/],
  ['cancellations', [], /cancellations has nothing where the journal comes to \[3,11\]/],
  ['products', [], /products has nothing where the journal comes to .*"name":"Fox"/],
] as const) {
  test(`a snapshot with another ${field} than the journal comes to is found`, async () => {
    editSnapshot(inCatalog('snapshot.json'), (snapshot) => ({ ...snapshot, [field]: value }));
    await assertOne(/^files\.snapshot: catalog\/snapshot\.json, after movement 22: /, said, /delete the snapshot/);
  });
}

test('a snapshot of an earlier movement is compared with what the journal was then', async () => {
  editSnapshot(inCatalog('snapshot.json'), (snapshot) => ({ ...snapshot, sequence: 21 }));
  const { notes, problems } = await auditFolder(folder);
  assert.equal(problems, []);
  assert.equal(notes, ['catalog/snapshot.json is of another history: it is not used']);
  const hash = unseal(linesOf(inCatalog('journal.jsonl')).at(-2) ?? '')?.hash;
  editSnapshot(inCatalog('snapshot.json'), (snapshot) => ({ ...snapshot, hash }));
  await assertOne(/^files\.snapshot: catalog\/snapshot\.json, after movement 21: /);
});

test('a snapshot of a movement that the journal does not have is a note', async () => {
  editSnapshot(inCatalog('snapshot.json'), (snapshot) => ({ ...snapshot, sequence: 23 }));
  const { notes, problems } = await auditFolder(folder);
  assert.equal(problems, []);
  assert.match(notes.join(), /is of movement 23, which the journal does not have/);
});

/** What may happen while somebody looks: it begins with the active segment, which has line 22 and on. */
const seal = (): void => {
  renameSync(inLog('log.jsonl'), inLog('log.000000000022.jsonl'));
  writeFileSync(inLog('log.jsonl'), '');
};
const replaceIndex = (): void => {
  copyFileSync(inLog('log.index'), inLog('log.index.tmp-1'));
  renameSync(inLog('log.index.tmp-1'), inLog('log.index'));
};
const cut = (): void => {
  const { name } = middleSegment();
  rmSync(inLog('log.index'));
  const later = logSegments().filter((one) => one >= name);
  for (const one of later) rmSync(inLog(one.replace('jsonl', 'index')), { force: true });
  for (const one of later.slice(1)) rmSync(inLog(one));
  renameSync(inLog(name), inLog('log.jsonl'));
  truncateSync(inLog('log.jsonl'), 0);
};

for (const [what, change] of [
  ['sealed', seal],
  ['cut', cut],
] as const) {
  for (const when of ['first', 'second']) {
    test(`a log that is ${what} after the ${when} look at its folder is seen as it was before, or after`, () => {
      const read = (): [number | null, number][] => {
        const files = openSegments(inLog(), 'log');
        const shown = (files?.segments ?? []).map(({ first, bytes }): [number | null, number] => [first, bytes]);
        files?.close();
        return shown;
      };
      let looks = 0;
      const list = (place: string): string[] => {
        looks += 1;
        const names = readdirSync(place);
        if (looks === (when === 'first' ? 1 : 2)) change();
        return names;
      };
      const files = openSegments(inLog(), 'log', list);
      const seen = (files?.segments ?? []).map(({ first, bytes }) => [first, bytes]);
      files?.close();
      assert.equal(seen, read());
      assert.ok(looks > 2);
    });
  }
}

test('an index that is replaced again and again is looked at until it stays', () => {
  let looks = 0;
  const list = (place: string): string[] => {
    looks += 1;
    if (looks < 10) replaceIndex();
    return readdirSync(place);
  };
  openSegments(inLog(), 'log', list)?.close();
  assert.ok(looks > 9);
  const always = (place: string): string[] => {
    replaceIndex();
    return readdirSync(place);
  };
  assert.throws(() => openSegments(inLog(), 'log', always), /the files were other ones at each of 100 looks/);
});

for (const isRunning of [true, false]) {
  const what = isRunning ? 'looked at again while services run' : 'told when none runs';
  test(`what is wrong in a file that is another one by the time is ${what}`, async () => {
    const lock = isRunning ? await lockFolder(inLog(), { onLost: () => {} }) : null;
    const sound = inLog('sound');
    copyFileSync(inLog('log.jsonl'), sound);
    spoil(inLog('log.jsonl'), (bytes) => Buffer.from(bytes.toString().replace('"term"', '"tern"')));
    const result = auditFolder(folder);
    // By now the audit has opened all files, and has not read this one.
    renameSync(sound, inLog('log.jsonl'));
    assert.equal((await result).consistent, isRunning);
    await lock?.release();
  });
}

test.run();
