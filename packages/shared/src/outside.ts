/**
 * Calls to programs that are not ours: the one place where they get their deadline, their retries and their circuit breaker,
 * all from cockatiel. docs/decisions/018-calls-to-the-outside.md says why it is arranged so.
 *
 *   breaker ─► deadline of the call ─► retries ─► one request
 */
import {
  DelegateBackoff,
  ExponentialBackoff,
  handleWhen,
  type IBackoff,
  retry,
  TaskCancelledError,
  TimeoutStrategy,
  timeout,
  wrap,
} from 'cockatiel';
import { type BreakerState, createBreaker } from './breaker.ts';
import { CallError, createTransport, plainHeaders } from './client.ts';
import { monotonicMs } from './clock.ts';
import { limits } from './limits.ts';

export type OutsideAnswer = {
  status: number;
  /** Names in lower case. */
  headers: Record<string, string>;
  text: string;
};

export type OutsideCall = {
  method: 'GET' | 'POST';
  /** Comes after the path of the outside's address; without it, that address itself is called. */
  path?: string;
  /** Names in lower case. A body is JSON unless they say something else. */
  headers?: Record<string, string>;
  body?: string;
  /** Ends the call at once; it then throws the signal's reason, and nothing is counted. */
  signal?: AbortSignal;
  /** If the caller has less time, or more, than the outside's `deadlineMs`. */
  deadlineMs?: number;
  /** A POST that may arrive twice. One that may not is never sent again. */
  idempotent?: true;
  /** False for an answer that is of no use, though its status is fine: a failure like a broken connection. */
  isUsable?(answer: OutsideAnswer): boolean;
};

/**
 * Why there is no answer:
 * - `open`: it was not asked, because it was down shortly before;
 * - `full`: it was not asked, because too many calls are under way;
 * - `timeout`: no answer in time: the request may have arrived;
 * - `broken`: no connection, or it broke, or the answer was of no use: the request may have arrived;
 * - `status`: it answered with 408, 425, 429 or 5xx.
 */
export type OutsideErrorKind = 'open' | 'full' | 'timeout' | 'broken' | 'status';

/** Its text has the outside's name, and nothing of addresses, headers and bodies: they may hold secrets. */
export class OutsideError extends Error {
  override name = 'OutsideError';
  readonly kind: OutsideErrorKind;
  readonly status: number | undefined;
  /** When to come again: as the outside said, at most `limits.outsideRetryAfterMsMax`; or as the breaker knows. */
  readonly retryAfterMs: number | undefined;

  constructor(
    kind: OutsideErrorKind,
    message: string,
    told: { status?: number | undefined; retryAfterMs?: number | undefined } = {},
  ) {
    super(message);
    this.kind = kind;
    this.status = told.status;
    this.retryAfterMs = told.retryAfterMs;
  }
}

export type OutsideState = BreakerState;

export type Outside = {
  /** Any answer below 500 but 408, 425 and 429. Throws `OutsideError`, or the signal's reason. */
  call(call: OutsideCall): Promise<OutsideAnswer>;
  /** `open`: down. It stays so until a call comes that may probe. */
  state(): OutsideState;
  /** Ends what is under way. */
  close(): Promise<void>;
};

export type OutsideOptions = {
  /** For messages. */
  name: string;
  url: string;
  /** Of a whole call, with its retries. */
  deadlineMs: number;
  /** Further attempts after a failed one. */
  retries: number;
  /** Of one attempt. Without it, each gets an equal share of the deadline. */
  attemptMs?: number;
  /**
   * With it, one call that failed with all its retries opens the breaker, for so long. Without it, the breaker opens when
   * half of the calls fail, for `limits.outsideHalfOpenAfterMs`. Then one call probes, with one attempt, while the others
   * still fail at once.
   */
  holdMs?: number;
  bodyBytesMax?: number;
  /** After every change of `state()`; `failure` is what opened it. */
  onState?(state: OutsideState, failure: OutsideError | null): void;
  /** A clock that only goes forward; the breaker measures with it. */
  nowMs?(): number;
};

