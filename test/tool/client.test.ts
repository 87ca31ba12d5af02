import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { ClientReport } from '../../bin/lib/client-report.ts';
import { percentile } from '../../bin/lib/client-statistics.ts';
import { compareOrder, findRepeatedNumbers } from '../../bin/lib/client-verification.ts';
import { projectFolder, tool } from '../../bin/lib/project.ts';
import type { FakeFront } from './fake-front.ts';
import { startFakeFront } from './fake-front.ts';

let folder = '';
const fronts: FakeFront[] = [];
test.before.each(() => {
  folder = mkdtempSync(join(tmpdir(), 'till-client-'));
});
test.after.each(async () => {
  for (const front of fronts.splice(0)) await front.close();
  rmSync(folder, { recursive: true, force: true });
});

const startFront = async (options: Parameters<typeof startFakeFront>[0] = {}): Promise<FakeFront> => {
  const front = await startFakeFront(options);
  fronts.push(front);
  return front;
};

const run = (...words: string[]): Promise<{ code: number; out: string; err: string }> =>
  new Promise((done) => {
    execFile(tool('node'), [join(projectFolder, 'bin/client.ts'), ...words], { timeout: 60_000 }, (error, out, err) => {
      done({ code: error === null ? 0 : Number(error.code), out, err });
    });
  });

/** Runs two clients against a front, and reads the report. */
const runAgainst = async (front: FakeFront, ...words: string[]) => {
  const file = join(folder, 'report.json');
  const size = words.includes('--clients') ? [] : ['--clients', '2', '--requests', '20'];
  const result = await run('--url', front.url, '--json', file, '--seed', '7', ...size, ...words);
  const report = JSON.parse(readFileSync(file, 'utf8')) as ClientReport;
  const [first] = report.runs;
  assert.ok(first, result.err);
  return { ...result, report, first };
};

test('every order is fetched and compared, over one connection for each client', async () => {
  const front = await startFront({ endless: true });
  const { code, out, first, report } = await runAgainst(
    front,
    '--clients',
    '3',
    '--requests',
    '20',
    '--probability',
    '1',
  );
  assert.is(code, 0);
  assert.is(report.flawless, true);
  assert.is(front.orders.length, 60);
  assert.equal(first.orders, { acknowledged: 60, verified: 60, outOfStock: 0 });
  assert.match(out, /verified 60 of 60 orders/);
  for (const { number } of front.orders) {
    assert.is(front.requests.filter(({ what }) => what === `GET /orders/${number}`).length, 1);
  }
  assert.is(first.kinds.lookup.count, 60);
  assert.is(first.kinds.order.count, 60);
  assert.is(first.kinds.check.count, 60);
  assert.ok(first.kinds.order.p50Ms > 0 && first.kinds.order.p50Ms <= first.kinds.order.maxMs);
  // The list of products, the two looks at the cluster (one connection of theirs may be used again), and the clients.
  assert.ok(front.connections <= 3 + 3, `${front.connections} connections`);
  assert.is(first.cache?.misses, 0);
  assert.ok((first.cache?.hits ?? 0) > 0);
});

test('one seed asks for the same things again, under other keys', async () => {
  const placed = async () => {
    const front = await startFront();
    await runAgainst(front, '--clients', '1', '--requests', '30');
    return front.requests.filter(({ what }) => what.startsWith('POST') || what.startsWith('GET /products/'));
  };
  const [once, again] = [await placed(), await placed()];
  const asked = (requests: typeof once) => requests.map(({ what, body }) => ({ what, body }));
  assert.equal(asked(again), asked(once));
  const keys = [...once, ...again].flatMap(({ key }) => key ?? []);
  assert.is(new Set(keys).size, keys.length);
});

test('nothing is ordered with probability 0, nor of what is sold out', async () => {
  const never = await startFront();
  await runAgainst(never, '--probability', '0');
  const soldOut = await startFront({ stock: 0 });
  await runAgainst(soldOut, '--probability', '1');
  for (const front of [never, soldOut]) {
    assert.is(front.requests.filter(({ what }) => what === 'POST /orders').length, 0);
  }
});

