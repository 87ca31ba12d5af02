import { once } from 'node:events';
import { request } from 'node:http';
import { connect, type Socket } from 'node:net';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { deadline, monotonicMs, sleep } from './clock.ts';
import { Problem } from './errors.ts';
import { readJson } from './handler.ts';
import { limits } from './limits.ts';
import { json, type Listening, Reply, type ServeOptions, serve } from './serve.ts';

const HOST = '127.0.0.1';
/** Only there a server can refuse new connections without ending idle ones, and ends those that it told to leave itself. */
const isNode = !('Bun' in globalThis) && !('Deno' in globalThis);
const started: Listening[] = [];
const sockets: Socket[] = [];
test.after.each(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  for (const listening of started.splice(0)) await listening.close();
});

const start = async (options: Pick<ServeOptions, 'fetch'> & Partial<ServeOptions>): Promise<Listening> => {
  const listening = await serve({ port: 0, hostname: HOST, ...options });
  started.push(listening);
  return listening;
};

const echo = async (request: Request): Promise<Response> => json(200, JSON.stringify(await readJson(request)));

/** A body that is sent in chunks, without its length. */
const chunked = (port: number, chunk: string, count: number): Promise<{ status: number; body: string }> =>
  new Promise((resolve, reject) => {
    const call = request(
      { host: HOST, port, method: 'POST', headers: { 'transfer-encoding': 'chunked' } },
      async (response) => {
        let body = '';
        for await (const part of response) body += part;
        resolve({ status: response.statusCode ?? 0, body });
      },
    );
    call.on('error', reject);
    for (let sent = 0; sent < count; sent += 1) call.write(chunk);
    call.end();
  });

test('a request reaches the handler and its answer comes back, at any free port', async () => {
  const { url, port } = await start({
    fetch: async (request) =>
      json(201, { method: request.method, url: request.url, body: await request.text() }, { 'x-test': 'yes' }),
  });
  assert.ok(port > 0);
  assert.is(url, `http://${HOST}:${port}`);
  const response = await fetch(`${url}/a/b?c=%C3%BC`, { method: 'POST', body: 'Füchsin' });
  assert.is(response.status, 201);
  assert.is(response.headers.get('x-test'), 'yes');
  assert.is(response.headers.get('content-type'), 'application/json; charset=utf-8');
  assert.equal(await response.json(), { method: 'POST', url: `${url}/a/b?c=%C3%BC`, body: 'Füchsin' });
});

test('text that is JSON already is sent as it is', async () => {
  const { url } = await start({ fetch: () => json(200, '{"data": 1}') });
  assert.is(await (await fetch(url)).text(), '{"data": 1}');
});

test('a connection is kept for the next request', async () => {
  const { port } = await start({ fetch: () => json(200, { data: 'again' }) });
  const socket = connect(port, HOST);
  sockets.push(socket);
  let received = '';
  socket.on('data', (bytes) => {
    received += bytes;
  });
  for (let number = 1; number <= 3; number += 1) {
    socket.write(`GET / HTTP/1.1\r\nhost: ${HOST}\r\n\r\n`);
    const endMs = monotonicMs() + 20_000;
    while (received.split('"again"').length <= number && monotonicMs() < endMs) await sleep(5);
    assert.is(received.split('"again"').length, number + 1);
  }
});

test('what a handler throws becomes an answer of the one shape', async () => {
  const heard: unknown[] = [];
  const { url } = await start({
    fetch: (request) => {
      if (request.url.endsWith('/problem'))
        throw new Problem(409, 'in_flight', 'Cannot do it twice', { 'retry-after': '1' });
      if (request.url.endsWith('/later')) return Promise.reject(new Error('secret'));
      throw new Error('secret');
    },
    onError: (error) => heard.push(error),
  });
  const refused = await fetch(`${url}/problem`);
  assert.is(refused.status, 409);
  assert.is(refused.headers.get('retry-after'), '1');
  assert.equal(await refused.json(), { error: { code: 409, message: 'Cannot do it twice', reason: 'in_flight' } });
  for (const path of ['/now', '/later']) {
    const failed = await fetch(url + path);
    assert.is(failed.status, 500);
    const text = await failed.text();
    assert.is(JSON.parse(text).error.reason, 'internal');
    assert.not.match(text, 'secret');
  }
  assert.is(heard.length, 2);
});

