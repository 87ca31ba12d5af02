import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Problem } from './errors.ts';
import { limits } from './limits.ts';
import { json } from './reply.ts';
import { createServiceRouter, type ServiceRoute } from './service-router.ts';

const createWorld = (routes: ServiceRoute[] = []) => {
  const errors: unknown[] = [];
  const state: { whyNotReady: string | null } = { whyNotReady: null };
  const router = createServiceRouter({
    routes,
    whyNotReady: () => state.whyNotReady,
    metrics: { contentType: 'text/plain; version=0.0.4', text: async () => 'till_term 3\n' },
    onError: (error) => errors.push(error),
  });
  const ask = async (method: string, path: string) => {
    const response = await router.fetch(new Request(`http://till.test${path}`, { method }));
    const text = await response.text();
    const isJson = response.headers.get('content-type')?.startsWith('application/json') === true;
    return { status: response.status, headers: response.headers, body: isJson ? JSON.parse(text) : text };
  };
  return { ask, errors, state };
};

const reads: ServiceRoute[] = [
  { method: 'GET', path: '/movements', handler: () => json(200, { did: 'read' }) },
  { method: 'POST', path: '/movements', handler: async () => json(200, { did: 'write' }) },
  { method: 'GET', path: '/products/:name', handler: ({ params }) => json(200, { name: params?.name }) },
];

test('a request reaches the handler of its method and path, with the parts of the path', async () => {
  const { ask } = createWorld(reads);
  assert.equal((await ask('GET', '/movements?after=3')).body, { did: 'read' });
  assert.equal((await ask('POST', '/movements')).body, { did: 'write' });
  assert.equal((await ask('GET', '/products/F%C3%BCchsin')).body, { name: 'F%C3%BCchsin' });
});

test('another method is a 405 that says which there are, in the one shape of errors', async () => {
  const { ask } = createWorld(reads);
  for (const [method, path, allow] of [
    ['PUT', '/movements', 'GET, POST'],
    ['POST', '/products/Fox', 'GET'],
    ['DELETE', '/healthz', 'GET'],
    ['POST', '/metrics', 'GET'],
  ] as const) {
    const { status, headers, body } = await ask(method, path);
    assert.is(status, 405);
    assert.is(headers.get('allow'), allow);
    assert.equal(body, {
      error: { code: 405, message: `Cannot ${method} here: only ${allow}`, reason: 'wrong_method' },
    });
  }
});

test('any other path is a 404 for every method', async () => {
  const { ask } = createWorld(reads);
  for (const [method, path] of [
    ['GET', '/'],
    ['POST', '/products'],
    ['DELETE', '/products/Fox/price'],
  ] as const) {
    const { status, body } = await ask(method, path);
    assert.is(status, 404);
    assert.equal(body, { error: { code: 404, message: 'There is nothing here', reason: 'unknown_route' } });
  }
});

test('a service that lives says so, ready or not', async () => {
  const { ask, state } = createWorld();
  state.whyNotReady = 'halted';
  const { status, body } = await ask('GET', '/healthz');
  assert.is(status, 200);
  assert.equal(body, { data: { alive: true } });
});

test('a service is ready, or says why not and when to ask again', async () => {
  const { ask, state } = createWorld();
  assert.equal((await ask('GET', '/readyz')).body, { data: { ready: true } });
  state.whyNotReady = 'unregistered';
  const { status, headers, body } = await ask('GET', '/readyz');
  assert.is(status, 503);
  assert.is(headers.get('retry-after'), String(limits.retryAfterSeconds));
  assert.is(body.error.reason, 'unregistered');
  state.whyNotReady = null;
  assert.is((await ask('GET', '/readyz')).status, 200, 'asked anew each time');
});

test('the metrics come as they are, with their own content type', async () => {
  const { ask } = createWorld();
  const { status, headers, body } = await ask('GET', '/metrics');
  assert.is(status, 200);
  assert.is(headers.get('content-type'), 'text/plain; version=0.0.4');
  assert.is(body, 'till_term 3\n');
});

test('what a handler throws is an answer: a problem as it is, anything else without its text', async () => {
  const mistake = new Error('EIO in /home/secret');
  const { ask, errors } = createWorld([
    {
      method: 'GET',
      path: '/problem',
      handler() {
        throw new Problem(409, 'taken', 'Somebody has it', { 'x-reason': 'test' });
      },
    },
    { method: 'GET', path: '/mistake', handler: () => Promise.reject(mistake) },
  ]);
  const problem = await ask('GET', '/problem');
  assert.is(problem.status, 409);
  assert.is(problem.headers.get('x-reason'), 'test');
  assert.equal(problem.body, { error: { code: 409, message: 'Somebody has it', reason: 'taken' } });
  assert.equal(errors, []);
  const unexpected = await ask('GET', '/mistake');
  assert.is(unexpected.status, 500);
  assert.is(unexpected.body.error.reason, 'internal');
  assert.not.match(unexpected.body.error.message, 'secret');
  assert.equal(errors, [mistake]);
});

test.run();
