/**
 * Typed calls from one service to another, after the text in contract.ts. Connections are kept; every call has a deadline;
 * no POST is sent twice. A runtime is named here and in serve.ts only: undici on Node and Deno, Bun's own fetch on Bun.
 */
import type { Static, TSchema } from 'typebox';
import { Compile } from 'typebox/compile';
import type { Dispatcher, Pool } from 'undici';
import { monotonicMs } from './clock.ts';
import type { Contract, ResponseOf, Route } from './contract.ts';
import { limits } from './limits.ts';
import { createLineSplitter } from './lines.ts';
import { createLinkClient } from './link-client.ts';
import { decodeWithLines, encodeWithLines } from './with-lines.ts';

/**
 * What became of a call that has no usable answer:
 * - `refused`: nobody listens there; the request certainly did not arrive. On Bun only a POST says so: Bun sends a GET whose
 *   connection broke once more by itself, and then tells what became of the second one;
 * - `broken`: the connection broke, or could not be used: the request may have arrived;
 * - `timeout`: no answer within the deadline: the request may have arrived;
 * - `status`: an answer with an error status, `status` and perhaps `reason` say which;
 * - `invalid`: an answer that is not what the contract promises.
 */
export type CallErrorKind = 'refused' | 'broken' | 'timeout' | 'status' | 'invalid';

export class CallError extends Error {
  override name = 'CallError';
  readonly kind: CallErrorKind;
  readonly status: number | undefined;
  readonly reason: string | undefined;
  /** What the runtime calls a connection's failure: `ECONNREFUSED`, `ENOTFOUND` and so on. Not the same on all of them. */
  readonly code: string | undefined;

  constructor(
    kind: CallErrorKind,
    message: string,
    told: { status?: number; reason?: string | undefined; code?: string | undefined } = {},
  ) {
    super(message);
    this.kind = kind;
    this.status = told.status;
    this.reason = told.reason;
    this.code = told.code;
  }
}

export type CallInput<R extends Route> = (R extends { params: infer S extends TSchema }
  ? { params: Static<S> }
  : unknown) &
  (R extends { query: infer S extends TSchema } ? { query: Static<S> } : unknown) &
  (R extends { body: infer S extends TSchema } ? { body: Static<S> } : unknown) & { timeoutMs?: number };

type Described = { params: TSchema } | { query: TSchema } | { body: TSchema };
type Call<R extends Route> = R extends Described
  ? (input: CallInput<R>) => Promise<ResponseOf<R>>
  : (input?: CallInput<R>) => Promise<ResponseOf<R>>;

/** One method per route of the contract, and `close`, which ends the connections. */
export type Client<C extends Contract> = { [Name in keyof C]: Call<C[Name]> } & { close(): Promise<void> };

export type ClientOptions = {
  /** Where the service is, without a path. */
  url: string;
  /** Deadline of a call that names none itself. */
  timeoutMs?: number;
  connectionsMax?: number;
  /** Whether to call over a link if the service and the runtime know links: for the calls that orders wait for. */
  links?: boolean;
};

export const createClient = <C extends Contract>(contract: C, options: ClientOptions): Client<C> => {
  const origin = new URL(options.url).origin;
  const http = createTransport(origin, options.connectionsMax ?? limits.connectionsPerServiceMax);
  const transport = options.links === true && isNode ? createLinkTransport(origin, http) : http;
  const timeoutMs = options.timeoutMs ?? limits.internalWaitMs;
  const calls = Object.entries(contract).map(([name, route]) => [
    name,
    createCall(route, origin, transport, timeoutMs),
  ]);
  return { ...Object.fromEntries(calls), close: () => transport.close() };
};

type AnyInput = {
  params?: Record<string, unknown>;
  query?: Record<string, unknown>;
  body?: unknown;
  timeoutMs?: number;
};