test('a refusal for lack of stock is a normal end, any other is not', async () => {
  const refusing = (reason: string) =>
    startFront({ fault: (what) => (what === 'POST /orders' ? { status: 400, reason } : null) });
  const size = ['--clients', '1', '--requests', '3', '--probability', '1'];
  const short = await runAgainst(await refusing('out_of_stock'), ...size);
  assert.is(short.code, 0);
  assert.equal(short.first.orders, { acknowledged: 0, verified: 0, outOfStock: 3 });
  assert.is(short.first.kinds.order.errors, 0);
  const wrong = await runAgainst(await refusing('bad_quantity'), ...size);
  assert.is(wrong.code, 1);
  assert.is(wrong.first.kinds.order.errors, 3);
});

test('a quantity is from 1 to what is left', async () => {
  const front = await startFront({ stock: 5 });
  const { code } = await runAgainst(front, '--clients', '1', '--requests', '60', '--probability', '1');
  assert.is(code, 0);
  assert.is(
    front.orders.reduce((sum, { quantity }) => sum + quantity, 0),
    15,
  );
  for (const { quantity } of front.orders) assert.ok(quantity >= 1 && quantity <= 5);
});

test('503, 429, 409 and broken connections are retried with the same key, and no order is made twice', async () => {
  const front = await startFront({
    endless: true,
    fault: (what, count) => {
      if (what !== 'POST /orders') return null;
      const turn = count % 8;
      if (turn === 1) return { status: 503 };
      if (turn === 2) return 'drop';
      if (turn === 4) return { status: 429 };
      return turn === 6 ? { status: 409 } : null;
    },
  });
  const { code, first } = await runAgainst(front, '--probability', '1');
  assert.is(code, 0);
  assert.is(first.orders.verified, 40);
  assert.is(front.orders.length, 40);
  assert.is(first.kinds.order.errors, 0);
  const posts = front.requests.filter(({ what }) => what === 'POST /orders');
  assert.is(first.kinds.order.retries, posts.length - 40);
  assert.ok(first.kinds.order.retries >= 20);
  assert.is(new Set(posts.map(({ key }) => key)).size, 40);
  for (const { key, body } of posts) {
    const first = posts.find((post) => post.key === key);
    assert.equal(body, first?.body);
  }
});

test('Retry-After is honoured, up to a second', async () => {
  const front = await startFront({
    fault: (what, count) => (what === 'POST /orders' && count === 1 ? { status: 503, retryAfter: 60 } : null),
  });
  const { first } = await runAgainst(front, '--clients', '1', '--requests', '1', '--probability', '1');
  assert.ok(first.kinds.order.maxMs >= 990, `${first.kinds.order.maxMs} ms`);
  assert.is(first.orders.verified, 1);
});

test('what never gets an answer is told, and the run fails', async () => {
  const front = await startFront({
    endless: true,
    fault: (what) => (what === 'POST /orders' ? { status: 503 } : null),
  });
  const { code, out, first } = await runAgainst(
    front,
    ...['--clients', '1', '--requests', '3', '--probability', '1', '--retry-for', '60'],
  );
  assert.is(code, 1);
  assert.is(first.kinds.order.errors, 3);
  assert.is(first.orders.acknowledged, 0);
  assert.match(out, /client 1: POST \/orders: status 503, trouble: trouble, \d tries in/);
  assert.match(out, /verified 0 of 0 orders/);
});

test('an answer that nobody promised is an error and is not retried', async () => {
  const front = await startFront({ fault: (what) => (what === 'POST /orders' ? { status: 500 } : null) });
  const { code, first } = await runAgainst(front, '--clients', '1', '--requests', '3', '--probability', '1');
  assert.is(code, 1);
  assert.is(first.kinds.order.errors, 3);
  assert.is(first.kinds.order.retries, 0);
});

