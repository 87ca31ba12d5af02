/**
 * One client's one connection. A request whose fate is unknown, or that cannot be decided now, is sent again as it was,
 * key and all, until there is an answer or its time is up.
 */

import { monotonicMs, sleep } from '@till/shared/clock';
import { Client } from 'undici';

export type ClientRequest = { method: 'GET' | 'POST'; path: string; body?: unknown; key?: string };

/** `body` is null when the answer was no JSON. */
export type ClientAnswer = { status: number; body: unknown };

/** No answer came within the time: for an order, it may have been made or not. */
export class NoAnswer extends Error {
  override name = 'NoAnswer';
}

export type Connection = {
  /** The answer, whatever its status; statuses that only mean "later" are retried first. */
  send(request: ClientRequest): Promise<ClientAnswer>;
  close(): Promise<void>;
};

/** Longer than the front holds a request back while it waits for a leader. */
const ATTEMPT_MS = 6000;
const CONNECT_MS = 2000;
const PAUSE_MS_MIN = 20;
const PAUSE_MS_MAX = 1000;

/** Cannot decide now, too many, still in flight. */
const LATER = new Set([503, 429, 409]);

export const createConnection = ({
  url,
  retryForMs,
  onRetry,
}: {
  url: string;
  /** No attempt begins after this time. */
  retryForMs: number;
  onRetry: () => void;
}): Connection => {
  const { origin, pathname } = new URL(url);
  const prefix = pathname === '/' ? '' : pathname;
  const client = new Client(origin, {
    pipelining: 1,
    connect: { timeout: CONNECT_MS },
    headersTimeout: ATTEMPT_MS,
    bodyTimeout: ATTEMPT_MS,
  });

  const attempt = async ({ method, path, body, key }: ClientRequest) => {
    const answer = await client.request({
      method,
      path: `${prefix}${path}`,
      headers: {
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...(key === undefined ? {} : { 'idempotency-key': key }),
      },
      body: body === undefined ? null : JSON.stringify(body),
    });
    const text = await answer.body.text();
    return { status: answer.statusCode, body: parse(text), retryAfter: answer.headers['retry-after'] };
  };

  return {
    async send(request) {
      const startedAt = monotonicMs();
      for (let tries = 1; ; tries += 1) {
        const { answer, reason, retryAfter } = await attempt(request).then(
          ({ status, body, retryAfter }) => ({
            answer: { status, body },
            reason: describeStatus(status, body),
            retryAfter,
          }),
          (error: unknown) => ({ answer: null, reason: describeError(error), retryAfter: undefined }),
        );
        if (answer !== null && !LATER.has(answer.status)) return answer;
        const pauseMs = pauseOf(tries, retryAfter);
        const passedMs = monotonicMs() - startedAt;
        if (passedMs + pauseMs > retryForMs) {
          throw new NoAnswer(
            `${request.method} ${request.path}: ${reason}, ${tries} tries in ${Math.round(passedMs)} ms`,
          );
        }
        onRetry();
        await sleep(pauseMs);
      }
    },
    close: () => client.destroy(),
  };
};

/** What the server asks for, at most a second; without a wish, soon at first and then later. */
const pauseOf = (tries: number, retryAfter: string | string[] | undefined): number => {
  const wishedMs = Number(retryAfter) * 1000;
  if (Number.isFinite(wishedMs) && wishedMs >= 0) return Math.min(wishedMs, PAUSE_MS_MAX);
  return Math.min(PAUSE_MS_MIN * 2 ** Math.min(tries - 1, 10), PAUSE_MS_MAX);
};

const parse = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
};

/** A status with the server's own reason, if it gave one. */
export const describeStatus = (status: number, body: unknown): string => {
  const error = (body as { error?: { reason?: string; message?: string } } | null)?.error;
  return error === undefined ? `status ${status}` : `status ${status}, ${error.reason}: ${error.message}`;
};

const describeError = (error: unknown): string =>
  error instanceof Error ? String((error as NodeJS.ErrnoException).code ?? error.message) : String(error);
