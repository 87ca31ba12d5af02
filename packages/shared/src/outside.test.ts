import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type Answerer, httpAnswer, type RawServer, startRawServer } from '../test/raw-server.ts';
import { deadline, monotonicMs, sleep } from './clock.ts';
import { limits } from './limits.ts';
import { createOutside, type Outside, type OutsideCall, OutsideError, type OutsideOptions } from './outside.ts';
import { json, type Listening, serve } from './serve.ts';

const closing: (() => Promise<void>)[] = [];
const wallClock = Date.now;
test.after.each(async () => {
  Date.now = wallClock;
  for (const close of closing.splice(0).reverse()) await close();
});

const startServer = async (fetch: (request: Request) => Response | Promise<Response>): Promise<Listening> => {
  const listening = await serve({ fetch, port: 0, hostname: '127.0.0.1' });
  closing.push(listening.close);
  return listening;
};
const startRaw = async (answer: Answerer): Promise<RawServer> => {
  const server = await startRawServer(answer);
  closing.push(server.close);
  return server;
};
const statusAnswer = (status: number, headers = ''): string =>
  `HTTP/1.1 ${status} Some\r\ncontent-length: 2\r\n${headers}\r\n{}`;
/** Answers with these statuses in turn, and with the last one from then on. */
const startStatuses = (...statuses: number[]): Promise<RawServer> =>
  startRaw((socket, request) => socket.write(statusAnswer(statuses[request - 1] ?? statuses.at(-1) ?? 200)));

const outsideOf = (url: string, options: Partial<OutsideOptions> = {}): Outside => {
  const outside = createOutside({ name: 'the other side', url, deadlineMs: 20_000, retries: 3, ...options });
  closing.push(outside.close);
  return outside;
};
/** With two states: `up` decides which one the server is in. */
const startSwitched = async (): Promise<RawServer & { up: boolean }> => {
  const server = await startRaw((socket) => socket.write(statusAnswer(switched.up ? 200 : 503)));
  const switched = { ...server, up: false };
  return switched;
};

const GET: OutsideCall = { method: 'GET' };
/** Sent once on every runtime, where Bun repeats a GET by itself when its connection broke. */
const REPEATABLE: OutsideCall = { method: 'POST', body: '{}', idempotent: true };

const failure = async (call: Promise<unknown>): Promise<OutsideError> => {
  try {
    await deadline(call, 30_000, 'a call');
  } catch (error) {
    assert.instance(error, OutsideError, String(error));
    return error as OutsideError;
  }
  throw new Error('The call should have failed');
};

const until = async (what: string, condition: () => boolean): Promise<void> => {
  for (const endMs = monotonicMs() + 20_000; !condition(); await sleep(5)) {
    if (monotonicMs() > endMs) throw new Error(`Waited in vain for ${what}`);
  }
};

test('method, path, headers and body go over; status, headers and text come back', async () => {
  const { url } = await startServer(async (request) =>
    json(
      200,
      {
        method: request.method,
        path: new URL(request.url).pathname + new URL(request.url).search,
        body: await request.text(),
        type: request.headers.get('content-type'),
        authorization: request.headers.get('authorization'),
        own: request.headers.get('x-own'),
      },
      { 'x-answer': 'yes' },
    ),
  );
  const seen = async (address: string, call: OutsideCall): Promise<Record<string, unknown>> => {
    const answer = await outsideOf(address).call(call);
    assert.is(answer.status, 200);
    assert.is(answer.headers['x-answer'], 'yes');
    return JSON.parse(answer.text);
  };
  const get = await seen(url, { method: 'GET', path: '/products/a%2Fb/inventory' });
  assert.is(get.method, 'GET');
  assert.is(get.path, '/products/a%2Fb/inventory');
  assert.is(get.authorization, null);
  const post = await seen(`${url}/hook?token=x`, { method: 'POST', body: '{"größe":1}', headers: { 'x-own': 'z' } });
  assert.equal([post.method, post.path, post.body, post.own], ['POST', '/hook?token=x', '{"größe":1}', 'z']);
  assert.match(String(post.type), 'application/json');
  const typed = await seen(url, {
    method: 'POST',
    body: 'x',
    headers: { 'content-type': 'application/cloudevents+json' },
  });
  assert.is(typed.type, 'application/cloudevents+json');
  assert.is((await seen(`${url}/base/?a=1`, { method: 'GET', path: '/products' })).path, '/base/products?a=1');
  const login = await seen(url.replace('//', '//us%20er:p%C3%A4ss@'), GET);
  assert.is(login.authorization, `Basic ${Buffer.from('us er:päss').toString('base64')}`);
});

