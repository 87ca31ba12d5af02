/** The front's answers about the outbox, as text for people. */
import type { orderContract, ResponseOf } from '@till/shared/contract';
import { request } from 'undici';
import { describeStatus } from './client-connection.ts';
import { Failure } from './command.ts';
import { drawTable } from './table.ts';

type Done<Route extends 'outbox' | 'outboxEvent'> = Extract<ResponseOf<(typeof orderContract)[Route]>, { ok: true }>;
type SinkStatus = Done<'outbox'>['sinks'][number];
type EventState = Done<'outboxEvent'>['sinks'][number];

/** `data` as the front gave it, for programs. */
export type Shown = { data: unknown; text: string };

/** Longer than the front waits for a leader. */
const WAIT_MS = 10_000;

const ask = async <Data>(method: 'GET' | 'POST', url: string, path: string): Promise<Data> => {
  const { status, body } = await (async () => {
    try {
      const answer = await request(url + path, { method, headersTimeout: WAIT_MS, bodyTimeout: WAIT_MS });
      return { status: answer.statusCode, body: parse(await answer.body.text()) };
    } catch (error) {
      throw new Failure(`Cannot ask the front at ${url}: ${describe(error)}`);
    }
  })();
  const data = (body as { data?: Data } | null)?.data;
  if (status === 200 && data !== undefined) return data;
  const { message } = (body as { error?: { message?: string } } | null)?.error ?? {};
  throw new Failure(message ?? `Cannot use the answer of the front at ${url}: ${describeStatus(status, body)}`);
};

const parse = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
};

const describe = (error: unknown): string =>
  error instanceof Error ? String((error as NodeJS.ErrnoException).code ?? error.message) : String(error);

export const showSinks = async (url: string): Promise<Shown> => {
  const data = await ask<{ sinks: SinkStatus[] }>('GET', url, '/outbox');
  return { data, text: drawSinks(data.sinks) };
};

export const showEvent = async (url: string, sequence: number): Promise<Shown> => {
  const data = await ask<{ event: unknown; sinks: EventState[] }>('GET', url, `/outbox/${sequence}`);
  const rows = data.sinks.map(({ sink, state, attempts, error }) => [sink, state, attempts, error ?? '']);
  const table = rows.length === 0 ? NO_SINKS : drawTable(['sink', 'state', 'attempts', 'error'], rows);
  return { data, text: `${JSON.stringify(data.event, null, 2)}\n${table}` };
};

export const replayEvent = async (url: string, sequence: number, sink: string | null): Promise<Shown> => {
  const only = sink === null ? '' : `?sink=${encodeURIComponent(sink)}`;
  const data = await ask<{ sinks: string[] }>('POST', url, `/outbox/${sequence}/replay${only}`);
  return { data, text: `${sequence} is sent again to ${data.sinks.join(', ')}` };
};

const NO_SINKS = 'There are no sinks: neither SHOPIFY_URL nor WEBHOOK_URLS is set';

const drawSinks = (sinks: SinkStatus[]): string => {
  if (sinks.length === 0) return NO_SINKS;
  const states = drawTable(
    ['sink', 'delivered up to', 'lag', 'dead letters', 'sent again', 'paused'],
    sinks.map(({ sink, delivered, lag, dead, again, pausedMs }) => [
      sink,
      delivered,
      lag,
      dead.length,
      again.length,
      pausedMs === 0 ? 'no' : `${(pausedMs / 1000).toFixed(1)} s`,
    ]),
  );
  const trying = sinks.flatMap((sink) =>
    sink.trying.map(({ sequence, attempts, error }) => [sink.sink, sequence, attempts, error ?? '']),
  );
  const dead = sinks.flatMap((sink) =>
    sink.dead
      .filter(({ sequence }) => !sink.again.includes(sequence))
      .map(({ sequence, attempts, error }) => [sink.sink, sequence, attempts, error]),
  );
  return [
    states,
    ...(trying.length === 0 ? [] : [drawTable(['sink', 'trying', 'attempts', 'last error'], trying)]),
    ...(dead.length === 0 ? [] : [drawTable(['sink', 'dead letter', 'attempts', 'last error'], dead)]),
    ...(dead.length === 0 ? [] : ['To send one again: bin/outbox replay SEQ']),
  ].join('\n');
};
