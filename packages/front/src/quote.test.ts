import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { quote } from './quote.ts';

test('a value is quoted whole or cut', () => {
  assert.equal([0, -0.5, Infinity, null, undefined, 'a "b"'].map(quote), [
    '0',
    '-0.5',
    'Infinity',
    'null',
    'undefined',
    '"a \\"b\\""',
  ]);
  assert.is(quote('x'.repeat(100)), `"${'x'.repeat(59)}...`);
});

test.run();
