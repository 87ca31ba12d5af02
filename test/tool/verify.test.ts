import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Movement } from '@till/shared/movement';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { auditFolder } from '../../bin/lib/audit.ts';
import { createFindings } from '../../bin/lib/audit-findings.ts';
import { projectFolder, tool } from '../../bin/lib/project.ts';
import type { SampleStore } from './sample-store.ts';
import { soundStore, spoil, writeStore } from './sample-store.ts';

let folder = '';
test.before.each(() => {
  folder = mkdtempSync(join(tmpdir(), 'till-verify-'));
});
test.after.each(() => rmSync(folder, { recursive: true, force: true }));

const journalPath = () => join(folder, 'catalog/journal.jsonl');
const logPath = (id: number) => join(folder, `order-${id}/log.jsonl`);

/** Which rules fail after a change to a sound store. */
const rulesBrokenBy = async (change: (store: SampleStore) => void): Promise<string[]> => {
  const store = soundStore();
  change(store);
  writeStore(folder, store);
  return brokenRules();
};

const brokenRules = async (): Promise<string[]> => [
  ...new Set((await auditFolder(folder)).problems.map(({ rule }) => rule)),
];

/** Changes a movement everywhere, so that only the rules of the journal can see it. */
const alter = (store: SampleStore, sequence: number, change: object): void => {
  const altered = (movement: Movement): Movement =>
    movement.sequence === sequence ? ({ ...movement, ...change } as Movement) : movement;
  store.movements = store.movements.map(altered);
  store.logs = store.logs.map((log) =>
    log.map((entry) => ('movement' in entry ? { ...entry, movement: altered(entry.movement) } : entry)),
  );
};

/** Takes a movement out everywhere. */
const drop = (store: SampleStore, sequence: number): void => {
  store.movements = store.movements.filter((movement) => movement.sequence !== sequence);
  store.logs = store.logs.map((log) =>
    log.filter((entry) => !('movement' in entry) || entry.movement.sequence !== sequence),
  );
};

const run = (...words: string[]): Promise<{ code: number; out: string; err: string }> =>
  new Promise((done) => {
    execFile(tool('node'), [join(projectFolder, 'bin/verify.ts'), ...words], (error, out, err) => {
      done({ code: error === null ? 0 : Number(error.code), out, err });
    });
  });

test('a sound store is consistent, and every rule was checked', async () => {
  writeStore(folder, soundStore());
  const { consistent, orders, replicas, problems, notes, lines } = await auditFolder(folder);
  assert.equal(problems, []);
  assert.equal(notes, []);
  assert.is(consistent, true);
  assert.is(orders, 3);
  assert.equal(
    replicas,
    [1, 2, 3].map((id) => ({ id, entries: 10, damage: 'none' })),
  );
  for (const line of lines) assert.ok(line.startsWith('ok '), line);
});

test('a folder before the first order is consistent', async () => {
  for (const name of ['catalog', 'front', 'order-1']) mkdirSync(join(folder, name));
  assert.is((await auditFolder(folder)).consistent, true);
});

test('a gap in the journal is found', async () => {
  const rules = await rulesBrokenBy((store) => drop(store, 4));
  assert.equal(rules, ['journal.sequence', 'log.movements']);
});

test('a journal without its seed is found', async () => {
  assert.ok((await rulesBrokenBy((store) => drop(store, 1))).includes('journal.seed'));
});

test('a second seed is found', async () => {
  const { movements } = soundStore();
  const seed = movements[0] as Extract<Movement, { kind: 'seed' }>;
  const rules = await rulesBrokenBy((store) => alter(store, 4, { kind: 'seed', products: seed.products }));
  assert.ok(rules.includes('journal.seed'));
});

test('stock that does not follow from the movement before is found', async () => {
  const stock = [{ name: 'AAPL', before: 7, after: 9 }];
  assert.ok((await rulesBrokenBy((store) => alter(store, 8, { stock }))).includes('journal.stock'));
});

test('an order that takes another quantity than it says is found, and the totals are wrong', async () => {
  const rules = await rulesBrokenBy((store) => alter(store, 8, { stock: [{ name: 'AAPL', before: 6, after: 9 }] }));
  assert.equal(rules, ['journal.stock', 'journal.totals']);
});

test('an order that moves another product than it names is found', async () => {
  const order = { lines: [{ name: 'Fox', quantity: 2 }], type: 'sell' };
  assert.ok((await rulesBrokenBy((store) => alter(store, 8, { order }))).includes('journal.stock'));
});