test('a body may have 64 KiB and no more, announced or not', async () => {
  const { url, port } = await start({ fetch: echo });
  const textOf = (bytes: number) => JSON.stringify('x'.repeat(bytes - 2));
  const fits = await fetch(url, { method: 'POST', body: textOf(limits.bodyBytesMax) });
  assert.is(fits.status, 200);
  assert.is((await fits.text()).length, limits.bodyBytesMax);
  const over = await fetch(url, { method: 'POST', body: textOf(limits.bodyBytesMax + 1) });
  assert.is(over.status, 413);
  assert.is(((await over.json()) as { error: { reason: string } }).error.reason, 'body_too_large');

  assert.equal(await chunked(port, '"one chunk"', 1), { status: 200, body: '"one chunk"' });
  assert.equal(await chunked(port, '      ', 100), { status: 400, body: (await chunked(port, ' ', 1)).body });
  const long = await chunked(port, 'x'.repeat(1024), 65);
  assert.is(long.status, 413);
  assert.is(JSON.parse(long.body).error.reason, 'body_too_large');
});

test('services may send each other more', async () => {
  const { url } = await start({ fetch: echo, bodyBytesMax: limits.internalBodyBytesMax });
  const body = JSON.stringify(['x'.repeat(1024 * 1024)]);
  const response = await fetch(url, { method: 'POST', body });
  assert.is(response.status, 200);
  assert.is(await response.text(), body);
});

test('some paths may be sent more than others, announced or not', async () => {
  const bodyBytesMax = (url: string) => (new URL(url).pathname === '/long' ? 100_000 : 1000);
  const { url, port } = await start({ fetch: echo, bodyBytesMax });
  const send = (path: string, bytes: number) =>
    fetch(url + path, { method: 'POST', body: JSON.stringify('x'.repeat(bytes - 2)) });
  assert.is((await send('/', 1000)).status, 200);
  assert.is((await send('/', 1001)).status, 413);
  assert.is((await send('/long?a', 100_000)).status, 200);
  assert.is((await send('/long?a', 100_001)).status, 413);
  assert.is((await chunked(port, 'x'.repeat(500), 3)).status, 413);
});

test('a stream is sent as it grows', async () => {
  let push = (_text: string) => {};
  let ended = false;
  const { url } = await start({
    fetch: () =>
      new Reply(
        new ReadableStream<Uint8Array>({
          start: (controller) => {
            push = (text) => controller.enqueue(new TextEncoder().encode(text));
            push('first\n');
          },
          cancel: () => {
            ended = true;
          },
        }),
        { headers: { 'content-type': 'application/x-ndjson' } },
      ),
  });
  const reading = new AbortController();
  const response = await fetch(url, { signal: reading.signal });
  const reader = (response.body as ReadableStream<Uint8Array>).getReader();
  const next = async () => new TextDecoder().decode((await deadline(reader.read(), 20_000)).value);
  assert.is(await next(), 'first\n');
  push('second\n');
  assert.is(await next(), 'second\n');
  reading.abort();
  const endMs = monotonicMs() + 20_000;
  while (!ended && monotonicMs() < endMs) {
    await sleep(10);
    if (!ended) push('third\n');
  }
  assert.ok(ended, 'the handler learns that its reader is gone');
});

test('a port that is taken is named', async () => {
  const { port } = await start({ fetch: () => json(200, {}) });
  try {
    await start({ fetch: () => json(200, {}), port });
    assert.unreachable();
  } catch (error) {
    assert.match(
      (error as Error).message,
      `Cannot listen on ${HOST} port ${port}: something else listens there already`,
    );
  }
});

test('closing: nothing is accepted any more, idle connections end, what is under way is answered', async () => {
  let answer = () => {};
  const listening = await start({
    fetch: (request) =>
      request.url.endsWith('/slow')
        ? new Promise((resolve) => {
            answer = () => resolve(json(200, { data: 'late' }));
          })
        : json(200, { data: 'soon' }),
  });
  const idle = connect(listening.port, HOST);
  sockets.push(idle);
  idle.write(`GET / HTTP/1.1\r\nhost: ${HOST}\r\n\r\n`);
  await once(idle, 'data');
  const slow = fetch(`${listening.url}/slow`);
  await sleep(50);
  const closed = listening.close();
  await sleep(50);
  answer();
  assert.equal(await (await slow).json(), { data: 'late' });
  await deadline(closed, 20_000);
  if (!idle.destroyed) await deadline(once(idle, 'close'), 20_000);
  let accepted = true;
  try {
    await fetch(listening.url);
  } catch {
    accepted = false;
  }
  assert.not.ok(accepted);
  await listening.close();
});

