import { execFile } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cancelKey, checkoutKey, orderIdKey } from '@till/shared/keys';
import type { Movement } from '@till/shared/movement';
import { ORDER_STEP } from '@till/shared/order-log';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { projectFolder, tool } from '../../bin/lib/project.ts';
import type { Segment } from '../../bin/lib/segment-files.ts';
import { eachLine } from '../../bin/lib/trace-files.ts';
import { cutIntoSegments, filesOf, spoil, writeStore } from './sample-store.ts';

let folder = '';
test.before.each(() => {
  folder = mkdtempSync(join(tmpdir(), 'till-trace-'));
});
test.after.each(() => rmSync(folder, { recursive: true, force: true }));

const START = Date.parse('2026-01-31T12:00:00.000Z');
const ORDER_ID = '820982911946154508';
const base = (sequence: number) => ({ sequence, term: 1, time: START + sequence * 1000 });
const lines = [{ name: 'Fox', quantity: 2 }];
const stock = (before: number, after: number) => [{ name: 'Fox', before, after }];

/**
 * One of everything: a plain order 0, which has the key of another one's number; a webhook's order 1 with an idempotency key,
 * and its cancellation; a checkout and its order 2; a refusal; notes of two sinks.
 */
const MOVEMENTS: Movement[] = [
  { ...base(1), kind: 'seed', products: [{ name: 'Fox', kind: 'toy', price: 9, quantity: 50, restock: true }] },
  { ...base(2), kind: 'fence' },
  { ...base(3), kind: 'order', number: 0, key: '2', fingerprint: 'f', order: { lines }, stock: stock(50, 48) },
  {
    ...base(4),
    kind: 'order',
    number: 1,
    key: orderIdKey(ORDER_ID),
    alsoKey: 'k-1',
    fingerprint: 'f',
    order: { lines, many: true, orderId: ORDER_ID, customer: 'Ada of 7 Elm Street' },
    stock: stock(48, 46),
  },
  {
    ...base(5),
    kind: 'checkout',
    key: 'k-2',
    fingerprint: 'f',
    checkout: { id: 'c-1', lines, customer: 'ada@example.test', card: '4242' },
  },
  {
    ...base(6),
    kind: 'note',
    sink: 'shopify',
    delivered: 3,
    dead: [],
    again: [],
  },
  {
    ...base(7),
    kind: 'order',
    number: 2,
    key: checkoutKey('c-1'),
    fingerprint: 'f',
    order: { lines, many: true, customer: 'ada@example.test' },
    stock: stock(46, 44),
  },
  {
    ...base(8),
    kind: 'cancel',
    key: cancelKey(ORDER_ID),
    of: orderIdKey(ORDER_ID),
    number: 1,
    stock: stock(44, 46),
  },
  {
    ...base(9),
    kind: 'rejection',
    key: 'k-3',
    fingerprint: 'f',
    order: { lines },
    reason: 'out_of_stock',
    message: 'Cannot buy 2 of "Fox": 0 left',
  },
  {
    ...base(10),
    kind: 'note',
    sink: 'shopify',
    delivered: 8,
    dead: [{ sequence: 4, attempts: 60, error: 'status 400' }],
    again: [],
  },
  {
    ...base(11),
    kind: 'note',
    sink: 'shopify',
    delivered: 8,
    dead: [{ sequence: 4, attempts: 60, error: 'status 400' }],
    again: [{ sequence: 4, asked: 11 }],
  },
  { ...base(12), kind: 'note', sink: 'webhook-1', delivered: 3, dead: [], again: [] },
  { ...base(13), kind: 'note', sink: 'shopify', delivered: 8, dead: [], again: [] },
];

const writeRecords = (): void => {
  const log = [{ term: 1, sequence: 0 }, ...MOVEMENTS.map((movement) => ({ term: 1, movement }))];
  writeStore(folder, { movements: MOVEMENTS, logs: [log, log], records: [] });
};

/** Lines as a service writes them and PM2 keeps them; `stamp` false is what a service alone writes. */
const writeWords = (file: string, words: object[], { stamp = true } = {}): void => {
  const service = file.split(/__|\./)[0];
  mkdirSync(join(folder, 'logs'), { recursive: true });
  const text = words.map((fields, at) => {
    const time = new Date(START + at).toISOString();
    const line = JSON.stringify({ level: 'info', time, service, pid: 7, msg: ORDER_STEP, ...fields });
    return `${stamp ? '2026-01-31T12:00:00: ' : ''}${line}\n`;
  });
  writeFileSync(join(folder, 'logs', file), text.join(''), { flag: 'a' });
};

