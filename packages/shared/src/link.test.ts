import { createServer, type Server } from 'node:http';
import { connect as connectTcp, createServer as createTcpServer, type Socket } from 'node:net';
import Type from 'typebox';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { CallError, createClient } from './client.ts';
import { monotonicMs, sleep } from './clock.ts';
import { createHandler } from './handler.ts';
import { limits } from './limits.ts';
import { createFrameReader, openFrame, openRequest, writeFrame } from './link.ts';
import { acceptLinks } from './link-server.ts';
import { Reply } from './reply.ts';
import { type Listening, serve } from './serve.ts';
import { createServiceRouter } from './service-router.ts';

const isNode = !('Bun' in globalThis) && !('Deno' in globalThis);
const onNode = isNode ? test : test.skip;

const contract = {
  echo: {
    method: 'POST',
    path: '/echo',
    body: Type.Object({ text: Type.String(), waitMs: Type.Number(), lines: Type.Array(Type.String()) }),
    bodyLines: 'lines',
    response: Type.Object({ text: Type.String(), lines: Type.Array(Type.String()) }),
    responseLines: 'lines',
  },
  product: {
    method: 'GET',
    path: '/products/:name',
    params: Type.Object({ name: Type.String() }),
    query: Type.Object({ at: Type.Integer() }),
    response: Type.Object({ name: Type.String(), at: Type.Integer() }),
  },
  long: {
    method: 'GET',
    path: '/long',
    query: Type.Object({ length: Type.Integer() }),
    response: Type.Object({ text: Type.String() }),
  },
  stream: { method: 'GET', path: '/stream', response: Type.Object({}) },
} as const;

let streamsLeft = 0;

const opened: { close(): unknown }[] = [];
const kept = <Closable extends { close(): unknown }>(one: Closable): Closable => {
  opened.push(one);
  return one;
};
test.after.each(async () => {
  for (const one of opened.splice(0).reverse()) await one.close();
});

const listen = async (options: { links?: boolean; port?: number } = {}): Promise<Listening> => {
  const { fetch } = createServiceRouter({
    routes: [
      {
        ...contract.echo,
        handler: createHandler(contract.echo, async ({ body: { text, waitMs, lines } }) => {
          await sleep(waitMs);
          return { text, lines };
        }),
      },
      {
        ...contract.product,
        handler: createHandler(contract.product, ({ params, query }) => ({ ...params, ...query })),
      },
      {
        ...contract.long,
        handler: createHandler(contract.long, ({ query: { length } }) => ({ text: 'x'.repeat(length) })),
      },
      {
        ...contract.stream,
        handler: () =>
          new Reply(
            new ReadableStream({
              cancel() {
                streamsLeft += 1;
              },
            }),
          ),
      },
    ],
    whyNotReady: () => null,
    metrics: { contentType: 'text/plain', text: async () => '' },
    onError: (error) => assert.unreachable(String(error)),
  });
  return kept(await serve({ fetch, port: options.port ?? 0, hostname: '127.0.0.1', links: options.links ?? true }));
};

const connect = (url: string) => kept(createClient(contract, { url, links: true, timeoutMs: 10_000 }));
const echo = (text: string, waitMs = 0) => ({ body: { text, waitMs, lines: [`{"a":"${text}"}`] } });
const kindOf = async (call: Promise<unknown>): Promise<string> => {
  try {
    await call;
    return 'answered';
  } catch (error) {
    assert.instance(error, CallError);
    return (error as CallError).kind;
  }
};

/** A port that passes everything on to a service, and what each connection began with. */
const listenBefore = async (url: string) => {
  const begun: string[] = [];
  const sockets = new Set<Socket>();
  const server = createTcpServer((socket) => {
    const onward = connectTcp(Number(new URL(url).port), '127.0.0.1');
    for (const one of [socket, onward]) {
      sockets.add(one);
      one.on('error', () => {});
    }
    socket.once('data', (bytes) => begun.push(String(bytes)));
    socket.pipe(onward).pipe(socket);
  });
  const { port } = await listenOn(server, sockets);
  const assertOneLink = () => {
    assert.is(begun.length, 1, 'one connection');
    assert.match(String(begun[0]), /upgrade: till-link/i);
  };
  return { url: `http://127.0.0.1:${port}`, assertOneLink };
};

