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
import { createSequenceSet } from '../../bin/lib/sequence-set.ts';
import type { SampleStore } from './sample-store.ts';
import { addSnapshot, busyStore, cutIntoSegments, soundStore, spoil, writeStore } from './sample-store.ts';

let folder = '';
test.before.each(() => {
  folder = mkdtempSync(join(tmpdir(), 'till-verify-'));
});
test.after.each(() => rmSync(folder, { recursive: true, force: true }));

/** So that each file of a busy store has a few lines. */
const SEGMENT_BYTES = 1000;

const journalPath = () => join(folder, 'catalog/journal.jsonl');
const logPath = (id: number) => join(folder, `order-${id}/log.jsonl`);

/** Which rules fail after a change to a sound store. */
const rulesBrokenBy = async (
  change: (store: SampleStore) => void,
  store: SampleStore = soundStore(),
): Promise<string[]> => {
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

/** Which rules fail after a change to one movement of a store with all kinds of them. */
const rulesBrokenIn = (sequence: number, change: object): Promise<string[]> =>
  rulesBrokenBy((store) => alter(store, sequence, change), busyStore());

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
  writeStore(folder, busyStore());
  await cutIntoSegments(folder, SEGMENT_BYTES);
  await addSnapshot(folder);
  const { notes, lines, ...result } = await auditFolder(folder);
  assert.equal(result, {
    consistent: true,
    orders: 6,
    replicas: [1, 2, 3].map((id) => ({ id, entries: 24, damage: 'none' })),
    problems: [],
    cancelled: 2,
    checkouts: { queued: 1, placed: 1, refused: 1 },
    outbox: [
      { sink: 'shopify', delivered: 16, dead: 0, waiting: 2 },
      { sink: 'webhook-1234abcd', delivered: 3, dead: 1, waiting: 7 },
    ],
  });
  assert.equal(notes, []);
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

test('a refusal that only a warehouse can explain is one that says so', async () => {
  const message = 'Cannot buy 1 of "Fox": 0 left';
  assert.equal(await rulesBrokenIn(18, { message }), ['journal.rejections']);
});

test('a second name that was decided before, or is decided again, is found', async () => {
  assert.equal(await rulesBrokenIn(9, { alsoKey: 'a' }), ['journal.keys']);
  assert.equal(await rulesBrokenIn(12, { key: 'e' }), ['journal.keys']);
});

test('a key that does not show what it names is found', async () => {
  for (const [sequence, change] of [
    [8, { key: 'order 5' }],
    [8, { key: 'cancel 5' }],
    [8, { key: 'd d' }],
    [8, { alsoKey: 'y' }],
    [9, { alsoKey: 'order 76' }],
    [12, { key: 'checkout c-9' }],
    [18, { key: 'z' }],
    [18, { key: 'order 8' }],
    [22, { key: 'cancel 80' }],
  ] as const) {
    assert.equal(await rulesBrokenIn(sequence, change), ['journal.identities'], JSON.stringify(change));
  }
});

test('a cancellation of what was not ordered, was refused or taken back is found', async () => {
  for (const id of ['99', '78']) {
    assert.equal(await rulesBrokenIn(22, { key: `cancel ${id}`, of: `order ${id}` }), ['journal.cancels'], id);
  }
  assert.equal(await rulesBrokenIn(11, { key: 'cancel 79', of: 'order 79' }), ['journal.keys', 'journal.cancels']);
  const again = await rulesBrokenIn(22, { key: 'cancel 77', of: 'order 77' });
  assert.equal(again, ['journal.keys', 'journal.cancels']);
  // Under another key, too.
  assert.ok((await rulesBrokenIn(22, { key: 'cancel 78', of: 'order 77' })).includes('journal.cancels'));
});

test('a cancellation of an order that has no order id is found', async () => {
  const change = { of: 'd', number: 2, stock: [{ name: 'AAPL', before: 10, after: 8 }] };
  assert.equal(await rulesBrokenIn(22, change), ['journal.identities', 'journal.cancels']);
});

test('a cancellation that gives back something else than the order took is found', async () => {
  for (const stock of [
    [{ name: 'AAPL', before: 10, after: 7 }],
    [{ name: 'AAPL', before: 10, after: 14 }],
    [{ name: 'Fox', before: 99, after: 95 }],
    [],
    [
      { name: 'AAPL', before: 10, after: 8 },
      { name: 'AAPL', before: 8, after: 6 },
    ],
  ]) {
    assert.equal(await rulesBrokenIn(22, { stock }), ['journal.cancels'], JSON.stringify(stock));
  }
  assert.equal(await rulesBrokenIn(22, { number: 4 }), ['journal.cancels']);
});

test('a cancellation begins with the stock that is there, and leaves no less than nothing', async () => {
  const begins = await rulesBrokenIn(22, { stock: [{ name: 'AAPL', before: 9, after: 5 }] });
  assert.equal(begins, ['journal.stock', 'journal.totals']);
  const leaves = await rulesBrokenIn(22, { stock: [{ name: 'AAPL', before: 3, after: -1 }] });
  assert.equal(leaves, ['journal.stock', 'journal.totals']);
});

test('a checkout that is recorded twice is found', async () => {
  const { movements } = busyStore();
  const { checkout } = movements[11] as Extract<Movement, { kind: 'checkout' }>;
  assert.equal(await rulesBrokenIn(14, { checkout }), ['journal.checkouts']);
});

test('a checkout with two outcomes is found', async () => {
  const { order } = busyStore().movements[14] as Extract<Movement, { kind: 'rejection' }>;
  const rules = await rulesBrokenIn(18, { key: 'checkout c-2', order });
  assert.equal(rules, ['journal.keys', 'journal.checkouts']);
});

test('an outcome of no checkout, or from before it, is found', async () => {
  assert.equal(await rulesBrokenIn(8, { key: 'checkout c-9' }), ['journal.checkouts']);
  assert.equal(await rulesBrokenIn(8, { key: 'checkout c-3' }), ['journal.checkouts']);
});

test('an outcome that is not what the checkout asked for is found', async () => {
  const lines = [{ name: 'AAPL', quantity: 50 }];
  for (const order of [
    { lines: [{ name: 'AAPL', quantity: 51 }], many: true, customer: 'bob' },
    { lines: [...lines, ...lines], many: true, customer: 'bob' },
    { lines, many: true, customer: 'eve' },
    { lines, many: true },
    { lines, many: true, customer: 'bob', type: 'sell' },
  ]) {
    assert.equal(await rulesBrokenIn(15, { order }), ['journal.checkouts'], JSON.stringify(order));
  }
});

test('a checkout that keeps more of a card than four digits is found, and the card is not told', async () => {
  const checkout = { id: 'c-3', lines: [{ name: 'Fox', quantity: 3 }], customer: 'bob', card: '4242424242424242' };
  assert.equal(await rulesBrokenIn(14, { checkout }), ['journal.form']);
  assert.not.match(JSON.stringify(await auditFolder(folder)), /4242424242/);
});

test('a checkout of a product that nobody knows is found', async () => {
  const checkout = { id: 'c-3', lines: [{ name: 'Nobody', quantity: 3 }], customer: 'bob', card: '4242' };
  assert.equal(await rulesBrokenIn(14, { checkout }), ['journal.stock']);
});

test('a sink that falls back, or is ahead of everything, is found', async () => {
  assert.equal(await rulesBrokenIn(19, { delivered: 10 }), ['outbox.notes']);
  assert.equal(await rulesBrokenIn(19, { delivered: 19 }), ['outbox.notes']);
  assert.equal(await rulesBrokenIn(19, { delivered: 18 }), []);
});

test('a dead letter that is no movement of stock from before, or stands there twice, is found', async () => {
  const letter = (sequence: number) => ({ sequence, attempts: 3, error: 'answered 422' });
  for (const dead of [[letter(7)], [letter(15)], [letter(21)], [letter(8), letter(8)]]) {
    assert.equal(await rulesBrokenIn(20, { dead }), ['outbox.events'], JSON.stringify(dead));
  }
  const twice = { sequence: 5, asked: 17 };
  assert.equal(await rulesBrokenIn(17, { again: [twice, twice] }), ['outbox.events']);
  // The seed is what a sink begins with.
  assert.equal(await rulesBrokenIn(20, { delivered: 0, dead: [letter(1)] }), ['outbox.events']);
});

test('a dead letter that is forgotten, or that was settled before, is found', async () => {
  assert.equal(await rulesBrokenIn(17, { again: [] }), ['outbox.letters']);
  const dead = [{ sequence: 3, attempts: 3, error: 'answered 422' }];
  assert.equal(await rulesBrokenIn(19, { dead }), ['outbox.letters']);
});

test('a dead letter that was asked for again may fail again, or still be on its way', async () => {
  const dead = [{ sequence: 5, attempts: 6, error: 'answered 422' }];
  assert.equal(await rulesBrokenIn(19, { dead }), []);
  assert.equal(await rulesBrokenIn(19, { dead, again: [{ sequence: 5, asked: 17 }] }), []);
  assert.equal(await rulesBrokenIn(19, { dead, again: [{ sequence: 5, asked: 19 }] }), []);
});

test('what is to be sent again is a dead letter, and says when it was asked for', async () => {
  assert.equal(await rulesBrokenIn(19, { again: [{ sequence: 8, asked: 19 }] }), ['outbox.letters']);
  assert.equal(await rulesBrokenIn(17, { again: [{ sequence: 5, asked: 0 }] }), ['outbox.letters']);
  const dead = [{ sequence: 5, attempts: 3, error: 'answered 422' }];
  assert.equal(await rulesBrokenIn(19, { dead, again: [{ sequence: 5, asked: 10 }] }), ['outbox.letters']);
});

test('a note or a checkout without its fields is found', async () => {
  assert.ok((await rulesBrokenIn(20, { sink: '' })).includes('journal.form'));
  assert.ok((await rulesBrokenIn(20, { delivered: 3.5 })).includes('journal.form'));
  assert.ok((await rulesBrokenIn(20, { dead: undefined })).includes('journal.form'));
  assert.ok((await rulesBrokenIn(14, { checkout: undefined })).includes('journal.form'));
  const nothing = { id: 'c-3', lines: [], customer: 'bob', card: '4242' };
  assert.equal(await rulesBrokenIn(14, { checkout: nothing }), ['journal.form']);
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

test('whichever line of the journal is damaged, no other rule is blamed for it', async () => {
  const { length } = busyStore().movements;
  for (let line = 1; line <= length; line += 1) {
    writeStore(folder, busyStore());
    spoil(journalPath(), (bytes) => {
      const lines = bytes.toString().split('\n');
      return Buffer.from(lines.with(line - 1, (lines[line - 1] ?? '').replace('"time"', '"tine"')).join('\n'));
    });
    assert.equal(await brokenRules(), ['journal.lines'], `line ${line}`);
  }
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

test('a sequence from nowhere costs nothing but its problem', async () => {
  const rules = await rulesBrokenIn(22, { sequence: Number.MAX_SAFE_INTEGER });
  assert.ok(rules.includes('journal.sequence'));
  assert.is((await auditFolder(folder)).outbox[0]?.waiting, 2);
});

test('sequences are kept apart, however many there are', () => {
  const set = createSequenceSet();
  for (let sequence = 3; sequence <= 100_000; sequence += 3) set.add(sequence);
  for (const sequence of [3, 32_766, 32_769, 65_535, 99_999]) assert.ok(set.has(sequence), `${sequence}`);
  for (const sequence of [0, 4, 32_768, 65_536, 100_000, 1_000_002]) assert.not(set.has(sequence), `${sequence}`);
  for (const after of [0, 2, 3, 32_767, 65_535, 65_536, 99_998, 99_999, 200_000]) {
    assert.is(set.countAfter(after), Math.max(0, 33_333 - Math.floor(after / 3)), `${after}`);
  }
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
    cancelled: 0,
    checkouts: { queued: 0, placed: 0, refused: 0 },
    outbox: [],
  });
  writeFileSync(logPath(2), '');
  const spoilt = await run(folder);
  assert.is(spoilt.code, 1);
  assert.match(spoilt.out, /^FAIL cluster\.members/m);
  assert.match(spoilt.out.trim().split('\n').at(-1) ?? '', /^NOT CONSISTENT: 3 orders/);
});

test('people are told how far checkouts and the outbox have got, where there are any', async () => {
  writeStore(folder, busyStore());
  const busy = (await run(folder)).out.split('\n');
  for (const line of [
    'cancelled: 2 of 6 orders',
    'checkouts: waiting 1, placed 1, refused 1',
    'outbox shopify: settled up to 16, waiting 2, dead letters 0',
    'outbox webhook-1234abcd: settled up to 3, waiting 7, dead letters 1',
  ]) {
    assert.ok(busy.includes(line), line);
  }
  writeStore(folder, soundStore());
  assert.not.match((await run(folder)).out, /^(cancelled|checkouts|outbox )/m);
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