test('an order that forgets one of its products is found', async () => {
  const stock = [{ name: 'Fox', before: 2, after: 0 }];
  assert.ok((await rulesBrokenBy((store) => alter(store, 5, { stock }))).includes('journal.stock'));
});

test('stock below zero is found', async () => {
  const order = { lines: [{ name: 'AAPL', quantity: 7 }] };
  const stock = [{ name: 'AAPL', before: 6, after: -1 }];
  assert.equal(await rulesBrokenBy((store) => alter(store, 8, { order, stock })), ['journal.stock']);
});

test('a skipped order number is found', async () => {
  assert.equal(await rulesBrokenBy((store) => alter(store, 8, { number: 3 })), ['journal.numbers']);
});

test('an order number that is used twice is found', async () => {
  assert.equal(await rulesBrokenBy((store) => alter(store, 8, { number: 1 })), ['journal.numbers']);
});

test('a key that was decided twice is found, also between an order and a refusal', async () => {
  assert.equal(await rulesBrokenBy((store) => alter(store, 8, { key: 'b' })), ['journal.keys']);
});

test('a refusal that moves stock is found', async () => {
  assert.equal(await rulesBrokenBy((store) => alter(store, 4, { stock: [] })), ['journal.rejections']);
});

test('a refusal although there was enough is found', async () => {
  const order = { lines: [{ name: 'Fox', quantity: 2 }] };
  assert.equal(await rulesBrokenBy((store) => alter(store, 4, { order })), ['journal.rejections']);
});

test('a refill for a cause that is past is found', async () => {
  assert.equal(await rulesBrokenBy((store) => alter(store, 6, { cause: 3 })), ['journal.restocks']);
});

test('a second refill for the same cause is found', async () => {
  const again = { kind: 'restock', cause: 5, stock: [{ name: 'Fox', before: 100, after: 200 }] };
  assert.ok((await rulesBrokenBy((store) => alter(store, 8, again))).includes('journal.restocks'));
});

test('a refill of a product that is not restocked is found', async () => {
  const refill = { kind: 'restock', cause: 5, stock: [{ name: 'AAPL', before: 0, after: 100 }] };
  assert.ok((await rulesBrokenBy((store) => alter(store, 8, refill))).includes('journal.restocks'));
});

test('a term that falls is found', async () => {
  assert.ok((await rulesBrokenBy((store) => alter(store, 8, { term: 1 }))).includes('journal.terms'));
});

test('a term that rises without a fence is found', async () => {
  assert.ok((await rulesBrokenBy((store) => alter(store, 6, { term: 2 }))).includes('journal.terms'));
});

test('time that falls is found', async () => {
  assert.equal(await rulesBrokenBy((store) => alter(store, 6, { time: 1 })), ['journal.time']);
});

test('a kind of movement that nobody promised is found', async () => {
  assert.ok((await rulesBrokenBy((store) => alter(store, 4, { kind: 'gift' }))).includes('journal.form'));
});

test('a movement without its fields is found', async () => {
  assert.ok((await rulesBrokenBy((store) => alter(store, 5, { order: undefined }))).includes('journal.form'));
});

test('a flipped bit in the middle of the journal is found, and only that', async () => {
  writeStore(folder, soundStore());
  spoil(journalPath(), (bytes) => {
    const at = bytes.indexOf('rejection');
    bytes[at] = (bytes[at] ?? 0) ^ 1;
    return bytes;
  });
  assert.equal(await brokenRules(), ['journal.lines']);
});

test('a flipped bit anywhere in a log line is found', async () => {
  writeStore(folder, soundStore());
  const first = Buffer.from('{"index":9,');
  let start = 0;
  spoil(logPath(2), (bytes) => {
    start = bytes.indexOf(first);
    return bytes;
  });
  const { problems } = await auditFolder(folder);
  assert.equal(problems, []);
  for (let at = start; at < start + 150; at += 4) {
    const flip = (bytes: Buffer) => {
      bytes[at] = (bytes[at] ?? 0) ^ 1;
      return bytes;
    };
    spoil(logPath(2), flip);
    assert.ok((await brokenRules()).length > 0, `byte ${at - start} of the line`);
    spoil(logPath(2), flip);
  }
  assert.equal(await brokenRules(), []);
});

test('a damaged line is told as damage at the tail or inside', async () => {
  const damageAt = async (text: string) => {
    writeStore(folder, soundStore());
    spoil(logPath(1), (bytes) => {
      const at = bytes.indexOf(text);
      bytes[at] = 0;
      return bytes;
    });
    return (await auditFolder(folder)).replicas[0]?.damage;
  };
  assert.is(await damageAt('"index":4,'), 'inside');
  assert.is(await damageAt('"index":10,'), 'tail');
});

