import { Router } from 'itty-router/Router';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { RoutedRequest } from './handler.ts';
import { addRoutes, createPlainRoutes, type RouteEntry } from './routing.ts';

const entry = (method: string, path: string): RouteEntry<RoutedRequest> => ({
  methods: [method],
  path,
  handler: ({ params }) => new Response(`${method} ${path} ${JSON.stringify({ ...params })}`),
});

const routes = [
  entry('GET', '/orders'),
  entry('POST', '/orders'),
  entry('GET', '/orders/:number'),
  entry('GET', '/outbox/last'),
  entry('GET', '/outbox/:sequence'),
  entry('GET', '/outbox/:sequence/sinks'),
  entry('GET', '/files/*'),
  entry('GET', '/:name'),
];

const plainRoute = createPlainRoutes(routes);
const router = Router();
addRoutes(router, {
  routes,
  wrongMethod: () => new Response('wrong method'),
  unknownRoute: () => new Response('unknown route'),
});

const ask = async (method: string, path: string) => {
  const request = new Request(`http://localhost:80${path}`, { method });
  const plain = plainRoute(request);
  const byRouter = await (await router.fetch(new Request(request))).text();
  if (plain === undefined) return { isPlain: false, byRouter };
  const answer = await plain.route.handler(Object.assign(request, { params: plain.params }));
  return { isPlain: true, byRouter, answer: await answer.text() };
};

for (const [method, path] of [
  ['GET', '/orders'],
  ['POST', '/orders'],
  ['GET', '/orders/7'],
  ['GET', '/orders/seven'],
  ['GET', '/outbox/last'],
  ['GET', '/outbox/9'],
  ['GET', '/Fox'],
] as const) {
  test(`${method} ${path} is found at once, and is what the router finds`, async () => {
    const { isPlain, byRouter, answer } = await ask(method, path);
    assert.ok(isPlain);
    assert.is(answer, byRouter);
  });
}

for (const [method, path] of [
  ['GET', '/orders/'],
  ['GET', '/orders?key=a'],
  ['GET', '/orders/7/'],
  ['GET', '/orders/%37'],
  ['GET', '/orders/7?x=1'],
  ['DELETE', '/orders'],
  ['PUT', '/orders/7'],
  ['GET', '/outbox/9/sinks'],
  ['GET', '/files/a'],
  ['GET', '/a/b/c'],
  ['GET', '/'],
] as const) {
  test(`${method} ${path} is left to the router`, async () => assert.not.ok((await ask(method, path)).isPlain));
}

test.run();
