import { once } from 'node:events';
import { createServer } from 'node:net';
import Type from 'typebox';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { httpAnswer, type RawServer, startRawServer } from '../test/raw-server.ts';
import { CallError, type Client, createClient, openStream, type StreamEnd } from './client.ts';
import { deadline, monotonicMs, sleep } from './clock.ts';
import type { Contract } from './contract.ts';
import { problem } from './errors.ts';
import { createHandler } from './handler.ts';
import { json, type Listening, Reply, serve } from './serve.ts';

const contract = {
  product: {
    method: 'GET',
    path: '/products/:name',
    params: Type.Object({ name: Type.String() }),
    response: Type.Object({ name: Type.String() }),
  },
  list: { method: 'GET', path: '/products', response: Type.Array(Type.String()) },
  history: {
    method: 'GET',
    path: '/history',
    query: Type.Object({ after: Type.Integer(), limit: Type.Optional(Type.Integer()) }),
    response: Type.Object({ after: Type.Integer(), limit: Type.Union([Type.Integer(), Type.Null()]) }),
  },
  order: {
    method: 'POST',
    path: '/orders',
    body: Type.Object({ names: Type.Array(Type.String()) }),
    response: Type.Object({ count: Type.Integer() }),
  },
} as const satisfies Contract;

const closing: (() => Promise<void>)[] = [];
test.after.each(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

const startServer = async (fetch: (request: Request) => Response | Promise<Response>): Promise<Listening> => {
  const listening = await serve({ fetch, port: 0, hostname: '127.0.0.1' });
  closing.push(listening.close);
  return listening;
};
const startRaw = async (...args: Parameters<typeof startRawServer>): Promise<RawServer> => {
  const server = await startRawServer(...args);
  closing.push(server.close);
  return server;
};
const clientOf = (url: string, timeoutMs = 20_000): Client<typeof contract> => {
  const client = createClient(contract, { url, timeoutMs });
  closing.push(client.close);
  return client;
};

const failure = async (call: Promise<unknown>): Promise<CallError> => {
  try {
    await deadline(call, 30_000, 'a call');
  } catch (error) {
    assert.instance(error, CallError);
    return error as CallError;
  }
  throw new Error('The call should have failed');
};

/** A port on which nobody listens. */
const freePort = async (): Promise<number> => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
};

test('path, query and body go over, the answer comes back', async () => {
  const { url } = await startServer(async (request) => {
    const { pathname, searchParams } = new URL(request.url);
    if (pathname === '/products') return json(200, ['Fox']);
    if (pathname === '/history')
      return createHandler(contract.history, ({ query }) => ({ after: query.after, limit: query.limit ?? null }))(
        request,
      );
    if (pathname === '/orders')
      return createHandler(contract.order, ({ body }) => ({ count: body.names.length }))(request);
    return json(200, { name: decodeURIComponent(pathname.slice('/products/'.length)) + searchParams });
  });
  const client = clientOf(url);
  assert.equal(await client.product({ params: { name: 'Füchsin / 50% & ?' } }), { name: 'Füchsin / 50% & ?' });
  assert.equal(await client.list(), ['Fox']);
  assert.equal(await client.history({ query: { after: 7 } }), { after: 7, limit: null });
  assert.equal(await client.history({ query: { after: 7, limit: 2 } }), { after: 7, limit: 2 });
  assert.equal(await client.order({ body: { names: ['Füchsin', '狐', '🦊'] } }), { count: 3 });
});

test('many calls at the same time each get their own answer', async () => {
  const { url } = await startServer(async (request) => {
    await sleep(Math.random() * 20);
    return json(200, { name: new URL(request.url).pathname.slice('/products/'.length) });
  });
  const client = clientOf(url);
  const names = Array.from({ length: 200 }, (_, at) => `product-${at}`);
  const answers = await Promise.all(names.map((name) => client.product({ params: { name } })));
  assert.equal(
    answers.map(({ name }) => name),
    names,
  );
});

test('an error status is told with its reason', async () => {
  const { url } = await startServer(() => problem(503, 'not_leader', 'Cannot lead'));
  const error = await failure(clientOf(url).list());
  assert.is(error.kind, 'status');
  assert.is(error.status, 503);
  assert.is(error.reason, 'not_leader');
  assert.match(error.message, '503: Cannot lead');
  const plain = await startServer(() => new Reply('<h1>nginx</h1>', { status: 502 }));
  const other = await failure(clientOf(plain.url).list());
  assert.is(other.kind, 'status');
  assert.is(other.status, 502);
  assert.is(other.reason, undefined);
});