test('an answer below 500 is the caller’s to judge', async () => {
  for (const status of [201, 301, 400, 401, 404, 409, 422]) {
    const server = await startStatuses(status);
    const outside = outsideOf(server.url, { holdMs: 60_000 });
    assert.is((await outside.call(GET)).status, status);
    assert.is(server.requests(), 1);
    assert.is(outside.state(), 'closed');
  }
});

test('a failure is tried again, as often as was said, and then told', async () => {
  const tried = [408, 425, 429, 500, 502, 503, 504].map(async (status) => {
    const server = await startStatuses(status);
    const error = await failure(outsideOf(server.url, { retries: 2 }).call(GET));
    assert.is(error.kind, 'status');
    assert.is(error.status, status);
    assert.is(server.requests(), 3);
  });
  await Promise.all(tried);
  const recovering = await startStatuses(500, 503, 500, 200);
  assert.is((await outsideOf(recovering.url).call(GET)).status, 200);
  assert.is(recovering.requests(), 4);
});

test('a POST is tried again only if it may arrive twice', async () => {
  const server = await startStatuses(503, 200);
  const outside = outsideOf(server.url);
  assert.is((await failure(outside.call({ method: 'POST', body: '{}' }))).status, 503);
  assert.is(server.requests(), 1);
  const other = await startStatuses(503, 200);
  assert.is((await outsideOf(other.url).call(REPEATABLE)).status, 200);
  assert.is(other.requests(), 2);
});

test('broken: nobody listens, the connection breaks, the answer is too long or of no use', async () => {
  const cut = await startRaw((socket) => socket.destroy());
  assert.is((await failure(outsideOf(cut.url, { retries: 1 }).call(REPEATABLE))).kind, 'broken');
  assert.is(cut.requests(), 2);

  const gone = await startRaw(() => undefined);
  await gone.close();
  const refused = await failure(outsideOf(gone.url, { retries: 1 }).call(REPEATABLE));
  assert.is(refused.kind, 'broken');
  assert.match(refused.message, 'Cannot reach the other side');

  const long = await startRaw((socket) => socket.write(httpAnswer('x'.repeat(1001))));
  const outside = outsideOf(long.url, { retries: 1, bodyBytesMax: 1000 });
  const tooLong = await failure(outside.call(REPEATABLE));
  assert.is(tooLong.kind, 'broken');
  assert.match(tooLong.message, 'too long');
  assert.is(long.requests(), 2);
  assert.is((await outsideOf(long.url, { bodyBytesMax: 1001 }).call(GET)).text.length, 1001);

  const useless = await startRaw((socket, request) => socket.write(httpAnswer(request < 3 ? 'garbage' : '{}')));
  const judged = { ...GET, isUsable: ({ text }: { text: string }) => text === '{}' };
  assert.is((await failure(outsideOf(useless.url, { retries: 1 }).call(judged))).kind, 'broken');
  assert.is((await outsideOf(useless.url).call(judged)).text, '{}');
});

test('an endless answer is not read to its end', async () => {
  let sent = 0;
  let ended = false;
  const endless = await startRaw((socket) => {
    socket.write('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n');
    const chunk = `10000\r\n${'x'.repeat(65_536)}\r\n`;
    const write = (): void => {
      sent += 65_536;
      if (!ended) socket.write(chunk, () => setImmediate(write));
    };
    socket.on('close', () => {
      ended = true;
    });
    write();
  });
  const error = await failure(outsideOf(endless.url, { retries: 0 }).call(GET));
  assert.match(error.message, 'too long');
  await until('the end of the connection', () => ended);
  assert.ok(sent < 64 * limits.outsideBodyBytesMax, `sent ${sent}`);
});

test('no answer: each attempt has its time, and the call its deadline', async () => {
  const silent = await startRaw(() => undefined);
  const tried = await failure(outsideOf(silent.url, { retries: 2, attemptMs: 50 }).call(REPEATABLE));
  assert.is(tried.kind, 'timeout');
  assert.match(tried.message, '50 ms');
  assert.is(silent.requests(), 3);

  const startMs = monotonicMs();
  const late = await failure(
    outsideOf(silent.url, { deadlineMs: 300, retries: 1_000, attemptMs: 100 }).call(REPEATABLE),
  );
  assert.is(late.kind, 'timeout');
  assert.ok(monotonicMs() - startMs < 10_000);
  const once = await failure(outsideOf(silent.url, { deadlineMs: 100, retries: 0 }).call(GET));
  assert.is(once.kind, 'timeout');

  const outside = outsideOf(silent.url);
  assert.is((await failure(outside.call({ ...GET, deadlineMs: 50 }))).kind, 'timeout');
  const requests = silent.requests();
  assert.is((await failure(outside.call({ ...GET, deadlineMs: 0 }))).kind, 'timeout');
  assert.is(silent.requests(), requests, 'without time it is not even asked');
});

