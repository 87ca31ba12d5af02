/**
 * An HTTP server on Node, Bun and Deno behind one `fetch`. A runtime is named here and in client.ts only. Bodies are bounded
 * while they are read; what a handler throws becomes an answer of the one error shape; closing is bounded in time.
 */
import { serve as listen, type Server, type ServerOptions } from 'srvx';
import { limitRequestBody } from 'srvx/body-limit';
import { deadline, monotonicMs, sleep } from './clock.ts';
import { problem, problemOf } from './errors.ts';
import { limits } from './limits.ts';

export { json, Reply } from './reply.ts';

export type Fetch = (request: Request) => Response | Promise<Response>;

export type ServeOptions = {
  fetch: Fetch;
  /** 0: any free port; the result says which. */
  port: number;
  hostname: string;
  /** Bodies over this get a 413. The default is for the public side; services allow each other more. */
  bodyBytesMax?: number;
  /** Hears of what a handler threw that is no `Problem`; the caller only gets a 500. */
  onError?: (error: unknown) => void;
};

export type Listening = {
  /** Without a slash at the end. */
  url: string;
  port: number;
  /** Stops accepting, lets requests that are under way finish for a while, then ends every connection. */
  close(): Promise<void>;
};

export const serve = async (options: ServeOptions): Promise<Listening> => {
  const { port, hostname, onError } = options;
  const bodyBytesMax = options.bodyBytesMax ?? limits.bodyBytesMax;
  const traffic: Traffic = { closing: false, underWay: 0, end: new AbortController() };
  const server = await start(port, hostname, {
    fetch: handled(bounded(options.fetch, bodyBytesMax), traffic, onError),
    port,
    hostname,
    silent: true,
    gracefulShutdown: false,
    node: {
      keepAliveTimeout: limits.keepAliveMs,
      headersTimeout: limits.headersWaitMs,
      requestTimeout: limits.bodyWaitMs,
    },
    bun: { idleTimeout: limits.keepAliveMs / 1000 },
    deno: { signal: traffic.end.signal },
  });
  server.node?.server?.on('clientError', answerUnreadable);
  const url = new URL(server.url as string);
  let closing: Promise<void> | undefined;
  return {
    url: url.origin,
    port: Number(url.port),
    close: () => {
      closing ??= close(server, traffic);
      return closing;
    },
  };
};

const start = async (port: number, hostname: string, options: ServerOptions): Promise<Server> => {
  try {
    const server = listen(options);
    return await server.ready();
  } catch (error) {
    const taken =
      error instanceof Error && (error.name === 'AddrInUse' || ('code' in error && error.code === 'EADDRINUSE'));
    const why = taken ? 'something else listens there already' : error instanceof Error ? error.message : String(error);
    throw new Error(`Cannot listen on ${hostname} port ${port}: ${why}`, { cause: error });
  }
};

/** What closing needs to know. */
type Traffic = { closing: boolean; underWay: number; end: AbortController };

const handled =
  (fetch: Fetch, traffic: Traffic, onError: ServeOptions['onError']): Fetch =>
  async (request) => {
    if (traffic.closing)
      return problem(503, 'stopping', 'Cannot answer: the service is stopping', { connection: 'close' });
    traffic.underWay += 1;
    try {
      return await fetch(request);
    } catch (error) {
      return problemOf(error, onError);
    } finally {
      traffic.underWay -= 1;
    }
  };

/**
 * A length that was announced is kept by the HTTP parser of each runtime, so comparing it is enough. Only a body without
 * one is counted, which costs a stream.
 */
const bounded =
  (fetch: Fetch, bodyBytesMax: number): Fetch =>
  (request) => {
    if (request.method === 'GET' || request.method === 'HEAD') return fetch(request);
    const announced = request.headers.get('content-length');
    if (announced === null || request.headers.has('transfer-encoding')) {
      return fetch(limitRequestBody(request, bodyBytesMax));
    }
    return Number(announced) <= bodyBytesMax ? fetch(request) : tooLarge();
  };

const tooLarge = (): Response => problem(413, 'body_too_large', 'Cannot read a body of this size');

/** What is not HTTP, or too slow, gets the one error shape too, where there is still someone to get it. */
const answerUnreadable = (error: NodeJS.ErrnoException, socket: import('node:stream').Duplex): void => {
  if (error.code === 'ECONNRESET' || !socket.writable) return void socket.destroy();
  const message = 'Cannot read the request';
  const body = JSON.stringify({ error: { code: 400, message, reason: 'bad_request' } });
  socket.end(
    `HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-type: application/json; charset=utf-8\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
  );
};

/**
 * First what is under way may finish, for a bounded time; then all that is still open is ended: streams, above all, which do
 * not end by themselves.
 */
const close = async (server: Server, traffic: Traffic): Promise<void> => {
  traffic.closing = true;
  if (server.runtime === 'deno') return closeDeno(traffic);
  const node = server.node?.server;
  const endIdle = () => node && 'closeIdleConnections' in node && node.closeIdleConnections();
  try {
    await deadline(untilIdle(server.close(), endIdle), limits.closeWaitMs);
  } catch {
    await Promise.race([server.close(true), sleep(limits.closeWaitMs)]);
  }
};

/** A connection that was busy when closing began stays open for its next request, unless it is ended once it is idle. */
const untilIdle = async (closed: Promise<void>, endIdle: () => void): Promise<void> => {
  let open = true;
  const finished = closed.finally(() => {
    open = false;
  });
  while (open) {
    endIdle();
    await Promise.race([finished, sleep(CLOSE_LOOK_MS)]);
  }
  return finished;
};

/** Deno's own way of closing waits for streams for ever, and takes no second order. So the waiting is done here. */
const closeDeno = async (traffic: Traffic): Promise<void> => {
  const endMs = monotonicMs() + limits.closeWaitMs;
  do await sleep(CLOSE_LOOK_MS);
  while (traffic.underWay > 0 && monotonicMs() < endMs);
  // For the last answer to get out.
  await sleep(CLOSE_LOOK_MS);
  traffic.end.abort();
};

const CLOSE_LOOK_MS = 20;