test('an answer that is not what was agreed on is told', async () => {
  for (const body of ['{"other":1}', 'null', '["Fox"', '', '[1]']) {
    const { url } = await startServer(() => new Reply(body));
    assert.is((await failure(clientOf(url).list())).kind, 'invalid', body);
  }
});

test('refused: nobody listens', async () => {
  const error = await failure(clientOf(`http://127.0.0.1:${await freePort()}`).order({ body: { names: [] } }));
  assert.is(error.kind, 'refused');
  assert.match(error.message, '/orders');
});

test('broken, never refused: the other side breaks the connection after it got the request', async () => {
  const before = await startRaw((socket) => socket.destroy());
  assert.is((await failure(clientOf(before.url).order({ body: { names: [] } }))).kind, 'broken');
  const within = await startRaw((socket) => {
    socket.write('HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n["Fox"');
    setTimeout(() => socket.destroy(), 20);
  });
  assert.is((await failure(clientOf(within.url).list())).kind, 'broken');
  const garbage = await startRaw((socket) => socket.end('garbage\r\n\r\n'));
  assert.is((await failure(clientOf(garbage.url).order({ body: { names: [] } }))).kind, 'broken');
});

test('broken, never refused: a kept connection breaks and then nobody listens any more', async () => {
  for (const method of ['list', 'order'] as const) {
    const server = await startRaw((socket, request) => {
      if (request === 1) return void socket.write(httpAnswer(method === 'list' ? '["Fox"]' : '{"count":0}'));
      // As at the kill of a process: it does not listen any more, and its connections are reset.
      void server.close();
    });
    const client = clientOf(server.url);
    const call = (): Promise<unknown> => (method === 'list' ? client.list() : client.order({ body: { names: [] } }));
    await call();
    assert.is((await failure(call())).kind, 'broken');
    assert.is(server.requests(), 2, 'nothing is sent twice');
    assert.is((await failure(client.order({ body: { names: [] } }))).kind, 'refused');
  }
});

test('a kept connection that the other side closed while it was idle', async () => {
  const server = await startRaw((socket, request) => {
    socket.write(httpAnswer(`["Fox ${request}"]`));
    if (request === 1) setTimeout(() => socket.end(), 10);
  });
  const client = clientOf(server.url);
  assert.equal(await client.list(), ['Fox 1']);
  await sleep(100);
  assert.equal(await client.list(), ['Fox 2']);
});

test('every call has its deadline: no answer, half an answer, no free connection', async () => {
  const silent = await startRaw(() => undefined);
  const client = clientOf(silent.url, 100);
  const startMs = monotonicMs();
  assert.is((await failure(client.list())).kind, 'timeout');
  assert.is((await failure(client.order({ body: { names: [] }, timeoutMs: 30 }))).kind, 'timeout');
  const crowd = Array.from({ length: 40 }, () => failure(client.list()));
  for (const error of await Promise.all(crowd)) assert.is(error.kind, 'timeout');
  assert.ok(monotonicMs() - startMs < 10_000);
  const half = await startRaw((socket) => socket.write('HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n["Fox"'));
  const error = await failure(clientOf(half.url, 100).list());
  assert.is(error.kind, 'timeout');
  assert.match(error.message, '100 ms');
});

test('after a deadline the next call is served again', async () => {
  const server = await startRaw((socket, request) => {
    if (request > 1) socket.write(httpAnswer('["Fox"]'));
  });
  const client = clientOf(server.url);
  assert.is((await failure(client.list({ timeoutMs: 50 }))).kind, 'timeout');
  assert.equal(await client.list(), ['Fox']);
});

// Streams.

const lineSchema = Type.Object({ at: Type.Integer() });

type Reading = { lines: number[]; end: Promise<StreamEnd>; ends(): number; close(): void };
const read = (
  url: string,
  options: { idleMs?: number; signal?: AbortSignal; each?: () => Promise<void> } = {},
): Reading => {
  const lines: number[] = [];
  let ends = 0;
  let close = () => {};
  const end = new Promise<StreamEnd>((resolve) => {
    close = openStream(url, {
      schema: lineSchema,
      onLine: ({ at }) => {
        lines.push(at);
        return options.each?.();
      },
      onEnd: (reason) => {
        ends += 1;
        resolve(reason);
      },
      idleMs: options.idleMs ?? 20_000,
      ...(options.signal ? { signal: options.signal } : {}),
    }).close;
  });
  return { lines, end: deadline(end, 30_000, 'the end of a stream'), ends: () => ends, close };
};