test('Retry-After: seconds, or a date on the clock of who sent it; bounded', async () => {
  const told = async (headers: string): Promise<number | undefined> => {
    const server = await startRaw((socket) => socket.write(statusAnswer(429, headers)));
    return (await failure(outsideOf(server.url, { retries: 0 }).call(GET))).retryAfterMs;
  };
  const date = 'date: Wed, 21 Oct 2015 07:28:00 GMT\r\n';
  assert.is(await told('retry-after: 7\r\n'), 7000);
  assert.is(await told('Retry-After: 0\r\n'), 0);
  assert.is(await told('retry-after: 99999999999999999999\r\n'), limits.outsideRetryAfterMsMax);
  assert.is(await told(`${date}retry-after: Wed, 21 Oct 2015 07:28:09 GMT\r\n`), 9000);
  assert.is(await told(`${date}retry-after: Wed, 21 Oct 2015 07:27:00 GMT\r\n`), 0);
  assert.is(await told(`${date}retry-after: Wed, 21 Oct 2035 07:28:00 GMT\r\n`), limits.outsideRetryAfterMsMax);
  assert.is(await told('retry-after: Wed, 21 Oct 2015 07:28:09 GMT\r\n'), undefined);
  assert.is(await told('retry-after: soon\r\n'), undefined);
  assert.is(await told(''), undefined);
});

test('Retry-After is kept to: the next attempt waits for it, and is not made if it would be too late', async () => {
  const patient = await startRaw((socket, request) =>
    socket.write(request === 1 ? statusAnswer(503, 'retry-after: 1\r\n') : statusAnswer(200)),
  );
  const startMs = monotonicMs();
  assert.is((await outsideOf(patient.url).call(GET)).status, 200);
  assert.ok(monotonicMs() - startMs >= 990, 'it came too early');

  const far = await startRaw((socket) => socket.write(statusAnswer(503, 'retry-after: 21\r\n')));
  const error = await failure(outsideOf(far.url).call(GET));
  assert.is(error.kind, 'status');
  assert.is(error.retryAfterMs, 21_000);
  assert.is(far.requests(), 1);
});

test('the caller’s signal ends a call at once, and nothing is counted', async () => {
  const server = await startRaw((socket, request) => {
    if (request === 2) socket.write(statusAnswer(503, 'retry-after: 15\r\n'));
  });
  const outside = outsideOf(server.url, { holdMs: 60_000 });
  const reason = new Error('the caller has gone');
  const aborted = async (call: Promise<unknown>): Promise<unknown> => {
    try {
      return await deadline(call, 10_000, 'an aborted call');
    } catch (error) {
      return error;
    }
  };
  const waiting = new AbortController();
  const call = outside.call({ ...GET, signal: waiting.signal });
  await until('the request', () => server.requests() === 1);
  waiting.abort(reason);
  assert.is(await aborted(call), reason);

  const pausing = new AbortController();
  const paused = outside.call({ ...GET, signal: pausing.signal });
  await until('the second request', () => server.requests() === 2);
  await sleep(100);
  pausing.abort(reason);
  assert.is(await aborted(paused), reason, 'in the pause before the next attempt');

  assert.is(await aborted(outside.call({ ...GET, signal: AbortSignal.abort(reason) })), reason);
  assert.is(outside.state(), 'closed');
  assert.is(server.requests(), 2);
});

test('many calls may share one signal', async () => {
  const warnings: string[] = [];
  const onWarning = (warning: Error) => warnings.push(String(warning));
  process.on('warning', onWarning);
  const server = await startStatuses(200);
  const { signal } = new AbortController();
  const outside = outsideOf(server.url);
  await Promise.all(Array.from({ length: 100 }, () => outside.call({ ...GET, signal })));
  await sleep(20);
  process.off('warning', onWarning);
  assert.equal(warnings, []);
});