const listenOn = async (server: ReturnType<typeof createTcpServer>, sockets: Set<Socket>) => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  kept({
    close() {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  });
  return server.address() as { port: number };
};

/** A link of which the test makes each byte. `next` is the text of the next frame; null when the other side ends the link. */
const openRaw = async (url: string) => {
  const socket = connectTcp(Number(new URL(url).port), '127.0.0.1');
  kept({ close: () => socket.destroy() });
  socket.on('error', () => {});
  const read = createFrameReader({ bytesMax: limits.internalBodyBytesMax });
  const got: (string | null)[] = [];
  let tell = (): void => {};
  const take = (...texts: (string | null)[]) => {
    got.push(...texts);
    tell();
  };
  const isOpen = new Promise<void>((resolve) => {
    socket.once('data', (bytes) => {
      assert.match(String(bytes), /^HTTP\/1\.1 101 [\s\S]*\r\n\r\n$/);
      socket.on('data', (chunk: Buffer) => take(...read(chunk)));
      resolve();
    });
  });
  socket.on('close', () => take(null));
  socket.write('GET / HTTP/1.1\r\nHost: here\r\nConnection: Upgrade\r\nUpgrade: till-link\r\n\r\n');
  await isOpen;
  const next = async (): Promise<string | null> => {
    while (got.length === 0) {
      await new Promise<void>((resolve) => {
        tell = resolve;
      });
    }
    return got.shift() as string | null;
  };
  return { write: (bytes: Buffer) => socket.write(bytes), next };
};

/** A port that answers a request for an upgrade with `begin`, and how many asked. */
const listenRaw = async (begin: (socket: Socket, asked: number) => void) => {
  let asked = 0;
  const sockets = new Set<Socket>();
  const server = createTcpServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.once('data', () => {
      asked += 1;
      begin(socket, asked);
    });
  });
  const { port } = await listenOn(server, sockets);
  return { url: `http://127.0.0.1:${port}`, asked: () => asked };
};
const UPGRADED = 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: till-link\r\n\r\n';

const frame = (text: string): Buffer => {
  const parts: Buffer[] = [];
  writeFrame({ write: (part: Buffer) => parts.push(part) } as unknown as Socket, text);
  return Buffer.concat(parts);
};

test('frames come out whole, however the bytes were cut', () => {
  const texts = ['1 GET /a\n', '2 POST /b\n{"name":"Ünï"}\nline', '', '3 200\n'];
  const bytes = Buffer.concat(texts.map(frame));
  for (let size = 1; size <= bytes.length; size += 1) {
    const read = createFrameReader({ bytesMax: 100 });
    const got: string[] = [];
    for (let at = 0; at < bytes.length; at += size) got.push(...read(bytes.subarray(at, at + size)));
    assert.equal(got, texts, `in pieces of ${size}`);
  }
});

test('a frame that is too long is refused before it has come', () => {
  const read = createFrameReader({ bytesMax: 10 });
  assert.throws(() => read(frame('12345678901').subarray(0, 4)), /11 bytes: at most 10/);
});

test('a frame has a first line and a rest', () => {
  assert.equal(openFrame('7 200\n{}\nline'), { head: '7 200', body: '{}\nline' });
  assert.equal(openFrame('7 200'), { head: '7 200', body: '' });
});

test('a request is an id, a method and a path, and anything else is none', () => {
  assert.equal(openRequest('7 POST /a/b%20c?d=e\n{}\nline'), {
    id: '7',
    method: 'POST',
    path: '/a/b%20c?d=e',
    body: '{}\nline',
  });
  assert.equal(openRequest('7 GET /'), { id: '7', method: 'GET', path: '/', body: '' });
  const others = [
    '',
    '\n',
    '7',
    '7 GET',
    '7 GET ',
    '7 GET a',
    '7 GET /a b',
    ' GET /a',
    'x GET /a',
    '7 DELETE /a',
    '7 get /a',
  ];
  for (const text of others) assert.throws(() => openRequest(text), /as a request/, text);
});

test('the same calls, with and without links, on every runtime', async () => {
  for (const links of [true, false]) {
    const client = connect((await listen({ links })).url);
    assert.equal(await client.echo(echo('Fox')), { text: 'Fox', lines: ['{"a":"Fox"}'] });
    assert.equal(await client.product({ params: { name: 'a b/ü' }, query: { at: 7 } }), { name: 'a b/ü', at: 7 });
    const error = await client.echo({ body: { text: 7 as never, waitMs: 0, lines: [] } }).catch((one) => one);
    assert.equal([error.kind, error.status, error.reason], ['status', 400, 'invalid_body']);
  }
});