const createCall = (route: Route, origin: string, transport: Transport, timeoutMsDefault: number) => {
  const parts = route.path.split('/');
  const fixedPath = parts.some((part) => part.startsWith(':')) ? null : route.path;
  const what = `${route.method} ${origin}${route.path}`;
  let check: ((value: unknown) => boolean) | undefined;

  return async (input: AnyInput = {}): Promise<unknown> => {
    const answer = await transport.send({
      what,
      method: route.method,
      path: (fixedPath ?? fill(parts, input.params ?? {})) + queryOf(input.query),
      body: input.body === undefined ? undefined : encode(input.body, route.bodyLines),
      timeoutMs: input.timeoutMs ?? timeoutMsDefault,
    });
    if (answer.status < 200 || answer.status > 299) throw statusError(what, answer);
    const value = parse(answer.text, route.responseLines);
    check ??= checkOf(route.response);
    if (!check(value)) throw new CallError('invalid', `Cannot use the answer of ${what}: it is not what was agreed on`);
    return value;
  };
};

const checkOf = (schema: TSchema): ((value: unknown) => boolean) => {
  const compiled = Compile(schema);
  return (value) => compiled.Check(value);
};

const fill = (parts: string[], params: Record<string, unknown>): string =>
  parts.map((part) => (part.startsWith(':') ? encodeURIComponent(String(params[part.slice(1)])) : part)).join('/');

const queryOf = (query: Record<string, unknown> | undefined): string => {
  if (query === undefined) return '';
  const given = Object.entries(query).filter(([, value]) => value !== undefined);
  return `?${given.map(([name, value]) => `${name}=${encodeURIComponent(String(value))}`).join('&')}`;
};

const encode = (body: unknown, lines: string | undefined): string =>
  lines === undefined ? JSON.stringify(body) : encodeWithLines(body as object, lines);

/** undefined for what is not JSON; no schema of a contract accepts undefined. */
const parse = (text: string, lines?: string): unknown => {
  try {
    return lines === undefined ? JSON.parse(text) : decodeWithLines(text, lines);
  } catch {
    return undefined;
  }
};

const statusError = (what: string, answer: { status: number; text: string }): CallError => {
  const body = parse(answer.text) as { error?: { reason?: unknown; message?: unknown } } | null | undefined;
  const reason = typeof body?.error?.reason === 'string' ? body.error.reason : undefined;
  const message = typeof body?.error?.message === 'string' ? `: ${body.error.message}` : '';
  return new CallError('status', `${what} answered ${answer.status}${message}`, { status: answer.status, reason });
};

// Transports.

/** One request to one server, whatever it says. */
export type Sending = {
  /** For messages. */
  what: string;
  method: 'GET' | 'POST';
  path: string;
  /** Names in lower case. A body is JSON unless they say something else. */
  headers?: Record<string, string>;
  body: string | undefined;
  timeoutMs: number;
  /** Ends it at once, as `broken`. */
  signal?: AbortSignal;
  /** A longer answer is `invalid`, and is not read to its end. Without it the other side is trusted. */
  bodyBytesMax?: number;
};
/** `headers` as the runtime has them; `plainHeaders` makes a record of them. */
type Answer = { status: number; text: string; headers: RawHeaders };
type RawHeaders = Headers | Record<string, string | string[] | undefined>;

/** Sends requests to one server. Throws `CallError` if there is no answer; what it says is the caller's to judge. */
export type Transport = { send(sending: Sending): Promise<Answer>; close(): Promise<void> };

const JSON_HEADERS = { 'content-type': 'application/json' };

const isBun = 'Bun' in globalThis;
const isNode = !isBun && !('Deno' in globalThis);