test('hold: after a call has failed for good nothing is asked, then exactly one call probes', async () => {
  const server = await startSwitched();
  const clock = { nowMs: 0 };
  const told: string[] = [];
  const outside = outsideOf(server.url, {
    retries: 1,
    holdMs: 60_000,
    nowMs: () => clock.nowMs,
    onState: (state, error) => told.push(error === null ? state : `${state}: ${error.message}`),
  });
  assert.is((await failure(outside.call(GET))).status, 503);
  assert.is(server.requests(), 2);
  assert.is(outside.state(), 'open');
  const open = await failure(outside.call(GET));
  assert.is(open.kind, 'open');
  assert.is(open.retryAfterMs, 60_000);
  clock.nowMs = 59_999;
  assert.is((await failure(outside.call(GET))).kind, 'open');
  assert.is(server.requests(), 2, 'no request during the hold');

  clock.nowMs = 60_000;
  const crowd = await Promise.all(Array.from({ length: 10 }, () => failure(outside.call(GET))));
  assert.equal(crowd.map(({ kind }) => kind).sort(), [...Array.from({ length: 9 }, () => 'open'), 'status']);
  assert.is(server.requests(), 3, 'one probe, with one attempt');
  assert.is((await failure(outside.call(GET))).retryAfterMs, 60_000, 'held again');

  clock.nowMs = 120_000;
  server.up = true;
  const probing = outside.call(GET);
  assert.is(outside.state(), 'half_open');
  const other = await failure(outside.call(GET));
  assert.is(other.kind, 'open');
  assert.ok((other.retryAfterMs ?? 0) > 0);
  assert.is((await probing).status, 200);
  assert.is(outside.state(), 'closed');
  await Promise.all(Array.from({ length: 10 }, () => outside.call(GET)));
  assert.is(server.requests(), 14);
  assert.equal(told, [
    'open: the other side answered 503',
    'half_open',
    'open: the other side answered 503',
    'half_open',
    'closed',
  ]);
});

test('hold: a call under way gives up its retries when another one has failed for good', async () => {
  const patient = await startRaw((socket, request) =>
    socket.write(request === 1 ? statusAnswer(503, 'retry-after: 2\r\n') : statusAnswer(503)),
  );
  const shared = outsideOf(patient.url, { retries: 5, holdMs: 60_000 });
  const pausing = failure(shared.call(GET));
  await until('its first request', () => patient.requests() === 1);
  await failure(shared.call({ method: 'POST', body: '{}' }));
  assert.is(shared.state(), 'open');
  assert.is(patient.requests(), 2);
  assert.is((await pausing).status, 503);
  assert.is(patient.requests(), 2, 'no request during the hold');
});

test('hold: a probe that its caller gives up is made by the next call', async () => {
  const server = await startRaw((socket, request) => {
    if (request !== 2) socket.write(statusAnswer(request === 1 ? 503 : 200));
  });
  const clock = { nowMs: 0 };
  const outside = outsideOf(server.url, { retries: 0, holdMs: 60_000, nowMs: () => clock.nowMs });
  await failure(outside.call(GET));
  clock.nowMs = 60_000;
  const giving = new AbortController();
  const probe = outside.call({ ...GET, signal: giving.signal });
  await until('the probe', () => server.requests() === 2);
  giving.abort(new Error('gone'));
  try {
    await probe;
    assert.unreachable();
  } catch (error) {
    assert.is((error as Error).message, 'gone');
  }
  assert.is(outside.state(), 'open');
  assert.is((await outside.call(GET)).status, 200);
  assert.is(outside.state(), 'closed');
});

test('a caller with little time does not bring the outside down for the others', async () => {
  const silent = await startRaw(() => undefined);
  const outside = outsideOf(silent.url, { retries: 3, attemptMs: 400, holdMs: 60_000 });
  for (let at = 0; at < 6; at += 1) {
    assert.is((await failure(outside.call({ ...GET, deadlineMs: 20 }))).kind, 'timeout');
  }
  assert.is(outside.state(), 'closed');
  assert.is((await failure(outside.call({ ...GET, deadlineMs: 300 }))).kind, 'timeout');
  assert.is(outside.state(), 'open', 'with most of the time of an attempt it is a failure');
});

test('without a hold it opens when half of the calls fail, and one call tries after its time', async () => {
  const server = await startSwitched();
  const clock = { nowMs: 0 };
  const outside = outsideOf(server.url, { retries: 1, nowMs: () => clock.nowMs });
  for (let at = 0; at < 5; at += 1) assert.is((await failure(outside.call(GET))).kind, 'status');
  assert.is(outside.state(), 'open');
  assert.is((await failure(outside.call(GET))).retryAfterMs, limits.outsideHalfOpenAfterMs);
  clock.nowMs = limits.outsideHalfOpenAfterMs - 1;
  assert.is((await failure(outside.call(GET))).kind, 'open');
  assert.is(server.requests(), 10);
  clock.nowMs = limits.outsideHalfOpenAfterMs;
  const crowd = await Promise.all([failure(outside.call(GET)), failure(outside.call(GET))]);
  assert.equal(crowd.map(({ kind }) => kind).sort(), ['open', 'status']);
  clock.nowMs += limits.outsideHalfOpenAfterMs;
  server.up = true;
  await outside.call(GET);
  assert.is(outside.state(), 'closed');
  assert.is(server.requests(), 12);
});