type Trace = {
  order: string;
  found: { kind: string; key: string; sequence: number; number?: number; alsoKey?: string }[];
  steps: ({ time: string; service: string; step: string } & Record<string, unknown>)[];
  searched: string[];
  hints: string[];
};

const run = (...words: string[]): Promise<{ code: number; out: string; err: string }> =>
  new Promise((done) => {
    const command = [join(projectFolder, 'bin/trace.ts'), ...words];
    execFile(tool('node'), command, { timeout: 60_000, maxBuffer: 64 * 1024 * 1024 }, (error, out, err) => {
      done({ code: error === null ? 0 : Number(error.code), out, err });
    });
  });

const trace = async (order: string): Promise<Trace & { code: number; names: string[] }> => {
  const { code, out, err } = await run(order, '--data', folder, '--json');
  assert.is(err, '');
  const told = JSON.parse(out) as Trace;
  return { ...told, code, names: told.steps.map(({ service, step }) => `${service} ${step}`) };
};

for (const name of ['1', ORDER_ID, 'k-1', orderIdKey(ORDER_ID)]) {
  test(`an order is found by ${JSON.stringify(name)}, with its cancellation and its delivery`, async () => {
    writeRecords();
    const { code, found, steps, names } = await trace(name);
    assert.is(code, 0);
    assert.equal(found, [
      { kind: 'order', key: orderIdKey(ORDER_ID), sequence: 4, number: 1, alsoKey: 'k-1' },
      { kind: 'cancel', key: cancelKey(ORDER_ID), sequence: 8, number: 1 },
    ]);
    assert.equal(names, [
      'catalog journal order',
      'order-1 log entry',
      'order-2 log entry',
      'catalog journal cancel',
      'order-1 log entry',
      'order-2 log entry',
      'catalog journal note',
      'catalog journal note',
      'catalog journal note',
      'catalog journal note',
    ]);
    assert.equal(steps[0], {
      time: '2026-01-31T12:00:04.000Z',
      service: 'catalog',
      step: 'journal order',
      number: 1,
      sequence: 4,
      term: 1,
      key: orderIdKey(ORDER_ID),
      alsoKey: 'k-1',
      lines: '2 Fox',
      stock: 'Fox 48 -> 46',
    });
    assert.equal([steps[1]?.index, steps[1]?.term, steps[1]?.sequence], [5, 1, 4]);
    assert.equal(
      steps.slice(6).map(({ event, sink, state, error, sequence }) => [sequence, sink, event, state, error]),
      [
        [10, 'shopify', 4, 'dead letter', 'status 400'],
        [10, 'shopify', 8, 'delivered', undefined],
        [11, 'shopify', 4, 'sent again', undefined],
        [13, 'shopify', 4, 'delivered', undefined],
      ],
    );
  });
}

for (const name of ['k-2', 'c-1']) {
  test(`a checkout is found by ${JSON.stringify(name)}, with the order that came of it`, async () => {
    writeRecords();
    const { found } = await trace(name);
    assert.equal(
      found.map(({ kind, sequence }) => [kind, sequence]),
      [
        ['checkout', 5],
        ['order', 7],
      ],
    );
  });
}

test('what is the number of one order and the key of another shows both, and what led to them', async () => {
  writeRecords();
  const { found } = await trace('2');
  assert.equal(
    found.map(({ kind, number, key }) => [kind, number, key]),
    [
      ['order', 0, '2'],
      ['checkout', undefined, 'k-2'],
      ['order', 2, checkoutKey('c-1')],
    ],
  );
});

test('a refusal is found under its key', async () => {
  writeRecords();
  const { steps } = await trace('k-3');
  assert.is(steps[0]?.step, 'journal rejection');
  assert.is(steps[0]?.message, 'Cannot buy 2 of "Fox": 0 left');
});