/** Calls over a link (link.ts); over HTTP once the service has turned out to know none. */
const createLinkTransport = (origin: string, http: Transport): Transport => {
  const link = createLinkClient(origin);
  let isKnown = true;
  return {
    send(sending) {
      if (!isKnown) return http.send(sending);
      const { what, timeoutMs } = sending;
      return new Promise((resolve, reject) => {
        link.call(sending, {
          onAnswer: (status, text) => resolve({ status, text, headers: {} }),
          onFailure: ({ kind, error }) => {
            reject(kind === 'timeout' ? timeoutError({ what, timeoutMs }) : connectionError(what, error));
          },
          onUnknown() {
            isKnown = false;
            resolve(http.send(sending));
          },
        });
      });
    },
    async close() {
      link.close();
      await http.close();
    },
  };
};

export const createTransport = (origin: string, connectionsMax: number): Transport =>
  isBun ? createFetchTransport(origin) : createUndiciTransport(origin, connectionsMax);

/** Names in lower case; a header that came several times is one text with commas. */
export const plainHeaders = (headers: RawHeaders): Record<string, string> =>
  Object.fromEntries(
    headers instanceof Headers
      ? headers
      : Object.entries(headers).map(([name, value]) => [name.toLowerCase(), String(value)]),
  );

const headersOf = ({ headers, body }: Sending): Record<string, string> | undefined => {
  const own = body === undefined ? undefined : JSON_HEADERS;
  return headers === undefined ? own : { ...own, ...headers };
};

/**
 * A timer of our own per call instead of undici's timeouts, which are coarse and do not cover the wait for a connection.
 * `dispatch` is undici's lowest level: no stream, no signal and no promise but ours stands between the socket and the answer.
 */
const createUndiciTransport = (origin: string, connectionsMax: number): Transport => {
  let pool: Pool | undefined;
  const opening = import('undici').then((undici) => {
    pool = new undici.Pool(origin, {
      connections: connectionsMax,
      pipelining: 1,
      connectTimeout: limits.internalWaitMs,
      headersTimeout: 0,
      bodyTimeout: 0,
    });
    return pool;
  });

  const send = (sending: Sending): Promise<Answer> =>
    new Promise((resolve, reject) => {
      if (sending.signal?.aborted) return reject(abortedError(sending));
      const receiver = createReceiver(sending, { resolve, reject });
      if (pool === undefined) opening.then((opened) => receiver.dispatchOn(opened), reject);
      else receiver.dispatchOn(pool);
    });

  return { send, close: async () => (await opening).destroy() };
};

/** What takes in one answer of undici's. It is over once: with the answer, an error, or because nobody waits any more. */
const createReceiver = (
  sending: Sending,
  { resolve, reject }: { resolve(answer: Answer): void; reject(error: CallError): void },
): { dispatchOn(pool: Pool): void } => {
  const { what, signal, bodyBytesMax = Number.POSITIVE_INFINITY } = sending;
  let controller: Dispatcher.DispatchController | undefined;
  let isOver = false;
  let status = 0;
  let headers: RawHeaders = {};
  let bytes = 0;
  let first: Buffer | undefined;
  let more: Buffer[] | undefined;

  const finish = (): void => {
    isOver = true;
    clearTimeout(timer);
    signal?.removeEventListener('abort', abort);
  };
  const end = (error: CallError): void => {
    if (isOver) return;
    finish();
    controller?.abort(error);
    reject(error);
  };
  const abort = (): void => end(abortedError(sending));
  const timer = setTimeout(() => end(timeoutError(sending)), sending.timeoutMs);
  signal?.addEventListener('abort', abort);

  const handler: Dispatcher.DispatchHandler = {
    onRequestStart(given) {
      controller = given;
      if (isOver) controller.abort(new Error('Nobody waits for this any more'));
    },
    onResponseStart(_, statusCode, given) {
      status = statusCode;
      headers = given;
    },
    onResponseData(_, chunk) {
      bytes += chunk.length;
      if (bytes > bodyBytesMax) return end(tooLongError(what, bodyBytesMax));
      if (first === undefined) first = chunk;
      else {
        more ??= [first];
        more.push(chunk);
      }
    },
    onResponseEnd() {
      if (isOver) return;
      finish();
      const body = more === undefined ? first : Buffer.concat(more);
      resolve({ status, text: body === undefined ? '' : textOf(body), headers });
    },
    onResponseError(_, error) {
      end(connectionError(what, error));
    },
  };
  return {
    dispatchOn(pool) {
      if (isOver) return;
      const { method, path, body } = sending;
      pool.dispatch({ method, path, headers: headersOf(sending) ?? null, body: body ?? null }, handler);
    },
  };
};