test('an unfinished last line is no damage of what was acknowledged', async () => {
  writeStore(folder, soundStore());
  spoil(logPath(1), (bytes) => Buffer.concat([bytes, bytes.subarray(0, 40)]));
  spoil(journalPath(), (bytes) => Buffer.concat([bytes, bytes.subarray(0, 40)]));
  const { consistent, replicas, notes } = await auditFolder(folder);
  assert.is(consistent, true);
  assert.is(replicas[0]?.damage, 'tail');
  assert.is(notes.length, 2);
});

test('a line feed that became something else is damage', async () => {
  writeStore(folder, soundStore());
  spoil(logPath(1), (bytes) => {
    const at = bytes.lastIndexOf('\n', -2);
    bytes[at] = 0x20;
    return bytes.subarray(0, -1);
  });
  assert.ok((await brokenRules()).includes('log.lines'));
});

test('every cut of a log at a byte is a prefix: consistent, or told as missing', async () => {
  writeStore(folder, soundStore());
  let whole = Buffer.alloc(0);
  spoil(logPath(3), (bytes) => {
    whole = Buffer.from(bytes);
    return bytes;
  });
  for (let length = 0; length < whole.length; length += 37) {
    writeFileSync(logPath(3), whole.subarray(0, length));
    const rules = await brokenRules();
    assert.ok(rules.length === 0 || rules.join() === 'cluster.members', `${length} bytes: ${rules}`);
  }
});

test('lines in another order break the chain', async () => {
  writeStore(folder, soundStore());
  spoil(logPath(1), (bytes) => {
    const lines = bytes.toString().split('\n');
    const [third = '', fourth = ''] = lines.slice(2, 4);
    return Buffer.from(lines.with(2, fourth).with(3, third).join('\n'));
  });
  const rules = await brokenRules();
  assert.ok(rules.includes('log.lines'));
  assert.ok(rules.includes('log.index'));
});

test('a log that lacks a movement in the middle is found', async () => {
  const rules = await rulesBrokenBy((store) => {
    store.logs[1] = (store.logs[1] ?? []).filter((entry) => !('movement' in entry) || entry.movement.sequence !== 4);
  });
  assert.ok(rules.includes('log.movements'));
  assert.ok(rules.includes('logs.agree'));
});

test('a log that tells a movement otherwise than the journal is found', async () => {
  const rules = await rulesBrokenBy((store) => {
    const other = soundStore();
    alter(other, 3, { key: 'z' });
    store.logs = other.logs;
  });
  assert.equal(rules, ['log.journal']);
});

test('a movement that the journal lost is found', async () => {
  const rules = await rulesBrokenBy((store) => {
    store.movements = store.movements.slice(0, -1);
  });
  assert.equal(rules, ['log.journal']);
});

test('logs without any journal are found', async () => {
  writeStore(folder, soundStore());
  rmSync(journalPath());
  assert.equal(await brokenRules(), ['log.journal']);
});

test('one log that tells otherwise than the others in the same term is found', async () => {
  const rules = await rulesBrokenBy((store) => {
    const other = soundStore();
    alter(other, 3, { time: 1_700_000_000_002 });
    store.logs[1] = other.logs[1] ?? [];
  });
  assert.equal(rules, ['log.journal', 'logs.agree']);
});

test('a term in a log without its first entry is found', async () => {
  const rules = await rulesBrokenBy((store) => {
    store.logs = store.logs.map((log) => log.filter((entry) => 'movement' in entry || entry.term !== 2));
  });
  assert.equal(rules, ['log.terms']);
});

test('an end that a later term replaced is a note, not a fault', async () => {
  const store = soundStore();
  const last = store.movements.slice(0, 6).at(-1) as Movement;
  // Replica 3 had appended movement 6 and was gone before anyone else had it.
  const replaced = (store.logs[0] ?? []).slice(0, 6);
  store.logs[2] = [...replaced, { term: 1, movement: last }];
  const rest = store.movements.slice(5).map((movement) => ({ term: 2, movement }));
  store.logs[0] = [...replaced, { term: 2, sequence: 5 }, ...rest];
  store.logs[1] = [...store.logs[0]];
  store.records = store.records.map((record) => ({
    ...record,
    inSync: record.term === 2 ? record.inSync.slice(0, 2) : record.inSync,
  }));
  writeStore(folder, store);
  const { problems, notes } = await auditFolder(folder);
  assert.equal(problems, []);
  assert.is(notes.filter((note) => note.includes('never acknowledged')).length, 1);
});

