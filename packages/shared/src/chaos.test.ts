import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { faultyFiles } from '../test/faulty-files.ts';
import { endScripts, startScript } from '../test/script.ts';
import { removeTemporaryFolders, temporaryFolder } from '../test/temporary-folder.ts';
import { createChaos } from './chaos.ts';
import { monotonicMs, sleep } from './clock.ts';
import { readConfig } from './config.ts';
import { openJournal } from './journal.ts';
import { diskFiles } from './journal-files.ts';
import { seal } from './sealed.ts';
import { type Fetch, json, type Listening, serve } from './serve.ts';

const started: Listening[] = [];
test.after.each(async () => {
  for (const listening of started.splice(0)) await listening.close();
  await endScripts();
  await removeTemporaryFolders();
});

/** Chaos whose crashes are only written down, in `told` or a list of the caller's. */
const create = (settings: Record<string, string>, service = 'order-1', told: string[] = []) => {
  const chaos = createChaos(readConfig({ CHAOS: '1', ...settings }), {
    service,
    logger: {
      warn: (fields: object | string) => told.push(`warn ${JSON.stringify(fields)}`),
      fatal: (fields: object | string) => told.push(`fatal ${JSON.stringify(fields)}`),
    },
    crash: () => told.push('crash'),
  });
  return { chaos, told, crashes: () => told.filter((one) => one === 'crash').length };
};

const LATENCY = { CHAOS_LATENCY_MS: '200', CHAOS_LATENCY_EVERY: '3' };
const CRASH = { CHAOS_CRASH_EVERY: '2' };

for (const [what, settings] of [
  ['is not allowed', { CHAOS: '0' }],
  ['is allowed and nothing is set', {}],
  ['is for other services', { ...LATENCY, ...CRASH, CHAOS_ON: 'front,order-2' }],
] as const) {
  test(`when chaos ${what}, everything is what it was`, () => {
    const { chaos, told } = create(settings);
    const fetch = (): Response => json(200, {});
    const write = (): void => {};
    assert.is(chaos.shown, null);
    assert.is(chaos.wrap(fetch), fetch);
    assert.is(chaos.files(diskFiles), diskFiles);
    assert.is(chaos.store(write), write);
    assert.equal(told, []);
  });
}

test('what is on is told at the start, to the service that it is for', () => {
  const { chaos, told } = create({ ...LATENCY, ...CRASH, CHAOS_ON: 'front, order-1' });
  assert.is(chaos.shown, '1 request in 3 waits 200 ms, crashes once in 2 times at before_store');
  assert.equal(told, [`warn {"chaos":"${chaos.shown}"}`]);
  assert.is(create(LATENCY).chaos.shown, '1 request in 3 waits 200 ms');
  assert.is(create(CRASH).chaos.shown, 'crashes once in 2 times at before_store');
});

test('without fsync a journal is written and not synced, and everybody is told so', async () => {
  const { files, done } = faultyFiles({});
  const { chaos, told } = create({ CHAOS_NO_FSYNC: '1' }, 'catalog');
  assert.is(chaos.shown, 'syncs nothing: what it acknowledges may be lost');
  assert.equal(told, [`warn {"chaos":"${chaos.shown}"}`]);
  const path = join(await temporaryFolder(), 'journal.jsonl');
  const journal = await openJournal({ path, files: chaos.files(files) });
  await journal.append([line(journal, 1)]);
  assert.ok(done.includes('write'));
  assert.not.ok(done.includes('sync'), done.join());
  await journal.close();
  assert.is(readFileSync(path, 'utf8').split('\n').length - 1, 1);
});

test('without fsync the front is what it was: it has no journal', () => {
  const { chaos, told } = create({ CHAOS_NO_FSYNC: '1' }, 'front');
  assert.is(chaos.shown, null);
  assert.equal(told, []);
});

/** Sends requests through the chaos one after the other; says which of them were handled at once. */
const handledAtOnce = async (requests: Request[]): Promise<boolean[]> => {
  let handled = 0;
  const fetch = create(LATENCY).chaos.wrap(() => {
    handled += 1;
    return json(200, {});
  });
  const found: boolean[] = [];
  for (const request of requests) {
    const startMs = monotonicMs();
    const before = handled;
    const answer = fetch(request);
    await sleep(0);
    const isAtOnce = handled > before;
    assert.is((await answer).status, 200);
    assert.ok(isAtOnce || monotonicMs() - startMs > 150, 'what was delayed was delayed for that long');
    found.push(isAtOnce);
  }
  return found;
};

test('every so manieth request waits before it is handled', async () => {
  const requests = Array.from({ length: 7 }, () => new Request('http://till/products/Fox'));
  assert.equal(await handledAtOnce(requests), [true, true, false, true, true, false, true]);
});

test('what looks on, and what holds the services together, never waits and does not count', async () => {
  const paths = ['health', 'messages', 'changes', 'healthz', 'readyz/', 'metrics', 'cluster'];
  const requests = paths.map((path) => new Request(`http://till/${path}?x=1`));
  assert.equal(
    await handledAtOnce(requests),
    paths.map(() => true),
  );
});

/** A server of one service behind chaos; its answers are what it is asked with. */
const serveEcho = async (fetchOf: (echo: Fetch) => Fetch) => {
  const echo: Fetch = async (request) => {
    const { status, answer } = (await request.json()) as { status: number; answer: unknown };
    return json(status, answer, { 'idempotent-replayed': 'true' });
  };
  const listening = await serve({ fetch: fetchOf(echo), port: 0, hostname: '127.0.0.1' });
  started.push(listening);
  return async (path: string, answer: unknown, status = 200) => {
    const response = await fetch(`${listening.url}${path}`, {
      method: 'POST',
      body: JSON.stringify({ status, answer }),
    });
    assert.is(response.status, status);
    assert.is(response.headers.get('idempotent-replayed'), 'true');
    assert.equal(await response.json(), answer, 'the answer is what it was');
  };
};