const decoder = new TextDecoder();
/** Without a mark of the byte order, as every reader of JSON wants it. */
const textOf = (body: Buffer): string => (body[0] === 0xef ? decoder.decode(body) : body.toString());

const createFetchTransport = (origin: string): Transport => {
  const closing = new AbortController();

  const send = async (sending: Sending): Promise<Answer> => {
    const calling = new AbortController();
    const abort = () => calling.abort();
    const timer = setTimeout(abort, sending.timeoutMs);
    closing.signal.addEventListener('abort', abort);
    sending.signal?.addEventListener('abort', abort);
    if (sending.signal?.aborted) abort();
    const { body, bodyBytesMax } = sending;
    const headers = headersOf(sending);
    try {
      const response = await fetch(origin + sending.path, {
        method: sending.method,
        signal: calling.signal,
        redirect: 'manual',
        ...(headers === undefined ? {} : { headers }),
        ...(body === undefined ? {} : { body }),
      });
      const text =
        bodyBytesMax === undefined || response.body === null
          ? await response.text()
          : await readText(response.body, bodyBytesMax, sending.what);
      return { status: response.status, text, headers: response.headers };
    } catch (error) {
      if (sending.signal?.aborted) throw abortedError(sending);
      if (calling.signal.aborted && !closing.signal.aborted) throw timeoutError(sending);
      throw connectionError(sending.what, error, sending.method === 'POST');
    } finally {
      clearTimeout(timer);
      closing.signal.removeEventListener('abort', abort);
      sending.signal?.removeEventListener('abort', abort);
    }
  };

  return { send, close: async () => closing.abort() };
};