onNode('many calls are under way on one connection, and each gets its own answer', async () => {
  const { url, assertOneLink } = await listenBefore((await listen()).url);
  const client = connect(url);
  const texts = Array.from({ length: 50 }, (_, at) => `${at} ${'x'.repeat(at * 3000)}`);
  const answers = await Promise.all(texts.map((text, at) => client.echo(echo(text, (50 - at) % 7))));
  assert.equal(
    answers.map(({ text }) => text),
    texts,
  );
  assertOneLink();
});

onNode('nobody listens: refused; a service that ends: broken, and the next call finds it again', async () => {
  const first = await listen();
  const client = connect(first.url);
  await client.echo(echo('a'));
  const underWay = client.echo(echo('b', 50));
  await sleep(10);
  await first.close();
  assert.equal((await underWay).text, 'b', 'what is under way may finish');
  assert.is(await kindOf(client.echo(echo('c'))), 'refused');
  await listen({ port: first.port });
  assert.is((await client.echo(echo('d'))).text, 'd');
});

onNode('a connection that breaks ends every call on it, and none is sent twice', async () => {
  const { url, asked } = await listenRaw((socket) => {
    socket.write(UPGRADED);
    socket.once('data', () => socket.destroy());
  });
  const client = connect(url);
  const calls = [client.echo(echo('a')), client.echo(echo('b'))];
  assert.equal(await Promise.all(calls.map(kindOf)), ['broken', 'broken']);
  assert.is(asked(), 1);
});

onNode('a connection that is silent is given up with the call, and another is opened', async () => {
  const { url, asked } = await listenRaw((socket, number) => {
    if (number === 1) return;
    socket.write(UPGRADED);
    if (number === 3) socket.write(frame('3 200\n{"text":"c"}\n'));
  });
  const client = connect(url);
  assert.is(await kindOf(client.echo({ ...echo('a'), timeoutMs: 50 })), 'timeout');
  assert.is(await kindOf(client.echo({ ...echo('b'), timeoutMs: 50 })), 'timeout');
  assert.equal(await client.echo(echo('c')), { text: 'c', lines: [] });
  assert.is(asked(), 3);
});

onNode(
  'who waited on a silent connection beside another is told the same, and does not take it for a broken one',
  async () => {
    const { url, asked } = await listenRaw((socket) => socket.write(UPGRADED));
    const client = connect(url);
    const calls = [client.echo({ ...echo('a'), timeoutMs: 50 }), client.echo(echo('b')), client.echo(echo('c'))];
    assert.equal(await Promise.all(calls.map(kindOf)), ['timeout', 'timeout', 'timeout']);
    assert.is(asked(), 1);
  },
);

onNode('what was not sent yet when a connection is given up goes over the next one', async () => {
  const { url, asked } = await listenRaw((socket, number) => {
    if (number === 1) return;
    socket.write(UPGRADED);
    socket.once('data', () => socket.write(frame('2 200\n{"text":"b"}\n')));
  });
  const client = connect(url);
  const calls = [client.echo({ ...echo('a'), timeoutMs: 50 }), client.echo(echo('b'))];
  assert.is(await kindOf(calls[0] as Promise<unknown>), 'timeout');
  assert.equal(await calls[1], { text: 'b', lines: [] });
  assert.is(asked(), 2);
});

onNode('an answer that comes too late is nobody’s', async () => {
  const { url, assertOneLink } = await listenBefore((await listen()).url);
  const client = connect(url);
  const slow = kindOf(client.echo({ ...echo('slow', 100), timeoutMs: 30 }));
  const texts: string[] = [];
  while ((await Promise.race([slow, sleep(0)])) === undefined) texts.push((await client.echo(echo('quick'))).text);
  assert.is(await slow, 'timeout');
  assert.ok(texts.every((text) => text === 'quick'));
  // The slow one's answer went out before this one's, which takes longer from now on.
  assert.is(
    (await client.echo(echo('after', 100))).text,
    'after',
    'the connection lives on: others were answered on it',
  );
  assertOneLink();
});