const streamServer = (start: (controller: ReadableStreamDefaultController<Uint8Array>) => void): Promise<Listening> =>
  startServer(() => new Reply(new ReadableStream<Uint8Array>({ start })));
const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);

test('lines come as they are sent, however they were cut, and the end is told once', async () => {
  const server = await startRaw(async (socket) => {
    socket.write('HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n{"a');
    for (const part of ['t":1}\n{"at":2', '}\n{"at":3}\n{"at":4}\n{"at', '":5}\n']) {
      await sleep(20);
      socket.write(part);
    }
    socket.end();
  });
  const reading = read(server.url);
  assert.is((await reading.end).kind, 'ended');
  assert.equal(reading.lines, [1, 2, 3, 4, 5]);
  reading.close();
  await sleep(20);
  assert.is(reading.ends(), 1);
});

test('a silent stream ends, also one that never begins', async () => {
  const { url } = await streamServer((controller) => controller.enqueue(bytesOf('{"at":1}\n{"at"')));
  const reading = read(url, { idleMs: 100 });
  assert.is((await reading.end).kind, 'timeout');
  assert.equal(reading.lines, [1]);
  const silent = await startRaw(() => undefined);
  assert.is((await read(silent.url, { idleMs: 100 }).end).kind, 'timeout');
});

test('lines keep a stream going for longer than it may be silent', async () => {
  let sent = 0;
  const { url } = await streamServer((controller) => {
    const timer = setInterval(() => {
      sent += 1;
      controller.enqueue(bytesOf(`{"at":${sent}}\n`));
      if (sent === 20) {
        clearInterval(timer);
        controller.close();
      }
    }, 50);
  });
  const reading = read(url, { idleMs: 700 });
  assert.is((await reading.end).kind, 'ended');
  assert.is(reading.lines.length, 20);
});

test('a stream is ended by its reader', async () => {
  const { url } = await streamServer((controller) => controller.enqueue(bytesOf('{"at":1}\n')));
  const signal = new AbortController();
  const reading = read(url, { signal: signal.signal });
  while (reading.lines.length === 0) await sleep(5);
  signal.abort();
  assert.is((await reading.end).kind, 'aborted');
  assert.is((await read(url, { signal: signal.signal }).end).kind, 'aborted');
  const other = read(url);
  other.close();
  assert.is((await other.end).kind, 'aborted');
});

test('why a stream ended: refused, broken, status, invalid', async () => {
  assert.is((await read(`http://127.0.0.1:${await freePort()}`).end).kind, 'refused');
  const broken = await startRaw((socket) => {
    socket.write('HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{"at":1}\n');
    setTimeout(() => socket.destroy(), 50);
  });
  const reading = read(broken.url);
  assert.is((await reading.end).kind, 'broken');
  assert.equal(reading.lines, [1]);
  const refusing = await startServer(() => problem(503, 'not_ready', 'Cannot stream'));
  const end = await read(refusing.url).end;
  assert.is(end.kind, 'status');
  assert.is(end.status, 503);
  for (const line of ['{"at":"x"}', 'x']) {
    const { url } = await streamServer((controller) => controller.enqueue(bytesOf(`${line}\n{"at":2}\n`)));
    const wrong = read(url);
    assert.is((await wrong.end).kind, 'invalid');
    assert.equal(wrong.lines, []);
  }
});

test('a reader that is slow slows the sender down', async () => {
  const line = `{"at":1,"padding":"${'x'.repeat(64 * 1024)}"}\n`;
  let sent = 0;
  const { url } = await startServer(
    () =>
      new Reply(
        new ReadableStream<Uint8Array>({
          pull: (controller) => {
            sent += 1;
            if (sent > 2000) controller.close();
            else controller.enqueue(bytesOf(line));
          },
        }),
      ),
  );
  let release = () => {};
  const gate = new Promise<void>((resolve) => {
    release = resolve;
  });
  const reading = read(url, { each: () => gate });
  // 2000 lines are 128 MiB: more than what buffers hold.
  let before = -1;
  for (const endMs = monotonicMs() + 20_000; sent !== before && monotonicMs() < endMs; await sleep(300)) before = sent;
  assert.ok(sent < 1500, `sent ${sent}`);
  assert.is(reading.lines.length, 1);
  reading.close();
  release();
  assert.is((await reading.end).kind, 'aborted');
});

test.run();