export const createOutside = (options: OutsideOptions): Outside => {
  const { name, deadlineMs, retries } = options;
  const address = addressOf(options.url);
  const transport = createTransport(address.origin, limits.outsideConnectionsMax);
  const attemptMs = Math.min(options.attemptMs ?? deadlineMs / (retries + 1), deadlineMs);
  const bodyBytesMax = options.bodyBytesMax ?? limits.outsideBodyBytesMax;
  const underWay = new Set<AbortController>();
  let closed = false;

  const breaker = createBreaker({
    ...(options.holdMs === undefined
      ? { rule: 'at half failures', openMs: limits.outsideHalfOpenAfterMs }
      : { rule: 'at the first failure', openMs: options.holdMs }),
    isFailure: (error) => error instanceof OutsideError,
    onState: (failure) => {
      const now = breaker.state();
      options.onState?.(now, now === 'open' && failure instanceof OutsideError ? failure : null);
    },
    ...(options.nowMs && { nowMs: options.nowMs }),
  });
  const isDown = (): boolean => breaker.state() !== 'closed';

  const call = async (asked: OutsideCall): Promise<OutsideAnswer> => {
    asked.signal?.throwIfAborted();
    if (closed) throw closedError(name);
    const waitMs = asked.deadlineMs ?? deadlineMs;
    if (waitMs <= 0) throw new OutsideError('timeout', `Cannot call ${name}: no time is left`);
    const blockedMs = breaker.blockedMs();
    if (blockedMs !== null) throw openError(name, blockedMs);
    if (underWay.size >= limits.outsideCallsMax) {
      throw new OutsideError('full', `Cannot call ${name}: ${underWay.size} calls are under way`);
    }

    const isProbe = isDown();
    const ending = new AbortController();
    const end = () => ending.abort();
    underWay.add(ending);
    asked.signal?.addEventListener('abort', end);
    try {
      return await breaker.execute(() => attempts(asked, { waitMs, isProbe, ending: ending.signal }));
    } catch (error) {
      throw error instanceof NoVerdict ? error.cause : error;
    } finally {
      underWay.delete(ending);
      asked.signal?.removeEventListener('abort', end);
    }
  };

  /** Throws an `OutsideError` if the outside has failed, `NoVerdict` if nothing is known of it. */
  const attempts = async (
    asked: OutsideCall,
    { waitMs, isProbe, ending }: { waitMs: number; isProbe: boolean; ending: AbortSignal },
  ): Promise<OutsideAnswer> => {
    const endMs = monotonicMs() + waitMs;
    const mayRepeat = asked.method === 'GET' || asked.idempotent === true;
    let failure: OutsideError | undefined;
    let givenMs = 0;
    let pauses: IBackoff<unknown> | undefined;

    const pauseMs = (): number => Math.max(pauses?.duration ?? 0, failure?.retryAfterMs ?? 0);
    /** No pause that would not end before the deadline, and none while it is down: a probe has one attempt. */
    const isWorthwhile = (): boolean => {
      pauses = pauses === undefined ? backoff.next() : pauses.next(undefined);
      return !isDown() && monotonicMs() + pauseMs() < endMs;
    };
    const isTooShort = (): boolean => givenMs < attemptMs / 2;

    const attempt = async (signal: AbortSignal): Promise<OutsideAnswer> => {
      givenMs = Math.min(attemptMs, endMs - monotonicMs());
      try {
        return await request(asked, givenMs, signal);
      } catch (error) {
        if (!(error instanceof OutsideError)) throw error;
        if (error.kind === 'timeout' && isTooShort()) throw new NoVerdict();
        failure = error;
        throw error;
      }
    };
    const policy = wrap(
      timeout(waitMs, TimeoutStrategy.Aggressive),
      retry(
        handleWhen((error) => error === failure && isWorthwhile()),
        { maxAttempts: mayRepeat ? retries : 0, backoff: new DelegateBackoff(pauseMs) },
      ),
    );
    try {
      return await policy.execute(({ signal }) => {
        // cockatiel's pause goes on when the call is over; and another call may have found the outside down meanwhile.
        if (signal.aborted || (isDown() && !isProbe)) throw failure ?? new NoVerdict();
        return attempt(signal);
      }, ending);
    } catch (error) {
      if (asked.signal?.aborted) throw new NoVerdict(asked.signal.reason);
      if (closed) throw new NoVerdict(closedError(name));
      if (error instanceof TaskCancelledError || error instanceof NoVerdict) {
        const { status, retryAfterMs } = failure ?? {};
        const late = new OutsideError('timeout', `No answer from ${name} within ${Math.round(waitMs)} ms`, {
          status,
          retryAfterMs,
        });
        throw failure === undefined && isTooShort() ? new NoVerdict(late) : late;
      }
      throw error;
    }
  };

  /** One request; throws `OutsideError`. */
  const request = async (asked: OutsideCall, timeoutMs: number, signal: AbortSignal): Promise<OutsideAnswer> => {
    const answer = await send(asked, timeoutMs, signal);
    if (isFailureStatus(answer.status)) {
      const told = { status: answer.status, retryAfterMs: retryAfterMsOf(answer.headers) };
      throw new OutsideError('status', `${name} answered ${answer.status}`, told);
    }
    if (asked.isUsable?.(answer) === false) {
      throw new OutsideError('broken', `Cannot use the answer of ${name}, its status is ${answer.status}`);
    }
    return answer;
  };
  const send = async (asked: OutsideCall, timeoutMs: number, signal: AbortSignal): Promise<OutsideAnswer> => {
    try {
      const { status, headers, text } = await transport.send({
        what: name,
        method: asked.method,
        path: pathOf(address, asked.path),
        headers: { ...address.headers, ...asked.headers },
        body: asked.body,
        timeoutMs,
        signal,
        bodyBytesMax,
      });
      return { status, headers: plainHeaders(headers), text };
    } catch (error) {
      if (!(error instanceof CallError)) throw error;
      // By the deadline of the call, which is as far away as that of its last attempt: whichever timer comes first.
      if (error.kind === 'timeout' || signal.aborted) {
        throw new OutsideError('timeout', `No answer from ${name} within ${Math.round(timeoutMs)} ms`);
      }
      throw new OutsideError('broken', brokenText(name, error));
    }
  };

  return {
    call,
    state: breaker.state,
    close: async () => {
      closed = true;
      for (const ending of underWay) ending.abort();
      await transport.close();
    },
  };
};