onNode('a frame that cannot be is the end of the connection, for the client', async () => {
  const { url } = await listenRaw((socket) => {
    socket.write(UPGRADED);
    socket.write(Buffer.from([0xff, 0xff, 0xff, 0xff]));
  });
  assert.is(await kindOf(connect(url).echo(echo('a'))), 'broken');
});

onNode('a frame that cannot be is the end of the connection, for the service, and of that one only', async () => {
  const { url } = await listen();
  const other = await openRaw(url);
  const wrong = ['', '1 GET', '1 DELETE /echo', 'GET /echo HTTP/1.1\r\n\r\n'];
  const frames = [Buffer.from([0xff, 0xff, 0xff, 0xff]), ...wrong.map(frame)];
  for (const bytes of frames) {
    const link = await openRaw(url);
    link.write(bytes);
    assert.is(await link.next(), null, JSON.stringify(String(bytes)));
  }
  other.write(frame('9 GET /products/Fox?at=7'));
  assert.is(await other.next(), '9 200\n{"name":"Fox","at":7}');
});

onNode('what the routes do not know is answered as over HTTP', async () => {
  const link = await openRaw((await listen()).url);
  const statusOf = async (text: string) => {
    link.write(frame(text));
    return (await link.next())?.split('\n')[0];
  };
  assert.is(await statusOf('1 GET /nowhere'), '1 404');
  assert.is(await statusOf('2 GET /echo'), '2 405');
  assert.is(await statusOf('3 POST /echo\nno json'), '3 400');
  assert.is(await statusOf('4 GET //'), '4 404');
  assert.is(await statusOf('5 GET /products/%ff?at=7'), '5 400');
});

onNode(
  'an answer that is a stream or too long is an error on its own call, and nothing is left under way',
  async () => {
    const server = await listen();
    const { url, assertOneLink } = await listenBefore(server.url);
    const client = connect(url);
    const errorOf = (call: Promise<unknown>) => call.catch(({ status, reason, message }) => [status, reason, message]);
    const beside = client.echo(echo('beside', 100));
    const before = streamsLeft;
    assert.match(String(await errorOf(client.stream())), /^500,internal,.*the answer is no text/);
    assert.is(streamsLeft, before + 1, 'who made the stream knows that nobody reads it');
    const length = limits.internalBodyBytesMax;
    assert.match(String(await errorOf(client.long({ query: { length } }))), /^500,internal,.*too long/);
    const most = length - '{"text":""}'.length - 'N 200\n'.length;
    assert.is((await client.long({ query: { length: most } })).text.length, most);
    assert.match(String(await errorOf(client.long({ query: { length: most + 1 } }))), /^500,internal,.*too long/);
    assert.is((await beside).text, 'beside');
    assertOneLink();
    const startedMs = monotonicMs();
    await server.close();
    assert.ok(monotonicMs() - startedMs < limits.closeWaitMs, 'the link was idle');
  },
);

onNode('a mistake in what serves a link ends the link, and not the process', async () => {
  const server = createServer();
  const { port } = await listenOn(server, new Set());
  const fetch = async (): Promise<Response> => {
    throw new Error('a mistake');
  };
  acceptLinks(server, { fetch, origin: '' });
  assert.is(await kindOf(connect(`http://127.0.0.1:${port}`).echo(echo('a'))), 'broken');
});

onNode('a service that knows no upgrade is called over HTTP from then on', async () => {
  let requests = 0;
  const server: Server = createServer((request, response) => {
    requests += 1;
    if (request.method === 'GET') return void response.writeHead(404).end();
    request.resume().on('end', () => response.end('{"text":"plain"}\n'));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  kept({
    close() {
      server.closeAllConnections();
      server.close();
    },
  });
  const { port } = server.address() as { port: number };
  const client = connect(`http://127.0.0.1:${port}`);
  assert.equal(await client.echo(echo('a')), { text: 'plain', lines: [] });
  assert.equal(await client.echo(echo('b')), { text: 'plain', lines: [] });
  assert.is(requests, 3);
});

onNode('after its end a client calls nobody', async () => {
  const client = connect((await listen()).url);
  await client.echo(echo('a'));
  const underWay = kindOf(client.echo(echo('b', 1000)));
  await client.close();
  assert.is(await underWay, 'broken');
  assert.is(await kindOf(client.echo(echo('c'))), 'broken');
});

test.run();