/** Leaving the loop early also ends the connection, so that the rest does not come in for nobody. */
const readText = async (body: AsyncIterable<Uint8Array>, bytesMax: number, what: string): Promise<string> => {
  const decoder = new TextDecoder();
  let text = '';
  let bytes = 0;
  for await (const chunk of body) {
    bytes += chunk.byteLength;
    if (bytes > bytesMax) throw tooLongError(what, bytesMax);
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
};

const tooLongError = (what: string, bytesMax: number): CallError =>
  new CallError('invalid', `Cannot use the answer of ${what}: over ${bytesMax} bytes`);

const abortedError = (sending: Sending): CallError =>
  new CallError('broken', `The caller of ${sending.what} has ended the call`);

const timeoutError = (sending: Pick<Sending, 'what' | 'timeoutMs'>): CallError =>
  new CallError('timeout', `No answer to ${sending.what} within ${sending.timeoutMs} ms`);

const connectionError = (what: string, error: unknown, sentOnce = true): CallError => {
  if (error instanceof CallError) return error;
  const text = error instanceof Error ? error.message : String(error);
  const code = error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
  const wasRefused = code === 'ECONNREFUSED' || code === 'ConnectionRefused';
  return new CallError(sentOnce && wasRefused ? 'refused' : 'broken', `Cannot call ${what}: ${text}`, { code });
};

// Streams.

/** Why a stream is over: as for a call, or the other side ended it, or the reader did. */
export type StreamEnd = { kind: CallErrorKind | 'ended' | 'aborted'; message: string; status?: number };

export type StreamOptions<S extends TSchema> = {
  /** What each line must be; a line that is not ends the stream as `invalid`. */
  schema: S;
  /** Called for each line in order. The stream is read on only when it has returned, or its promise is fulfilled. */
  onLine(line: Static<S>): void | Promise<void>;
  /** Called exactly once, and nothing is called after it. */
  onEnd(end: StreamEnd): void;
  /** Ends the stream when no line has come for so long, from the start on. */
  idleMs: number;
  signal?: AbortSignal;
};

/** Reads lines of JSON (NDJSON) until one side ends it. Returns at once. `close` ends the stream as `aborted`. */
export const openStream = <S extends TSchema>(url: string, options: StreamOptions<S>): { close(): void } => {
  const { onLine, onEnd, idleMs, signal } = options;
  const what = `GET ${url}`;
  const reading = new AbortController();
  const check = checkOf(options.schema);
  let lineAtMs = monotonicMs();
  let over = false;
  /** What `onLine` threw: our own fault, so it ends the stream and then surfaces as an unhandled rejection. */
  let mistake: { error: unknown } | undefined;

  const end = (reason: StreamEnd) => {
    if (over) return;
    over = true;
    clearTimeout(timer);
    signal?.removeEventListener('abort', close);
    reading.abort();
    onEnd(reason);
  };
  const close = () => end({ kind: 'aborted', message: `${what} was ended by its reader` });
  const watch = () => {
    const leftMs = lineAtMs + idleMs - monotonicMs();
    if (leftMs <= 0) end({ kind: 'timeout', message: `${what} was silent for ${idleMs} ms` });
    else timer = setTimeout(watch, leftMs);
  };

  const take = async (text: string): Promise<void> => {
    const line = parse(text);
    if (!check(line)) throw new CallError('invalid', `${what} sent a line that is not what was agreed on`);
    try {
      await onLine(line as Static<S>);
    } catch (error) {
      mistake = { error };
    }
    lineAtMs = monotonicMs();
  };
  const read = async (): Promise<void> => {
    const splitter = createLineSplitter({ lineLengthMax: limits.streamLineBytesMax });
    for await (const chunk of openBody(url, what, reading.signal)) {
      for (const text of splitter.push(chunk)) {
        if (over) return;
        await take(text);
        if (mistake !== undefined) return end({ kind: 'invalid', message: `A line of ${what} could not be handled` });
      }
    }
    end({ kind: 'ended', message: `${what} was ended by the other side` });
  };

  let timer = setTimeout(watch, idleMs);
  signal?.addEventListener('abort', close);
  if (signal?.aborted) queueMicrotask(close);
  read()
    .catch((error) => {
      const { kind, message, status } = connectionError(what, error);
      end({ kind, message, ...(status === undefined ? {} : { status }) });
    })
    .then(() => {
      if (mistake !== undefined) throw mistake.error;
    });
  return { close };
};

/** The bytes of an answer as they come. A connection of its own, so that no call waits behind it. */
const openBody = (url: string, what: string, signal: AbortSignal): AsyncGenerator<Uint8Array> =>
  isBun ? openFetchBody(url, what, signal) : openUndiciBody(url, what, signal);

async function* openUndiciBody(url: string, what: string, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  const { origin, pathname, search } = new URL(url);
  const { Client } = await import('undici');
  const connection = new Client(origin, { headersTimeout: 0, bodyTimeout: 0, connectTimeout: limits.internalWaitMs });
  const end = () => void connection.destroy();
  signal.addEventListener('abort', end);
  if (signal.aborted) end();
  try {
    const { statusCode, body } = await connection.request({ method: 'GET', path: pathname + search });
    if (statusCode !== 200) throw statusError(what, { status: statusCode, text: await body.text() });
    yield* body;
  } finally {
    await connection.destroy();
  }
}

async function* openFetchBody(url: string, what: string, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  const response = await fetch(url, { signal, redirect: 'manual', keepalive: false });
  if (response.status !== 200) throw statusError(what, { status: response.status, text: await response.text() });
  if (response.body !== null) yield* response.body;
}