test('the steps that the services logged stand among the records, by time', async () => {
  writeRecords();
  const time = (ms: number) => ({ time: new Date(START + ms).toISOString() });
  writeWords('front__2026-01-31_00-00-00.log', [{ ...time(2900), step: 'received', kind: 'order', key: '2' }]);
  writeWords('front.log', [
    { ...time(2950), step: 'received', kind: 'order', key: '22' },
    { ...time(3020), step: 'answered', kind: 'order', key: '2', status: 'accepted', sequence: 3, number: 0 },
  ]);
  writeWords('catalog.log', [
    { ...time(0), msg: 'Serving', sequence: 3, number: 0 },
    { ...time(3005), step: 'decided', key: '2', status: 'accepted', sequence: 3, number: 0, term: 1 },
  ]);
  writeWords('order-2.log', [
    { ...time(3000), step: 'proposed', kind: 'order', key: '2', term: 1 },
    { ...time(3010), step: 'stored', kind: 'order', key: '2', number: 0, sequence: 3, index: 4, term: 1 },
    { ...time(3010), step: 'committed', kind: 'order', key: '2', number: 0, sequence: 3, index: 4, term: 1 },
    { ...time(3500), step: 'delivered', sequence: 3, sink: 'shopify', attempts: 1 },
    { ...time(3600), level: 'warn', msg: 'something else', key: '2' },
  ]);
  // Order 2 is meant too, by its number; its own lines are left to another test.
  const { steps, hints } = await trace('2');
  const first = steps.filter((step) => step.time < new Date(START + 5000).toISOString());
  assert.equal(
    first.map(({ time, service, step }) => `${time.slice(17, 23)} ${service} ${step}`),
    [
      '02.900 front received',
      '03.000 order-2 proposed',
      '03.000 catalog journal order',
      '03.000 order-1 log entry',
      '03.005 catalog decided',
      '03.010 order-2 log entry',
      '03.010 order-2 stored',
      '03.010 order-2 committed',
      '03.020 front answered',
      '03.500 order-2 delivered',
      '03.600 order-2 warn',
    ],
  );
  assert.is(first.at(-1)?.msg, 'something else');
  assert.equal(hints, []);
});

test('lines without a stamp, broken ones and other programs words do no harm', async () => {
  writeWords('order-1.log', [{ step: 'received', kind: 'order', key: 'k-9' }], { stamp: false });
  writeFileSync(join(folder, 'logs/order-1.log'), 'PM2 says {"k-9"\n"k-9" {}\n{"key":"k-9"}\n{"key":"k-9', {
    flag: 'a',
  });
  const { names, found, hints, code } = await trace('k-9');
  assert.is(code, 0);
  assert.equal(names, ['order-1 received']);
  assert.equal(found, []);
  assert.match(hints.join(), /nothing was recorded/);
});

test('an order with more lines than anybody reads shows the first of them, and how many more there are', async () => {
  const word = { step: 'failed', sequence: 3, sink: 'shopify', attempts: 1, key: 'k-9' };
  writeWords(
    'order-1.log',
    Array.from({ length: 10_007 }, () => word),
  );
  const { steps, hints } = await trace('k-9');
  assert.is(steps.length, 10_000);
  assert.match(hints.join(), /^7 more lines/);
});

test('without lines of the services a hint says how to get them', async () => {
  writeRecords();
  assert.match((await trace('0')).hints.join(), /LOG_ORDERS=1/);
  const { out } = await run('0', '--data', folder);
  assert.match(out, /LOG_ORDERS=1/);
});

test('without a journal the logs tell', async () => {
  writeRecords();
  rmSync(join(folder, 'catalog'), { recursive: true });
  const { found, names } = await trace('1');
  assert.equal(
    found.map(({ kind }) => kind),
    ['order', 'cancel'],
  );
  assert.is(names.filter((name) => name.endsWith('log entry')).length, 4);
  assert.is(names.filter((name) => name.endsWith('note')).length, 4);
});

test('a damaged line that may be about it is told, and does not hide the rest', async () => {
  writeRecords();
  spoil(join(folder, 'order-2/log.jsonl'), (bytes) =>
    Buffer.from(bytes.toString().replace('"number":2,', '"number":2;')),
  );
  spoil(join(folder, 'order-1/log.jsonl'), (bytes) =>
    Buffer.from(bytes.toString().replace('46,"after":44', '46,"after":43')),
  );
  const { found, hints } = await trace('c-1');
  assert.is(found.length, 2);
  assert.match(hints.join('\n'), /order-1\/log\.jsonl, line 8 is damaged/);
  assert.match(hints.join('\n'), /order-2\/log\.jsonl, line 8 is damaged/);
});

