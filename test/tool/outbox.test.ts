import { execFile } from 'node:child_process';
import { createServer } from 'node:http';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { projectFolder, tool } from '../../bin/lib/project.ts';
import { listen } from '../fakes/faults.ts';

const front = { url: '', asked: [] as string[], close: async () => {} };
let answers: Map<string, { status: number; body: string }>;

test.before.each(async () => {
  answers = new Map();
  front.asked = [];
  const server = createServer((request, response) => {
    const what = `${request.method} ${request.url}`;
    front.asked.push(what);
    const { status, body } = answers.get(what) ?? { status: 500, body: 'not what was expected' };
    response.writeHead(status, { 'content-type': 'application/json' }).end(body);
  });
  Object.assign(front, await listen(server));
});
test.after.each(() => front.close());

const answer = (what: string, data: unknown): void => {
  answers.set(what, { status: 200, body: JSON.stringify({ data }) });
};
const refuse = (what: string, status: number, reason: string, message: string): void => {
  answers.set(what, { status, body: JSON.stringify({ error: { code: status, message, reason } }) });
};

const run = (...words: string[]): Promise<{ code: number; out: string; err: string }> =>
  new Promise((done) => {
    const command = [`${projectFolder}/bin/outbox.ts`, ...words];
    execFile(tool('node'), command, { timeout: 60_000 }, (error, out, err) => {
      done({ code: error === null ? 0 : Number(error.code), out, err });
    });
  });

const sinks = [
  {
    sink: 'shopify',
    delivered: 41,
    lag: 7,
    dead: [
      { sequence: 12, attempts: 60, error: 'INVALID_QUANTITY_TOO_HIGH: Too many' },
      { sequence: 20, attempts: 60, error: 'shopify answered 400' },
    ],
    again: [20],
    trying: [{ sequence: 42, attempts: 3, error: 'shopify answered 503' }],
    pausedMs: 3210,
  },
  { sink: 'webhook-0123abcd', delivered: 48, lag: 0, dead: [], again: [], trying: [], pausedMs: 0 },
];

test('list shows how far each sink is, its dead letters, and what is being tried', async () => {
  answer('GET /outbox', { sinks });
  const { code, out } = await run('list', '--url', front.url);
  assert.is(code, 0);
  assert.match(out, /shopify\s+│\s+41 │\s+7 │\s+2 │\s+1 │ 3\.2 s/);
  assert.match(out, /webhook-0123abcd\s+│\s+48 │\s+0 │\s+0 │\s+0 │ no/);
  assert.match(out, /shopify │\s+42 │\s+3 │ shopify answered 503/);
  assert.match(out, /shopify │\s+12 │\s+60 │ INVALID_QUANTITY_TOO_HIGH: Too many/);
  assert.not.match(out, /shopify answered 400/, 'that one is being sent again');
  assert.match(out, /bin\/outbox replay SEQ/);
});

test('list without sinks says what would make some', async () => {
  answer('GET /outbox', { sinks: [] });
  const { code, out } = await run('list', '--url', `${front.url}/`);
  assert.is(code, 0);
  assert.match(out, /neither SHOPIFY_URL nor WEBHOOK_URLS/);
});

test('show shows the event, and how it stands with each sink', async () => {
  const event = { specversion: '1.0', id: 'store/12', data: { sequence: 12 } };
  const states = [
    { sink: 'shopify', state: 'dead', attempts: 60, error: 'too many' },
    { sink: 'webhook-0123abcd', state: 'delivered', attempts: 0, error: null },
  ];
  answer('GET /outbox/12', { event, sinks: states });
  const { code, out } = await run('show', '12', '--url', front.url);
  assert.is(code, 0);
  assert.match(out, /"id": "store\/12"/);
  assert.match(out, /shopify\s+│ dead\s+│\s+60 │ too many/);
  assert.match(out, /webhook-0123abcd │ delivered │\s+0 │/);
});

test('replay sends a dead letter again, to all or to one', async () => {
  answer('POST /outbox/12/replay', { sinks: ['shopify', 'webhook-0123abcd'] });
  answer('POST /outbox/12/replay?sink=shopify', { sinks: ['shopify'] });
  const all = await run('replay', '12', '--url', front.url);
  assert.equal([all.code, all.out], [0, '12 is sent again to shopify, webhook-0123abcd\n']);
  const one = await run('replay', '12', '--sink', 'shopify', '--url', front.url);
  assert.equal([one.code, one.out], [0, '12 is sent again to shopify\n']);
  assert.equal(front.asked, ['POST /outbox/12/replay', 'POST /outbox/12/replay?sink=shopify']);
});

test('--json prints what the front answers', async () => {
  answer('GET /outbox', { sinks });
  answer('POST /outbox/12/replay', { sinks: ['shopify'] });
  const list = await run('list', '--json', '--url', front.url);
  assert.equal(JSON.parse(list.out), { sinks });
  const replay = await run('replay', '12', '--json', '--url', front.url);
  assert.equal(JSON.parse(replay.out), { sinks: ['shopify'] });
});

test('what the front refuses is said in its words', async () => {
  refuse('GET /outbox/9', 404, 'unknown_event', 'Cannot find an event "9"');
  refuse('POST /outbox/9/replay', 409, 'not_a_dead_letter', 'Cannot send 9 again: it is no dead letter of any sink');
  refuse('GET /outbox', 503, 'no_in_sync_replica', 'Cannot answer now');
  const show = await run('show', '9', '--url', front.url);
  assert.equal([show.code, show.err], [1, 'Cannot find an event "9"\n']);
  const replay = await run('replay', '9', '--url', front.url);
  assert.equal([replay.code, replay.err], [1, 'Cannot send 9 again: it is no dead letter of any sink\n']);
  const list = await run('list', '--url', front.url);
  assert.equal([list.code, list.err], [1, 'Cannot answer now\n']);
});

test('a front that is not there, or something else in its place, is said so', async () => {
  const other = await run('list', '--url', front.url);
  assert.is(other.code, 1);
  assert.match(other.err, /Cannot use the answer of the front at .*: status 500/);
  await front.close();
  const nobody = await run('list', '--url', front.url);
  assert.is(nobody.code, 1);
  assert.match(nobody.err, /Cannot ask the front at http:\/\/127\.0\.0\.1:\d+: ECONNREFUSED/);
});

for (const [words, message] of [
  [[], /list, show or replay/],
  [['forget'], /Cannot "forget"/],
  [['list', '7'], /Cannot use "7"/],
  [['show'], /without the sequence/],
  [['show', 'x'], /"x" is not a whole number/],
  [['replay', '0'], /"0" is not a whole number/],
  [['list', '--sink', 'shopify'], /only for replay/],
  [['list', '--url', 'nowhere'], /not an http or https address/],
  [['list', '--what'], /Cannot read the options/],
] as const) {
  test(`"bin/outbox ${words.join(' ')}" is a wrong call`, async () => {
    const { code, err } = await run(...words);
    assert.is(code, 2);
    assert.match(err, message);
    assert.match(err, /Try: bin\/outbox --help/);
  });
}

test('--help says what there is', async () => {
  const { code, out } = await run('--help');
  assert.is(code, 0);
  for (const word of ['list', 'show', 'replay', '--sink', '--json']) assert.ok(out.includes(word), word);
});

test.run();
