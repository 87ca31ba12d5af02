import { Problem } from '@till/shared/errors';
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { idOf, orderOfShopify, readPayload, requireCancelled } from './shopify.ts';

const payload = (text: string) => readPayload(new TextEncoder().encode(text));

const refusal = (run: () => unknown): string => {
  try {
    run();
  } catch (error) {
    assert.instance(error, Problem);
    return `${(error as Problem).status} ${(error as Problem).reason}: ${(error as Problem).message}`;
  }
  return 'none';
};

test('an id of 64 bits is read to its last digit', () => {
  const largest = 2n ** 64n - 1n;
  fc.assert(
    fc.property(fc.bigInt({ min: 1n, max: largest }), (id) => {
      assert.is(idOf(payload(`{"id":${id}}`)), String(id));
      assert.is(idOf(payload(`{"id":"${id}"}`)), String(id));
    }),
  );
});

test('an order has the lines of its line items, and its id', () => {
  assert.equal(orderOfShopify(payload('{"id":7,"line_items":[{"sku":"Fox","quantity":2,"grams":0.5}],"note":null}')), {
    lines: [{ name: 'Fox', quantity: 2 }],
    many: true,
    orderId: '7',
  });
});

test('other names of an id are none', () => {
  for (const id of [
    '0',
    '-1',
    '1.5',
    '"01"',
    '"1 "',
    '"a"',
    '""',
    '[1]',
    '{}',
    'true',
    '1e30',
    `"${'9'.repeat(21)}"`,
  ]) {
    assert.match(
      refusal(() => idOf(payload(`{"id":${id}}`))),
      /^400 invalid_order_id: /,
      id,
    );
  }
  for (const text of ['{}', '{"id":null}', '{"__proto__":{"id":1}}']) {
    assert.match(
      refusal(() => idOf(payload(text))),
      /^400 missing_field: /,
      text,
    );
  }
});

test('what is not JSON is refused without a word of it', () => {
  const bad = ['', '{', 'jon@example.com', '{"a":1}x', '{"email":"jon@example.com","email":"x"}', '['.repeat(100_000)];
  for (const text of bad) {
    assert.is(
      refusal(() => payload(text)),
      '400 malformed_json: Cannot read the body as JSON',
    );
  }
  assert.match(
    refusal(() => readPayload(new Uint8Array([0x7b, 0xff, 0x7d]))),
    /^400 malformed_json: /,
  );
  assert.match(
    refusal(() => payload('["jon@example.com"]')),
    /^400 invalid_body: (?!.*jon)/,
  );
});

test('whatever is in an order, it is read or refused', () => {
  fc.assert(
    fc.property(fc.json(), fc.json(), (id, items) => {
      const refused = refusal(() => orderOfShopify(payload(`{"id":${id},"line_items":${items}}`)));
      assert.match(refused, /^(none|400 [a-z_]+: )/);
    }),
  );
});

test('what is wrong with an order is said without a word of what is in it', () => {
  const person = { email: 'jon@example.com', street: 'Elm 1' };
  const secret = fc.constantFrom<unknown>(person, [person], person.email.repeat(20), -1, true);
  const wrong = fc.record({ sku: secret, quantity: secret }, { requiredKeys: [] });
  fc.assert(
    fc.property(secret, fc.array(fc.oneof(secret, wrong), { minLength: 1 }), (id, items) => {
      for (const order of [
        { id: 7, line_items: items },
        { id, line_items: items },
        { id: 7, line_items: person },
      ]) {
        const refused = refusal(() => orderOfShopify(payload(JSON.stringify(order))));
        assert.match(refused, /^400 [a-z_]+: /);
        assert.not.match(refused, /jon|Elm|-1|true/);
      }
    }),
  );
});

test('a cancellation must say itself that it is one', () => {
  requireCancelled(payload('{"id":7,"cancelled_at":"2026-01-01T00:00:00Z"}'));
  for (const value of ['null', '""', '0', '1767225600', 'true', '{}', '["2026-01-01T00:00:00Z"]']) {
    assert.match(
      refusal(() => requireCancelled(payload(`{"id":7,"cancelled_at":${value}}`))),
      /^400 not_cancelled: /,
      value,
    );
  }
  assert.match(
    refusal(() => requireCancelled(payload('{"id":7}'))),
    /^400 not_cancelled: /,
  );
});

test.run();