test('an order that is told otherwise, or not at all, fails the run', async () => {
  for (const [tell, told] of [
    [(order: object) => ({ ...order, quantity: 0 }), /order 0 differs: quantity is 0, acknowledged was \d+/],
    [(order: object) => ({ ...order, type: 'buy' }), /order 0 differs: type is "buy", acknowledged was undefined/],
    [() => null, /order 0 is missing: \d+ of "[A-Za-z ]+" were acknowledged/],
  ] as const) {
    const front = await startFront({ endless: true, tell });
    const { code, out, first } = await runAgainst(front, '--clients', '1', '--requests', '2', '--probability', '1');
    assert.is(code, 1);
    assert.is(first.orders.verified, 0);
    assert.match(out, told);
    assert.match(out, /verified 0 of 2 orders/);
  }
});

test('a number that is given twice fails the run', async () => {
  const front = await startFront({ endless: true, number: () => 0 });
  const { code, out } = await runAgainst(front, '--clients', '1', '--requests', '2', '--probability', '1');
  assert.is(code, 1);
  assert.match(out, /order 0 was acknowledged more than once/);
});

test('a sweep makes one run for each probability, and a report folder', async () => {
  const front = await startFront({ endless: true });
  const { report, out } = await runAgainst(front, '--sweep', '0,0.5,1', '--report', join(folder, 'made/here'));
  assert.equal(
    report.runs.map(({ probability }) => probability),
    [0, 0.5, 1],
  );
  const [none, half, all] = report.runs.map(({ orders }) => orders.acknowledged);
  assert.is(none, 0);
  assert.is(all, 40);
  assert.ok(half !== undefined && half > 0 && half < 40);
  assert.equal(JSON.parse(readFileSync(join(folder, 'made/here/report.json'), 'utf8')), report);
  assert.match(readFileSync(join(folder, 'made/here/report.md'), 'utf8'), /^\| place an order \| 40 \| 0 \|/m);
  assert.match(out, /wrote .*report\.md/);
});

test('without a front the client says where it looked', async () => {
  const front = await startFront();
  await front.close();
  const { code, err } = await run('--url', front.url, '--retry-for', '100');
  assert.is(code, 1);
  assert.match(err, /Cannot reach the front at http:\/\/127\.0\.0\.1:\d+: GET \/products: ECONNREFUSED/);
  assert.match(err, /npm start/);
});

test('wrong options are named', async () => {
  for (const [words, told] of [
    [['--clients', '0'], '--clients: "0" is not a whole number from 1 to 1000'],
    [['--probability', '1.5'], '--probability: "1.5" is not a number from 0 to 1'],
    [['--sweep', '0.1,x'], '--sweep: "x" is not a number from 0 to 1'],
    [['--sweep', '1', '--probability', '1'], 'give one of them'],
    [['--url', 'ftp://x'], '--url: "ftp://x"'],
    [['--colour'], '--colour'],
    [['five'], '"five"'],
  ] as const) {
    const { code, err } = await run(...words);
    assert.is(code, 2, words.join(' '));
    assert.ok(err.includes(told), err);
    assert.match(err, /Try: bin\/client --help/);
  }
});

test('orders are compared field by field', () => {
  const order = { number: 4, name: 'Fox', quantity: 2 };
  assert.equal(compareOrder(order, 200, { data: { quantity: 2, name: 'Fox', number: 4 } }), []);
  assert.is(compareOrder(order, 200, { data: { number: 5, name: 'fox', quantity: '2' } }).length, 3);
  assert.is(compareOrder(order, 200, { data: { number: 4, name: 'Fox' } }).length, 1);
  assert.is(compareOrder(order, 200, null).length, 1);
  assert.equal(findRepeatedNumbers([order, { ...order, number: 5 }]), []);
  assert.is(findRepeatedNumbers([order, order, order]).length, 1);
});

test('percentiles are values that were measured', () => {
  const values = Array.from({ length: 200 }, (_, at) => at + 1);
  assert.is(percentile(values, 50), 100);
  assert.is(percentile(values, 99), 198);
  assert.is(percentile(values, 100), 200);
  assert.is(percentile([7], 50), 7);
  assert.is(percentile([], 99), 0);
});

test.run();
