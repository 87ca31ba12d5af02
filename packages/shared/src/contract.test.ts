import type { TSchema } from 'typebox';
import { Compile } from 'typebox/compile';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { catalogAnswerSchema, catalogContract, changeLineSchema, orderContract, placedSchema } from './contract.ts';

const accepts = (schema: TSchema, value: unknown): boolean => Compile(schema).Check(value);

test('every part of a path that varies is described, and nothing else', () => {
  for (const contract of [catalogContract, orderContract]) {
    for (const route of Object.values(contract)) {
      const named = [...route.path.matchAll(/:(\w+)/g)].map(([, name]) => name);
      const described = 'params' in route ? Object.keys(route.params.properties) : [];
      assert.equal(described, named, route.path);
    }
  }
});

test('no two routes of a service are the same request', () => {
  for (const contract of [catalogContract, orderContract]) {
    const requests = Object.values(contract).map(({ method, path }) => `${method} ${path}`);
    assert.is(new Set(requests).size, requests.length);
  }
});

test('only a GET has a query, only a POST a body', () => {
  for (const contract of [catalogContract, orderContract]) {
    for (const route of Object.values(contract)) assert.is('body' in route, route.method === 'POST', route.path);
  }
});

test('an order is bounded', () => {
  const placed = { key: 'k', fingerprint: 'f', order: { lines: [{ name: 'Fox', quantity: 1 }] } };
  assert.ok(accepts(placedSchema, placed));
  assert.not.ok(accepts(placedSchema, { ...placed, key: '' }));
  assert.not.ok(accepts(placedSchema, { ...placed, key: 'k'.repeat(256) }));
  assert.not.ok(accepts(placedSchema, { ...placed, order: { lines: [] } }));
  assert.not.ok(accepts(placedSchema, { ...placed, order: { lines: [{ name: 'Fox', quantity: 0.5 }] } }));
  assert.not.ok(accepts(placedSchema, { ...placed, order: { lines: placed.order.lines, type: 'steal' } }));
});

test('so is everything else that can be placed', () => {
  const lines = [{ name: 'Fox', quantity: 1 }];
  const checkout = { id: 'c', lines, customer: 'Jo', card: '1111' };
  const note = { sink: 's', after: 0, delivered: 7, dead: [{ sequence: 3, attempts: 60, error: 'no' }], again: [] };
  for (const placed of [
    { key: 'order 1', fingerprint: 'f', order: { lines, many: true, orderId: '1', customer: 'Jo' }, alsoKey: 'k' },
    { key: 'k', fingerprint: 'f', order: { lines }, refusal: 'none left' },
    { key: 'cancel 1', cancel: { of: 'order 1' } },
    { key: 'k', fingerprint: 'f', checkout },
    { key: 'note s', note },
  ]) {
    assert.ok(accepts(placedSchema, placed), JSON.stringify(placed));
    assert.not.ok(accepts(placedSchema, { ...placed, key: '' }), JSON.stringify(placed));
  }
  assert.not.ok(accepts(placedSchema, { key: 'cancel 1', cancel: {} }));
  assert.not.ok(accepts(placedSchema, { key: 'k', fingerprint: 'f', checkout: { ...checkout, lines: [] } }));
  assert.not.ok(accepts(placedSchema, { key: 'note s', note: { ...note, delivered: -1 } }));
  assert.not.ok(accepts(placedSchema, { key: 'k', fingerprint: 'f' }));
});

test('answers are told apart by what they are', () => {
  assert.ok(accepts(catalogAnswerSchema, { kind: 'decided', outcomes: [], lines: [], more: false }));
  assert.ok(accepts(catalogAnswerSchema, { kind: 'busy' }));
  assert.not.ok(
    accepts(catalogAnswerSchema, {
      kind: 'decided',
      outcomes: [{ key: 'k', status: 'accepted' }],
      lines: [],
      more: false,
    }),
  );
  assert.not.ok(accepts(catalogAnswerSchema, { kind: 'old_term' }));
  assert.ok(accepts(changeLineSchema, { type: 'beat', epoch: 'e', sequence: 0 }));
  assert.not.ok(accepts(changeLineSchema, { type: 'changes', epoch: 'e', sequence: 0 }));
});

test.run();