test('a moment in which every attempt fails is bridged by the retries', async () => {
  for (const options of [{}, { holdMs: 60_000 }]) {
    const server = await startRaw((socket, request) => socket.write(statusAnswer(request <= 10 ? 503 : 200)));
    const outside = outsideOf(server.url, options);
    await Promise.all(Array.from({ length: 10 }, () => outside.call(GET)));
    assert.is(outside.state(), 'closed');
  }
});

test('a wall clock that is set back by an hour does not keep it down', async () => {
  const server = await startSwitched();
  const outside = outsideOf(server.url, { retries: 0, holdMs: 200 });
  await failure(outside.call(GET));
  assert.is(outside.state(), 'open');
  Date.now = () => wallClock() - 60 * 60 * 1000;
  server.up = true;
  let answered = false;
  for (const endMs = monotonicMs() + 10_000; !answered && monotonicMs() < endMs; await sleep(20)) {
    answered = await outside.call(GET).then(
      () => true,
      () => false,
    );
  }
  assert.ok(answered);
  assert.is(outside.state(), 'closed');
});

test('so many calls are under way and no more, and whoever is refused is not counted', async () => {
  const server = await startRaw(() => {});
  const outside = outsideOf(server.url, { retries: 0, holdMs: 60_000 });
  const leaving = new AbortController();
  const waiting = Array.from({ length: limits.outsideCallsMax }, () =>
    outside.call({ ...GET, signal: leaving.signal }).catch((error) => error),
  );
  const refused = await failure(outside.call(GET));
  assert.equal([refused.kind, outside.state()], ['full', 'closed']);
  const reason = new Error('as asked for');
  leaving.abort(reason);
  for (const error of await Promise.all(waiting)) assert.is(error, reason);
  const late = await failure(outside.call({ ...GET, deadlineMs: 1 }));
  assert.is(late.kind, 'timeout');
});

test('errors say nothing of addresses, queries and headers', async () => {
  const cut = await startRaw((socket) => socket.destroy());
  const gone = await startRaw(() => undefined);
  await gone.close();
  const failing = await startRaw((socket) => socket.write(statusAnswer(500, 'x-secret: s3cret\r\n')));
  const silent = await startRaw(() => undefined);
  for (const { url } of [cut, gone, failing, silent]) {
    const secretUrl = `${url.replace('//', '//s3cret:s3cret@')}/s3cret?token=s3cret`;
    const outside = outsideOf(secretUrl, { retries: 0, deadlineMs: 200, holdMs: 60_000 });
    const call: OutsideCall = { method: 'POST', headers: { 'x-token': 's3cret' }, body: 's3cret', path: '/s3cret' };
    for (const error of [await failure(outside.call(call)), await failure(outside.call(call))]) {
      const { port } = new URL(url);
      const all = `${error.message} ${JSON.stringify(error)} ${error.stack?.split('\n')[0]} ${String(error.cause)}`;
      assert.not.match(all, /s3cret/i);
      assert.not.match(all, port);
      assert.match(all, 'the other side');
    }
  }
});

test('closing ends what is under way, and nothing begins any more', async () => {
  const silent = await startRaw((socket, request) => {
    if (request === 2) socket.write(statusAnswer(503, 'retry-after: 15\r\n'));
  });
  const told: string[] = [];
  const outside = outsideOf(silent.url, { holdMs: 60_000, onState: (state) => told.push(state) });
  const calls = [failure(outside.call(REPEATABLE))];
  await until('the first request', () => silent.requests() === 1);
  calls.push(failure(outside.call(REPEATABLE)));
  await until('the second request', () => silent.requests() === 2);
  await sleep(50);
  await outside.close();
  for (const { kind, message } of await deadline(Promise.all(calls), 5000, 'the calls')) {
    assert.is(kind, 'broken');
    assert.match(message, 'closed');
  }
  assert.is((await failure(outside.call(GET))).kind, 'broken');
  assert.is(silent.requests(), 2);
  assert.equal(told, []);
});

test.run();