test('before_answer is passed by what was decided, and by nothing else', async () => {
  const { chaos, crashes } = create({ CHAOS_CRASH_EVERY: '1', CHAOS_CRASH_AT: 'before_answer' });
  const post = await serveEcho(chaos.wrap);
  const outcomes = [{ key: 'a', status: 'accepted', sequence: 3, number: 0, replayed: false }];
  let done = 0;
  for (const [path, answer] of [
    ['/orders', { data: { order_number: 1 } }],
    ['/orders/', { data: { order_number: 1 } }],
    ['/checkout', { data: { orderId: 'x' }, orderId: 'x' }],
    ['/webhooks/shopify/orders/create', { data: { order_number: 1 } }],
    ['/orders', { term: 1, ok: true, outcomes }],
    ['/movements', { kind: 'decided', outcomes, lines: [], more: false }],
  ] as const) {
    await post(path, answer);
    done += 1;
    assert.is(crashes(), done, path);
  }
  for (const [path, answer, status] of [
    ['/orders', { error: { code: 400, reason: 'out_of_stock', message: '' } }, 400],
    ['/orders', { error: { code: 503, reason: 'no_answer', message: '' } }, 503],
    ['/orders', { term: 1, ok: false, reason: 'not_leader' }, 200],
    ['/movements', { kind: 'decided', outcomes: [], lines: ['{}'], more: false }, 200],
    ['/movements', { kind: 'old_term', term: 4 }, 200],
    ['/fence', { kind: 'decided', outcomes, lines: [], more: false }, 200],
    ['/find', { term: 1, ok: true, found: [] }, 200],
    ['/orders/7', { data: { number: 7 } }, 200],
    ['/health', { id: 1 }, 200],
  ] as const) {
    await post(path, answer, status);
    assert.is(crashes(), done, `${path} ${status}`);
  }
});

const line = (previous: { lastHash: string }, number: number): string =>
  seal(previous.lastHash, `{"number":${number}}`).line;

for (const point of ['before_store', 'after_store'] as const) {
  test(`${point} is passed once by each batch that goes to disk, and not by a start`, async () => {
    const path = join(await temporaryFolder(), 'journal.jsonl');
    const { chaos, told, crashes } = create({ CHAOS_CRASH_EVERY: '2', CHAOS_CRASH_AT: point });
    const files = chaos.files(diskFiles);
    for (const torn of [false, true]) {
      if (torn) writeFileSync(path, '{"half', { flag: 'a' });
      const journal = await openJournal({ path, files });
      await journal.close();
    }
    const journal = await openJournal({ path, files });
    await journal.append([line(journal, 1)]);
    await journal.truncate(0);
    assert.is(crashes(), 0, 'one batch, and what is no batch');
    await journal.append([line(journal, 1)]);
    assert.is(crashes(), 1);
    await journal.append([line(journal, 2)]);
    await journal.append([line(journal, 3)]);
    assert.is(crashes(), 2);
    await journal.close();
    assert.equal(told.slice(1), [
      `fatal {"point":"${point}","passing":2}`,
      'crash',
      `fatal {"point":"${point}","passing":4}`,
      'crash',
    ]);
  });
}

for (const [point, order] of [
  ['before_store', ['crash', 'write', 'sync']],
  ['after_store', ['write', 'sync', 'crash']],
] as const) {
  test(`${point} is where it says: ${order.join(', ')}`, async () => {
    const { files, done } = faultyFiles({});
    const { chaos } = create({ CHAOS_CRASH_EVERY: '1', CHAOS_CRASH_AT: point }, 'catalog', done);
    const path = join(await temporaryFolder(), 'journal.jsonl');
    const journal = await openJournal({ path, files: chaos.files(files) });
    done.length = 0;
    await journal.append([line(journal, 1)]);
    assert.equal(
      done.filter((one) => !one.startsWith('fatal')),
      order,
    );
    await journal.close();
  });
}

for (const [point, lines] of [
  ['before_store', 1],
  ['after_store', 2],
] as const) {
  test(`at ${point} the process is gone at once: ${lines} of 2 batches are on disk, one was told of`, async () => {
    const path = join(await temporaryFolder(), 'journal.jsonl');
    const script = startScript('chaos-journal.ts', [path, point]);
    const said = await script.rest();
    assert.is(await script.ended(), null, 'killed');
    assert.equal(said.slice(1, -1), ['told of 1']);
    assert.match(said.at(-1) ?? '', new RegExp(`"level":"fatal".*"point":"${point}","passing":2`));
    assert.is(readFileSync(path, 'utf8').split('\n').length - 1, lines);
  });
}

test('a record that is stored in one call is not there before, and is there after', async () => {
  const path = join(await temporaryFolder(), 'record');
  for (const [point, isThere] of [
    ['before_store', false],
    ['after_store', true],
  ] as const) {
    let seen: boolean | null = null;
    const config = readConfig({ CHAOS: '1', CHAOS_CRASH_EVERY: '1', CHAOS_CRASH_AT: point });
    const chaos = createChaos(config, {
      service: 'front',
      logger: { warn: () => {}, fatal: () => {} },
      crash: () => {
        seen = existsSync(`${path} ${point}`);
      },
    });
    chaos.store((text: string) => writeFileSync(`${path} ${point}`, text))('a record');
    assert.is(seen, isThere, point);
  }
});

test.run();
