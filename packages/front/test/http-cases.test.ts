/** Runs the HTTP cases twice: against the router alone, and through a server. */
import { errorSchema } from '@till/shared/errors';
import { serve } from '@till/shared/serve';
import { Compile } from 'typebox/compile';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { createRouter } from '../src/router.ts';
import { type HttpCase, httpCases } from './http-cases.ts';
import { createMemoryLedger } from './memory-ledger.ts';

const isError = Compile(errorSchema);
const closing: (() => Promise<void>)[] = [];
test.after.each(async () => {
  for (const close of closing.splice(0)) await close();
});

const createShop = () =>
  createRouter({
    ledger: createMemoryLedger().ledger,
    traffic: { hit: () => {}, answered: () => {} },
    status: () => {
      throw new Error('no case asks for it');
    },
    whyNotReady: () => null,
    metrics: { contentType: 'text/plain', text: async () => 'metrics 1\n' },
    onError: (error) => {
      throw error;
    },
  });

type Send = (url: string, init: RequestInit) => Promise<Response>;

const direct = async (): Promise<Send> => {
  const router = createShop();
  return async (url, init) => router.fetch(new Request(url, init));
};

const served = async (): Promise<Send> => {
  const server = await serve({ fetch: createShop().fetch, port: 0, hostname: '127.0.0.1' });
  closing.push(() => server.close());
  return (url, init) => fetch(url.replace('http://till', server.url), init);
};

const run = async (send: Send, one: HttpCase): Promise<void> => {
  const headers = new Headers(one.headers);
  const text = one.body === undefined || typeof one.body === 'string' ? one.body : JSON.stringify(one.body);
  const body = text === undefined ? null : new TextEncoder().encode(text);
  const response = await send(`http://till${one.path}`, { method: one.method ?? 'GET', headers, body });
  const answer = await response.text();
  const say = `${one.what}: ${response.status} ${answer}`;
  assert.is(response.status, one.status, say);
  for (const [name, value] of Object.entries(one.answerHeaders ?? {}))
    assert.is(response.headers.get(name), value, say);
  if (one.method === 'HEAD' || one.status === 204) assert.is(answer, '', say);
  else if (one.status !== 200) {
    const error: unknown = JSON.parse(answer);
    assert.ok(isError.Check(error), say);
    assert.is(error.error.code, one.status, say);
    assert.not.match(error.error.message, /(?:^|[^.])[.!]$/);
    if (one.reason !== undefined) assert.is(error.error.reason, one.reason, say);
    if (one.message !== undefined) assert.is(error.error.message, one.message, say);
  }
  if (one.answer !== undefined) assert.equal(JSON.parse(answer), one.answer, say);
};

for (const [group, cases] of Object.entries(httpCases)) {
  for (const [way, open] of Object.entries({ router: direct, server: served })) {
    test(`${way}: ${group}`, async () => {
      const send = await open();
      for (const one of cases) await run(send, one);
    });
  }
}

test.run();
