/**
 * An HTTP server on Node, Bun and Deno behind one `fetch`. A runtime is named here and in client.ts only. Bodies are bounded
 * while they are read; what a handler throws becomes an answer of the one error shape; closing is bounded in time.
 */
import type { Server as HttpServer } from 'node:http';
import { Server as TcpServer } from 'node:net';
import { serve as listen, type Server, type ServerOptions } from 'srvx';
import { limitRequestBody } from 'srvx/body-limit';
import { deadline, monotonicMs, sleep } from './clock.ts';
import { problem, problemOf } from './errors.ts';
import { limits } from './limits.ts';
import { acceptLinks, type LinkServer } from './link-server.ts';

export { json, Reply } from './reply.ts';

export type Fetch = (request: Request) => Response | Promise<Response>;

export type ServeOptions = {
  fetch: Fetch;
  /** 0: any free port; the result says which. */
  port: number;
  hostname: string;
  /** Bodies over this get a 413. The default is for the public side; services allow each other more, some paths need more. */
  bodyBytesMax?: number | ((url: string) => number);
  /**
   * How long connections that are open when closing begins are served as before, each answer telling its client to leave. A
   * client that sends its next request just as its idle connection is ended gets no answer; so it is given the time to come.
   * Not for a server with streams.
   */
  drainMs?: number;
  /** Whether other services may hold links to this one (link.ts), as far as the runtime knows them. */
  links?: boolean;
  /** Hears of what a handler threw that is no `Problem`; the caller only gets a 500. */
  onError?: (error: unknown) => void;
};

export type Listening = {
  /** Without a slash at the end. */
  url: string;
  port: number;
  /**
   * Stops accepting and drains what is open; then lets requests that are under way finish for a while, and refuses new ones;
   * then ends every connection.
   */
  close(): Promise<void>;
};

export const serve = async (options: ServeOptions): Promise<Listening> => {
  const { port, hostname, onError } = options;
  const { bodyBytesMax = limits.bodyBytesMax } = options;
  const bodyBytesMaxOf = typeof bodyBytesMax === 'number' ? () => bodyBytesMax : bodyBytesMax;
  const traffic: Traffic = { phase: 'open', underWay: 0, end: new AbortController(), links: null };
  const server = await start(port, hostname, {
    fetch: handled(bounded(options.fetch, bodyBytesMaxOf), traffic, onError),
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
  const url = new URL(server.url as string);
  const http = server.node?.server as HttpServer | undefined;
  http?.on('clientError', answerUnreadable);
  if (http !== undefined && options.links === true) {
    traffic.links = acceptLinks(http, { fetch: handled(options.fetch, traffic, onError), origin: url.origin, onError });
  }
  let closing: Promise<void> | undefined;
  return {
    url: url.origin,
    port: Number(url.port),
    close: () => {
      closing ??= close(server, traffic, options.drainMs ?? 0);
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
type Traffic = {
  phase: 'open' | 'draining' | 'refusing';
  underWay: number;
  end: AbortController;
  links: LinkServer | null;
};

/** What is answered at once stays so: a promise for each of the most frequent requests would cost more than their answers. */
const handled = (fetch: Fetch, traffic: Traffic, onError: ServeOptions['onError']): Fetch => {
  const answered = (response: Response): Response => {
    traffic.underWay -= 1;
    return traffic.phase === 'open' ? response : toLeave(response);
  };
  const failed = (error: unknown): Response => answered(problemOf(error, onError));
  return (request) => {
    if (traffic.phase === 'refusing') return toLeave(stopping());
    traffic.underWay += 1;
    try {
      const response = fetch(request);
      return response instanceof Promise ? response.then(answered, failed) : answered(response);
    } catch (error) {
      return failed(error);
    }
  };
};

const stopping = (): Response =>
  problem(503, 'stopping', 'Cannot answer: the service is stopping', {
    'retry-after': String(limits.retryAfterSeconds),
  });

/** The connection ends with this answer, and the client knows that it does. */
const toLeave = (response: Response): Response => {
  response.headers.set('connection', 'close');
  return response;
};

/**
 * A length that was announced is kept by the HTTP parser of each runtime, so comparing it is enough. Only a body without
 * one is counted, which costs a stream.
 */
const bounded =
  (fetch: Fetch, bodyBytesMaxOf: (url: string) => number): Fetch =>
  (request) => {
    if (request.method === 'GET' || request.method === 'HEAD') return fetch(request);
    const bodyBytesMax = bodyBytesMaxOf(request.url);
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
 * First the connections that are open are drained; then what is under way may finish, for a bounded time; then all that is
 * still open is ended: streams, above all, which do not end by themselves.
 */
const close = async (server: Server, traffic: Traffic, drainMs: number): Promise<void> => {
  traffic.phase = 'draining';
  if (server.runtime === 'node') return closeNode(server.node?.server as HttpServer, traffic, drainMs);
  // Bun and Deno cannot refuse connections without ending the idle ones, so new ones are served and told to leave as well.
  if (drainMs > 0) await sleep(drainMs);
  traffic.phase = 'refusing';
  if (server.runtime === 'deno') return closeDeno(server, traffic, drainMs);
  try {
    await deadline(server.close(), limits.closeWaitMs);
  } catch {
    await Promise.race([server.close(true), sleep(limits.closeWaitMs)]);
  }
};

const closeNode = async (server: HttpServer, traffic: Traffic, drainMs: number): Promise<void> => {
  // An HTTP server's own way to stop listening ends idle connections in the same breath, a TCP server's does not.
  const closed = new Promise<void>((resolve) => TcpServer.prototype.close.call(server, () => resolve()));
  if (drainMs > 0) await within(closed, drainMs);
  traffic.phase = 'refusing';
  traffic.links?.endIdle();
  if (await within(untilClosed(closed, server), limits.closeWaitMs)) return;
  server.closeAllConnections();
  traffic.links?.destroyAll();
  await within(closed, limits.closeWaitMs);
};

/** A connection that was busy when closing began stays open for its next request, unless it is ended once it is idle. */
const untilClosed = async (closed: Promise<void>, server: HttpServer): Promise<void> => {
  do server.closeIdleConnections();
  while (!(await within(closed, CLOSE_LOOK_MS)));
};

/**
 * Deno's own way of closing waits for streams for ever, and takes no second order. So the waiting is done here, except for
 * a server that drains: that is one without streams.
 */
const closeDeno = async (server: Server, traffic: Traffic, drainMs: number): Promise<void> => {
  if (drainMs > 0) {
    await within(server.close(), limits.closeWaitMs);
    return;
  }
  const endMs = monotonicMs() + limits.closeWaitMs;
  do await sleep(CLOSE_LOOK_MS);
  while (traffic.underWay > 0 && monotonicMs() < endMs);
  // For the last answer to get out.
  await sleep(CLOSE_LOOK_MS);
  traffic.end.abort();
};

/** Whether it is over within `ms`; it goes on otherwise. */
const within = (over: Promise<void>, ms: number): Promise<boolean> =>
  deadline(over, ms).then(
    () => true,
    () => false,
  );

const CLOSE_LOOK_MS = 20;
