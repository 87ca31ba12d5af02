import { Problem } from '@till/shared/errors';
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { isEmptyBody, orderFields, readFields, typedAnswer } from './dialect.ts';

const post = (body: string, type?: string): Request =>
  new Request('http://till/orders', {
    method: 'POST',
    headers: type === undefined ? {} : { 'content-type': type },
    body: new TextEncoder().encode(body),
  });

const refusal = async (request: Request): Promise<string> => {
  try {
    await readFields(request);
  } catch (error) {
    assert.instance(error, Problem);
    return `${(error as Problem).status} ${(error as Problem).reason}`;
  }
  return 'none';
};

for (const type of [
  undefined,
  '',
  'application/json',
  'Application/JSON;charset=utf-8',
  'text/json',
  'application/x-json',
  'application/ld+json',
]) {
  test(`JSON under ${type ?? 'no type'}`, async () => {
    assert.equal(await readFields(post('{"name":"Fox"}', type)), { name: 'Fox' });
  });
}

for (const type of [
  'text/plain',
  'text/xml',
  'multipart/form-data; boundary=x',
  'application/jsonp',
  'json',
  'nonsense',
]) {
  test(`no body under ${type}`, async () => {
    assert.is(await refusal(post('{}', type)), '415 unsupported_type');
  });
}

test('a form', async () => {
  const type = 'application/x-www-form-urlencoded; charset=utf-8';
  assert.equal(
    { ...(await readFields(post('name=Uno+%26+Duo&quantity=3', type))) },
    { name: 'Uno & Duo', quantity: '3' },
  );
  assert.equal({ ...(await readFields(post('{"name":"Fox"}', type))) }, { name: 'Fox' });
  assert.is(await refusal(post('a=1&a=2', type)), '400 repeated_field');
});

test('bytes are counted, not characters', async () => {
  assert.is(await refusal(post(JSON.stringify({ name: '€'.repeat(22_000) }))), '413 body_too_large');
  assert.is(await refusal(post(JSON.stringify({ name: 'e'.repeat(22_000) }))), 'none');
});

test('an empty body', async () => {
  assert.ok(await isEmptyBody(post('')));
  assert.ok(await isEmptyBody(post(' \r\n')));
  assert.ok(await isEmptyBody(new Request('http://till/orders/1', { method: 'POST' })));
  assert.not(await isEmptyBody(post('{}')));
});

test('fields get their own names and types', () => {
  assert.equal(orderFields({ stock_name: 'AAPL', quantity: '12', type: 'buy' }), {
    name: 'AAPL',
    quantity: 12,
    type: 'buy',
  });
  assert.equal(orderFields({ name: 'Fox', stock_name: 'AAPL', quantity: 1 }), { name: 'Fox', quantity: 1 });
  const named = { name: 'Fox', quantity: 1, orderId: 7, customer: 'Jo', idempotencyKey: 'k' };
  assert.equal(orderFields({ ...named, colour: 'red' }), named);
  assert.equal(orderFields({ items: [{ stock_name: 'Fox', quantity: '01' }, 7] }), {
    items: [{ name: 'Fox', quantity: 1 }, 7],
  });
});

test('what is not a text of digits stays as it is', () => {
  for (const quantity of ['', '-1', '1.0', '1e3', ' 1', '١', '9'.repeat(16), null, true, [1]]) {
    assert.equal(orderFields({ quantity }), { quantity });
  }
});

test('a typed order is answered under both names of its number', () => {
  assert.is(JSON.stringify(typedAnswer(7)), '{"transaction_number":7,"transaction-number":7}');
});

test('whatever comes as a body, it is fields or a refusal', async () => {
  const types = fc.constantFrom(undefined, 'application/json', 'application/x-www-form-urlencoded', 'text/plain');
  await fc.assert(
    fc.asyncProperty(fc.oneof(fc.string(), fc.json()), types, async (body, type) => {
      const refused = await refusal(post(body, type));
      assert.match(refused, /^(none|4\d\d [a-z_]+)$/);
    }),
  );
});

test.run();