test('closing: an answer says that its connection ends, a request that comes all the same is answered 503', async () => {
  const { open, opened } = gate();
  const { open: arrive, opened: arrived } = gate();
  const listening = await start({
    fetch: async (request) => {
      arrive();
      await opened;
      if (request.url.endsWith('/wrong')) throw new Problem(409, 'in_flight', 'Cannot do it twice');
      return json(200, { data: 'late' });
    },
  });
  const busy = talk(listening.port);
  busy.send('/slow');
  const failing = talk(listening.port);
  failing.send('/wrong');
  const fresh = talk(listening.port);
  await fresh.connected;
  await arrived;
  await sleep(50);
  const closed = listening.close();
  if (isNode) {
    fresh.send('/');
    await deadline(fresh.ended, 20_000);
    assert.match(fresh.received(), /^HTTP\/1\.1 503 .*"reason":"stopping"/s);
    assert.match(fresh.received(), /^retry-after: 1\r$/im);
    assert.match(fresh.received(), /^connection: close\r$/im);
  }
  open();
  await deadline(Promise.all([busy.ended, failing.ended, closed]), 20_000);
  assert.match(busy.received(), /^HTTP\/1\.1 200 .*"late"/s);
  assert.match(busy.received(), /^connection: close\r$/im);
  assert.match(failing.received(), /^HTTP\/1\.1 409 /);
  assert.match(failing.received(), /^connection: close\r$/im);
});

test('draining: a connection that is open is served once more and told to leave', async () => {
  const listening = await start({ fetch: () => json(200, { data: 'here' }), drainMs: 1000 });
  const idle = talk(listening.port);
  idle.send('/');
  await until(() => idle.received().includes('"here"'));
  assert.not.match(idle.received(), /^connection: close\r$/im);
  const closed = listening.close();
  await sleep(100);
  idle.send('/');
  await until(() => idle.received().split('"here"').length === 3);
  assert.match(idle.received(), /^connection: close\r$/im);
  await deadline(closed, 20_000);
  await deadline(idle.ended, 20_000);
});

if (isNode) {
  test('draining: a new connection is refused, and nobody is waited for when everybody has left', async () => {
    const drainMs = 60_000;
    const listening = await start({ fetch: () => json(200, { data: 'here' }), drainMs });
    const idle = talk(listening.port);
    idle.send('/');
    await until(() => idle.received().includes('"here"'));
    const closed = listening.close();
    const refused = talk(listening.port);
    await deadline(refused.ended, 20_000);
    assert.is(refused.received(), 'ECONNREFUSED');
    idle.send('/');
    await deadline(closed, 20_000);
  });
}

test('draining does not wait for ever either', async () => {
  const listening = await start({ fetch: () => json(200, { data: 'here' }), drainMs: 50 });
  const idle = talk(listening.port);
  idle.send('/');
  await until(() => idle.received().includes('"here"'));
  await deadline(listening.close(), 20_000);
  await deadline(idle.ended, 20_000);
});

/** A connection that nothing reads along with: what came over it, and its end. */
const talk = (port: number) => {
  const socket = connect(port, HOST);
  sockets.push(socket);
  let text = '';
  socket.on('data', (bytes) => {
    text += bytes;
  });
  socket.on('error', (error: NodeJS.ErrnoException) => {
    text += error.code;
  });
  return {
    connected: new Promise<void>((resolve) => socket.once('connect', resolve)),
    ended: new Promise<void>((resolve) => socket.once('close', () => resolve())),
    send: (path: string) => socket.write(`GET ${path} HTTP/1.1\r\nhost: ${HOST}\r\n\r\n`),
    received: () => text,
  };
};

const gate = () => {
  let open = (): void => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { open, opened };
};

const until = async (condition: () => boolean): Promise<void> => {
  const endMs = monotonicMs() + 20_000;
  while (!condition() && monotonicMs() < endMs) await sleep(5);
  assert.ok(condition());
};

test('closing does not wait for ever: a stream is ended', async () => {
  const listening = await start({
    fetch: () =>
      new Reply(
        new ReadableStream<Uint8Array>({ start: (controller) => controller.enqueue(new TextEncoder().encode('x\n')) }),
      ),
  });
  const response = await fetch(listening.url);
  const reader = (response.body as ReadableStream<Uint8Array>).getReader();
  await reader.read();
  await deadline(listening.close(), 20_000, 'closing');
  let over = false;
  try {
    over = (await deadline(reader.read(), 20_000, 'the end of the stream')).done;
  } catch (error) {
    over = !String(error).includes('DeadlineExceeded');
  }
  assert.ok(over);
});

test('what is not HTTP is not left waiting', async () => {
  const { port } = await start({ fetch: () => json(200, {}) });
  const socket = connect(port, HOST);
  sockets.push(socket);
  socket.on('error', () => socket.destroy());
  socket.resume();
  socket.write('this is not HTTP\r\n\r\n');
  await deadline(once(socket, 'close'), 20_000, 'the end of the connection');
});

test.run();
