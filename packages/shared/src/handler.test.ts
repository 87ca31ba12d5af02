import Type from 'typebox';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Route } from './contract.ts';
import { Problem } from './errors.ts';
import { createHandler, type RoutedRequest, readJson } from './handler.ts';

const route = {
  method: 'POST',
  path: '/products/:name',
  params: Type.Object({ name: Type.String() }),
  query: Type.Object({ after: Type.Integer({ minimum: 0 }) }),
  body: Type.Object({ quantity: Type.Integer({ minimum: 1 }) }),
  response: Type.Object({ told: Type.String() }),
} as const satisfies Route;

const handle = createHandler(route, ({ params, query, body }) => ({
  told: `${params.name} ${query.after + 1} ${body.quantity + 1}`,
}));

const requestOf = (body: string, { query = '?after=7', name = 'F%C3%BCchsin' as string | null } = {}): RoutedRequest =>
  Object.assign(new Request(`http://till.test/products/x${query}`, { method: 'POST', body }), {
    params: name === null ? {} : { name },
  });

const problemOf = async (request: RoutedRequest): Promise<Problem> => {
  try {
    await handle(request);
  } catch (error) {
    assert.instance(error, Problem);
    return error as Problem;
  }
  throw new Error('This should have been refused');
};

test('path, query and body reach the function with their types, its value is the answer', async () => {
  const response = await handle(requestOf('{"quantity":2}'));
  assert.is(response.status, 200);
  assert.equal(await response.json(), { told: 'Füchsin 8 3' });
});

test('what is not as agreed on is refused, and the function is not called', async () => {
  const refusals: [RoutedRequest, string][] = [
    [requestOf('{"quantity":0}'), 'invalid_body'],
    [requestOf('{"quantity":"2"}'), 'invalid_body'],
    [requestOf('[]'), 'invalid_body'],
    [requestOf('{"quantity":2'), 'malformed_json'],
    [requestOf(''), 'malformed_json'],
    [requestOf('{"quantity":2}', { query: '' }), 'invalid_query'],
    [requestOf('{"quantity":2}', { query: '?after=-1' }), 'invalid_query'],
    [requestOf('{"quantity":2}', { query: '?after=1.5' }), 'invalid_query'],
    [requestOf('{"quantity":2}', { name: '%E0%A4%A' }), 'invalid_path'],
    [requestOf('{"quantity":2}', { name: null }), 'invalid_params'],
  ];
  for (const [request, reason] of refusals) {
    const error = await problemOf(request);
    assert.is(error.reason, reason);
    assert.is(error.status, 400);
  }
});

test('digits in a query are a number only where one is wanted', async () => {
  const mixed = {
    method: 'GET',
    path: '/',
    query: Type.Object({ name: Type.String(), limit: Type.Optional(Type.Integer({ minimum: 1 })) }),
    response: Type.Object({ told: Type.String() }),
  } as const satisfies Route;
  const tell = createHandler(mixed, ({ query }) => ({ told: JSON.stringify(query) }));
  const response = await tell(new Request('http://till.test/?name=1984&limit=7'));
  assert.equal(await response.json(), { told: '{"name":"1984","limit":7}' });
});

test('a refusal says where', async () => {
  assert.match((await problemOf(requestOf('{"quantity":0}'))).message, '/quantity');
});

test('failures while a body is read are not taken for malformed JSON', async () => {
  const broken = { text: () => Promise.reject(new RangeError('too large')) } as unknown as Request;
  try {
    await readJson(broken);
    assert.unreachable();
  } catch (error) {
    assert.instance(error, RangeError);
  }
});

test.run();
