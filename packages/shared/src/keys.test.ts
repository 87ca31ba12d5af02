import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { cancelKey, checkoutKey, checkoutOf, noteKey, orderIdKey } from './keys.ts';

test('identities of different origins never meet, and none is an idempotency key', () => {
  const keys = [orderIdKey('1'), cancelKey('1'), checkoutKey('1'), noteKey('1')];
  assert.is(new Set(keys).size, keys.length);
  for (const key of keys) assert.not.match(key, /^[\x21-\x7e]+$/);
});

test('the key of an execution names its checkout', () => {
  assert.is(checkoutOf(checkoutKey('ab')), 'ab');
  assert.is(checkoutOf(orderIdKey('ab')), null);
  assert.is(checkoutOf('checkout'), null);
});

test.run();