/** Ends a call without a verdict on the outside: the breaker does not count it. `cause` is what the caller gets. */
class NoVerdict extends Error {
  override name = 'NoVerdict';

  constructor(cause?: unknown) {
    super('No verdict', { cause });
  }
}

/** 0.1 s, 0.2 s, 0.4 s on the average, each with jitter, so that those who failed together do not come again together. */
const backoff = new ExponentialBackoff({ initialDelay: 100, maxDelay: 2000 });

/** What is not the caller's fault, and may be better a little later. */
const isFailureStatus = (status: number): boolean =>
  status >= 500 || status === 408 || status === 425 || status === 429;

const closedError = (name: string): OutsideError => new OutsideError('broken', `Cannot call ${name}: it was closed`);

const openError = (name: string, blockedMs: number): OutsideError => {
  const retryAfterMs = Math.ceil(blockedMs);
  return new OutsideError('open', `Cannot call ${name}: it was down, and is asked again in ${retryAfterMs} ms`, {
    retryAfterMs,
  });
};

const brokenText = (name: string, error: CallError): string => {
  if (error.kind === 'invalid') return `Cannot use the answer of ${name}: it is too long`;
  // A name of an error is shown, never its text: some runtimes quote addresses in it.
  const code = error.code !== undefined && /^\w+$/.test(error.code) ? `: ${error.code}` : '';
  return error.kind === 'refused' ? `Cannot reach ${name}${code}` : `The connection to ${name} broke${code}`;
};

type Address = { origin: string; pathname: string; search: string; headers: Record<string, string> };

/** A name and a password in the address become what a browser makes of them. */
const addressOf = (url: string): Address => {
  const { origin, pathname, search, username, password } = new URL(url);
  const login = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  const headers =
    login === ':' ? undefined : { authorization: `Basic ${Buffer.from(login, 'utf8').toString('base64')}` };
  return { origin, pathname, search, headers: headers ?? {} };
};

const pathOf = ({ pathname, search }: Address, path: string | undefined): string =>
  (path === undefined ? pathname : pathname.replace(/\/+$/, '') + path) + search;

/**
 * What a Retry-After header says, bounded; undefined if it says nothing usable. A date is compared with the answer's own
 * Date: the clock of this machine is not asked.
 */
export const retryAfterMsOf = (headers: Record<string, string>): number | undefined => {
  const text = headers['retry-after']?.trim() ?? '';
  const ms = /^\d+$/.test(text) ? Number(text) * 1000 : Date.parse(text) - Date.parse(headers.date ?? '');
  return Number.isNaN(ms) ? undefined : Math.min(Math.max(ms, 0), limits.outsideRetryAfterMsMax);
};