test('in a journal and logs of many files everything is found as in one, and told with its place in the whole', async () => {
  writeRecords();
  const whole = await trace('1');
  await cutIntoSegments(folder, 400);
  const segments = filesOf(join(folder, 'order-2'), 'jsonl');
  assert.ok(segments.length > 4, segments.join());
  const cut = await trace('1');
  assert.equal([cut.found, cut.steps, cut.searched], [whole.found, whole.steps, whole.searched]);
  const name = segments.find((one) => readFileSync(join(folder, 'order-2', one), 'utf8').includes('"index":8,')) ?? '';
  assert.match(name, /^log\.\d{12}\.jsonl$/);
  spoil(join(folder, 'order-2', name), (bytes) =>
    Buffer.from(bytes.toString().replace('46,"after":44', '46,"after":43')),
  );
  const { found, hints } = await trace('c-1');
  assert.is(found.length, 2);
  assert.ok(hints.join('\n').includes(`order-2/${name}, line 8 is damaged`), hints.join('\n'));
});

test('what the text shows: who it is, then a line for each step', async () => {
  writeRecords();
  const { code, out } = await run('k-1', '--data', folder);
  assert.is(code, 0);
  const [first, second, third, fourth] = out.split('\n');
  assert.is(first, `order 1: sequence 4, key "order ${ORDER_ID}", also "k-1"`);
  assert.is(second, `cancel of order 1: sequence 8, key "cancel ${ORDER_ID}"`);
  assert.is(
    third,
    `2026-01-31T12:00:04.000Z  catalog  journal order   number=1 sequence=4 term=1 key="order ${ORDER_ID}" alsoKey=k-1 lines="2 Fox" stock="Fox 48 -> 46"`,
  );
  assert.is(fourth, '2026-01-31T12:00:04.000Z  order-1  log entry       index=5 term=1 kind=order sequence=4');
});

test('no customer and no card is shown', async () => {
  writeRecords();
  for (const order of ['1', '2']) {
    const { out } = await run(order, '--data', folder);
    assert.not.match(out, /ada|Elm|4242/i);
  }
});

test('an order that nobody knows: exit code 1, and what was searched', async () => {
  writeRecords();
  writeWords('front.log', [{ step: 'received', kind: 'order', key: '2' }]);
  const { code, out, err } = await run('nobody', '--data', folder);
  assert.is(code, 1);
  assert.is(out, '');
  for (const text of ['"nobody"', folder, 'catalog/journal.jsonl (13 movements)', 'order-2/log.jsonl (14 entries)']) {
    assert.ok(err.includes(text), `${text} in ${err}`);
  }
  assert.ok(err.includes('logs/front.log (1 lines)'), err);
  const told = await trace('nobody');
  assert.is(told.code, 1);
  assert.equal(told.steps, []);
  assert.is(told.searched.length, 4);
});

test('wrong calls: exit code 2, and what is wrong', async () => {
  for (const [words, told] of [
    [[], /Cannot trace without an order/],
    [['1', '2'], /Cannot use "2"/],
    [['1', '--data', join(folder, 'absent')], /Cannot read the folder/],
    [['1', '--data', folder], /there is no journal/],
  ] as const) {
    const { code, err } = await run(...words);
    assert.is(code, 2, words.join(' '));
    assert.match(err, told);
    assert.match(err, /Try: bin\/trace --help/);
  }
  const { code, out } = await run('--help');
  assert.is(code, 0);
  assert.match(out, /^bin\/trace ORDER/);
});

test('lines are read whole wherever the reads end, up to a bound, and as far as the file went', () => {
  const path = join(folder, 'lines');
  const long = 'ü'.repeat(700_000);
  const tooLong = 'x'.repeat(17 * 1024 * 1024);
  const text = ['one', long, tooLong, 'four', 'unfinished'].join('\n');
  writeFileSync(path, text);
  const fd = openSync(path, 'r');
  const part = (bytes: number): Segment => ({ name: 'lines', fd, bytes, first: null });
  const read: [number, string][] = [];
  const bytes = Buffer.byteLength(text);
  const count = eachLine([part(bytes)], (line, { number }) => read.push([number, line]));
  assert.is(count, 4);
  assert.equal(
    read.map(([number, line]) => [number, line.length]),
    [
      [1, 3],
      [2, 700_000],
      [4, 4],
    ],
  );
  assert.ok(read[1]?.[1] === long);
  assert.is(
    eachLine([part(3)], () => assert.unreachable()),
    0,
    'not beyond the size of the start',
  );
  assert.is(
    eachLine([part(0)], () => assert.unreachable()),
    0,
  );
  closeSync(fd);
});

test('nothing is changed or made', async () => {
  writeRecords();
  await run('1', '--data', folder);
  assert.not.ok(existsSync(join(folder, 'logs')));
});

test.run();
