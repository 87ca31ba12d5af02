import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { createOpenApi } from './openapi.ts';
import type { PublicRoute } from './public-route.ts';
import { publicRoutes } from './routes.ts';

type Parameter = { name: string; in: string; required: boolean; schema: object };
type Operation = {
  operationId: string;
  summary: string;
  parameters?: Parameter[];
  requestBody?: { required: boolean; content: Record<string, { schema: object }> };
  responses: Record<string, { description: string; content: Record<string, { schema: object }> }>;
};

/** As who fetches it has it. */
const document = JSON.parse(JSON.stringify(createOpenApi(publicRoutes))) as {
  openapi: string;
  info: Record<string, string>;
  paths: Record<string, Record<string, Operation>>;
};
const routes: PublicRoute[] = Object.values(publicRoutes);
const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => ({ path, method, operation })),
);
const templateOf = (path: string): string => path.replaceAll(/:(\w+)/g, '{$1}');

test('every route is in it under each of its paths, with every status, and no other', () => {
  const due = routes.flatMap(({ method, paths, responses }) =>
    paths.map((path) => `${method.toLowerCase()} ${templateOf(path)} ${Object.keys(responses).join()}`),
  );
  const there = operations.map(
    ({ path, method, operation }) => `${method} ${path} ${Object.keys(operation.responses).join()}`,
  );
  assert.equal(there.sort(), due.sort());
  assert.ok(due.length > 15, `only ${due.length} operations`);
});

test('it has what OpenAPI 3.1 demands of a document', () => {
  assert.match(document.openapi, /^3\.1\.\d+$/);
  assert.ok(document.info.title);
  assert.ok(document.info.version);
  const ids = operations.map(({ operation }) => operation.operationId);
  assert.is(new Set(ids).size, ids.length, 'every operation has a name of its own');
  for (const { path, method, operation } of operations) {
    const where = `${method} ${path}`;
    assert.match(path, /^\//, where);
    assert.not.match(path, ':', where);
    assert.ok(operation.summary, where);
    assert.ok(Object.keys(operation.responses).length > 0, where);
    for (const [status, { description, content }] of Object.entries(operation.responses)) {
      assert.match(status, /^[1-5]\d\d$/, where);
      assert.ok(description && description !== status, `${where} ${status}`);
      for (const [type, { schema }] of Object.entries(content)) {
        assert.match(type, /^[a-z]+\/[a-z]+$/, where);
        assert.ok(schema, `${where} ${status}`);
      }
    }
    for (const { in: place, name, schema, required } of operation.parameters ?? []) {
      assert.ok(['path', 'query', 'header'].includes(place), `${where} ${name}`);
      assert.ok(schema, `${where} ${name}`);
      assert.type(required, 'boolean');
      if (place === 'path') assert.ok(required, `${where} ${name}`);
    }
    const parameters = (operation.parameters ?? []).map((parameter) => `${parameter.in} ${parameter.name}`);
    assert.is(new Set(parameters).size, parameters.length, where);
  }
});

test('every part of a path is described, and no other', () => {
  for (const { path, operation } of operations) {
    const due = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
    const there = (operation.parameters ?? []).filter((parameter) => parameter.in === 'path');
    assert.equal(
      there.map(({ name }) => name),
      due,
      path,
    );
  }
});

test('what a request takes is described: queries, headers, bodies', () => {
  const { get, post } = document.paths['/orders'] ?? {};
  assert.equal(
    get?.parameters?.map((one) => [one.in, one.name, one.required]),
    [
      ['query', 'key', false],
      ['query', 'orderId', false],
    ],
  );
  assert.equal(
    post?.parameters?.map((one) => [one.in, one.name, one.required]),
    [['header', 'Idempotency-Key', false]],
  );
  for (const { path, method, operation } of operations) {
    if (operation.requestBody === undefined) continue;
    assert.is(method, 'post', path);
    assert.ok(operation.requestBody.content['application/json']?.schema, path);
  }
  const webhook = document.paths['/webhooks/shopify/orders/create']?.post;
  assert.equal(
    webhook?.parameters?.map((one) => [one.in, one.name, one.required]),
    [['header', 'X-Shopify-Hmac-Sha256', true]],
  );
});

test('every schema says what it is, and is no reference to elsewhere', () => {
  const walk = (schema: unknown, where: string): void => {
    if (typeof schema !== 'object' || schema === null) return;
    assert.not.ok('$ref' in schema, where);
    for (const [name, part] of Object.entries(schema)) walk(part, `${where}/${name}`);
    if (where.endsWith('/schema')) {
      assert.ok('type' in schema || 'anyOf' in schema, where);
    }
  };
  walk(document.paths, '');
});

test.run();
