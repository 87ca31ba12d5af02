/** Runs the HTTP cases twice: against the router alone, and through a server; what comes back must be as it is described. */
import { errorSchema } from '@till/shared/errors';
import { silentLogger } from '@till/shared/logger';
import { createMetrics } from '@till/shared/metrics';
import { serve } from '@till/shared/serve';
import { Compile } from 'typebox/compile';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { createCheckout } from '../src/checkout/handlers.ts';
import { createOpenApi } from '../src/openapi.ts';
import { createRouter } from '../src/router.ts';
import { publicRoutes } from '../src/routes.ts';
import { bodyBytesMaxOf } from '../src/webhooks/routes.ts';
import { createDescriptions } from './descriptions.ts';
import { type HttpCase, httpCases } from './http-cases.ts';
import { routerDeps } from './router-deps.ts';

const descriptions = createDescriptions(createOpenApi(publicRoutes));
const isError = Compile(errorSchema);
const closing: (() => Promise<void>)[] = [];
test.after.each(async () => {
  for (const close of closing.splice(0)) await close();
});

type Send = (url: string, init: RequestInit) => Promise<Response>;

/** The router over a shop of its own, with checks of checkouts that are done here. */
const openRouter = (): ReturnType<typeof createRouter> => {
  const deps = routerDeps();
  const checkout = createCheckout({
    ledger: deps.ledger,
    placement: deps.placement,
    requestWaitMs: 20_000,
    urls: { verification: null, fraud: null, suggestions: null },
    history: async () => ({ lines: [], more: false }),
    checkWaitMs: 20_000,
    metrics: createMetrics('front'),
    logger: silentLogger,
  });
  closing.push(checkout.close);
  return createRouter({ ...deps, checkout });
};

const direct = async (): Promise<Send> => {
  const router = openRouter();
  return async (url, init) => router.fetch(new Request(url, init));
};

const served = async (): Promise<Send> => {
  const { fetch: answer } = openRouter();
  const server = await serve({ fetch: answer, port: 0, hostname: '127.0.0.1', bodyBytesMax: bodyBytesMaxOf });
  closing.push(() => server.close());
  return (url, init) => fetch(url.replace('http://till', server.url), init);
};

const run = async (send: Send, one: HttpCase, group: string): Promise<void> => {
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
  const described = descriptions.of(one.method ?? 'GET', one.path);
  // What is only tolerated is not described.
  if (described === undefined) assert.ok([204, 404, 405].includes(one.status) || group === 'dialect', say);
  else {
    const check = described(one.status);
    assert.ok(check, `the description has no ${one.status}: ${say}`);
    assert.ok(check(one.method === 'HEAD' ? undefined : answer), `not as described: ${say}`);
  }
};

for (const [group, cases] of Object.entries(httpCases)) {
  for (const [way, open] of Object.entries({ router: direct, server: served })) {
    test(`${way}: ${group}`, async () => {
      const send = await open();
      for (const one of cases) await run(send, one, group);
    });
  }
}

test.run();
