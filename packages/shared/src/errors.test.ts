import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Problem, problem, problemOf } from './errors.ts';

test('a problem is an answer of the one shape', async () => {
  const response = problem(429, 'queue_full', 'Cannot take 3 more', { 'retry-after': '1' });
  assert.is(response.status, 429);
  assert.is(response.headers.get('retry-after'), '1');
  assert.is(response.headers.get('content-type'), 'application/json; charset=utf-8');
  assert.equal(await response.json(), { error: { code: 429, message: 'Cannot take 3 more', reason: 'queue_full' } });
});

test('a thrown problem becomes the same answer', async () => {
  const response = problemOf(new Problem(404, 'unknown_product', 'No such product', { allow: 'GET' }), () =>
    assert.unreachable(),
  );
  assert.is(response.status, 404);
  assert.is(response.headers.get('allow'), 'GET');
  assert.is(((await response.json()) as { error: { reason: string } }).error.reason, 'unknown_product');
});

test('what is our mistake is told to us and not to the caller', async () => {
  for (const thrown of [new Error('/secret/path'), 'text', undefined]) {
    const heard: unknown[] = [];
    const response = problemOf(thrown, (error) => heard.push(error));
    assert.is(response.status, 500);
    assert.not.match(await response.text(), 'secret');
    assert.equal(heard, [thrown]);
  }
});

test('a body over the limit is the caller’s', async () => {
  const tooLarge = Object.assign(new Error('x'), { statusCode: 413, status: 413 });
  assert.is(problemOf(tooLarge, () => assert.unreachable()).status, 413);
});

test.run();