test('an in-sync replica without its log, or with an emptied one, is found', async () => {
  writeStore(folder, soundStore());
  writeFileSync(logPath(2), '');
  assert.equal(await brokenRules(), ['cluster.members']);
  rmSync(logPath(2));
  assert.equal(await brokenRules(), ['cluster.members']);
});

test('an in-sync replica with an old copy of its log is found', async () => {
  const rules = await rulesBrokenBy((store) => {
    store.logs[1] = (store.logs[1] ?? []).slice(0, 7);
  });
  assert.equal(rules, ['cluster.members']);
});

test('an in-sync replica that misses what was made long before the end is found', async () => {
  const rules = await rulesBrokenBy((store) => {
    alter(store, 8, { time: 1_700_000_060_000 });
    store.logs[1] = (store.logs[1] ?? []).slice(0, 8);
  });
  assert.equal(rules, ['cluster.members']);
});

test('a replica that is not in sync may lag', async () => {
  const store = soundStore();
  store.logs[0] = (store.logs[0] ?? []).slice(0, 3);
  store.records = store.records.map((record) => ({ ...record, inSync: record.inSync.slice(1) }));
  writeStore(folder, store);
  assert.equal(await brokenRules(), []);
});

test('a cluster record that does not follow is found', async () => {
  const change = (fields: object) =>
    rulesBrokenBy((store) => {
      store.records = store.records.map((record) => (record.version === 2 ? { ...record, ...fields } : record));
    });
  assert.ok((await change({ storeId: 'other' })).includes('cluster.records'));
  assert.ok((await change({ term: 0 })).includes('cluster.records'));
  assert.ok((await change({ term: 1 })).includes('cluster.records'), 'another leader in the same term');
  assert.equal(await change({ leader: { id: 2, incarnation: 9 } }), ['cluster.records']);
  assert.equal(await change({ inSync: [] }), ['cluster.records']);
});

test('a leader that was started again, and has not got a new term yet, is no fault', async () => {
  const rules = await rulesBrokenBy((store) => {
    store.records = store.records.map((record) =>
      record.version === 2
        ? { ...record, inSync: record.inSync.map((member) => (member.id === 2 ? { id: 2, incarnation: 2 } : member)) }
        : record,
    );
  });
  assert.equal(rules, []);
});

test('a torn cluster record is found', async () => {
  writeStore(folder, soundStore());
  spoil(join(folder, 'front/cluster.2.json'), (bytes) => bytes.subarray(0, 20));
  assert.ok((await brokenRules()).includes('cluster.records'));
});

test('logs without any cluster record, or of a later term than it, are found', async () => {
  assert.equal(await rulesBrokenBy((store) => store.records.splice(0)), ['cluster.states']);
  rmSync(folder, { recursive: true });
  assert.equal(await rulesBrokenBy((store) => store.records.pop()), ['cluster.states']);
});

test('the store of another cluster is found', async () => {
  writeStore(folder, soundStore());
  writeFileSync(join(folder, 'order-1/state.json'), JSON.stringify({ storeId: 'other', term: 2, record: null }));
  assert.equal(await brokenRules(), ['cluster.states']);
});

test('many problems of one kind are counted, not all kept', () => {
  const findings = createFindings();
  for (let at = 0; at < 1000; at += 1) findings.problem('journal.keys', `key ${at}`);
  assert.is(findings.problems().length, 101);
  assert.is(findings.problems().at(-1)?.detail, 'and 900 more of this kind');
});

test('the command tells programs and people', async () => {
  writeStore(folder, soundStore());
  const sound = await run(folder, '--json');
  assert.is(sound.code, 0);
  assert.equal(JSON.parse(sound.out), {
    consistent: true,
    orders: 3,
    replicas: [1, 2, 3].map((id) => ({ id, entries: 10, damage: 'none' })),
    problems: [],
  });
  writeFileSync(logPath(2), '');
  const spoilt = await run(folder);
  assert.is(spoilt.code, 1);
  assert.match(spoilt.out, /^FAIL cluster\.members/m);
  assert.match(spoilt.out.trim().split('\n').at(-1) ?? '', /^NOT CONSISTENT: 3 orders/);
});

test('a folder that is none is a usage error', async () => {
  for (const [words, told] of [
    [[join(folder, 'missing')], /ENOENT/],
    [[folder], /there is no "catalog"/],
    [['--yaml', folder], /--yaml/],
    [[folder, 'more'], /"more"/],
  ] as const) {
    const { code, err } = await run(...words);
    assert.is(code, 2, words.join(' '));
    assert.match(err, told);
    assert.match(err, /Try: bin\/verify --help/);
  }
});

test.run();
