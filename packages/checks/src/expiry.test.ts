import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { expiryOf, monthOf, monthsBetween } from './expiry.ts';

const today = { year: 2031, month: 6 };

test('every usual way to write a month', () => {
  for (const text of ['09/33', '9/33', '09/2033', '09 / 33', '09-33', '09 33', '0933', '092033', '2033-09', '2033-9']) {
    assert.equal(expiryOf(text, today), { year: 2033, month: 9 }, text);
  }
});

test('what is no month', () => {
  for (const text of [
    '',
    '13/33',
    '00/33',
    '9',
    '33',
    '093',
    '09/333',
    '09/33/1',
    '33-2009',
    'soon',
    '09/xx',
    '-9/33',
    '9/3',
  ]) {
    assert.is(expiryOf(text, today), null, text);
  }
});

test('two digits are a year of the century that it is today', () => {
  assert.equal(expiryOf('01/05', { year: 2104, month: 12 }), { year: 2105, month: 1 });
});

test('months are counted over the turn of a year', () => {
  const month = fc.record({ year: fc.integer({ min: 2000, max: 2100 }), month: fc.integer({ min: 1, max: 12 }) });
  fc.assert(
    fc.property(month, fc.integer({ min: -500, max: 500 }), (from, count) => {
      const index = from.year * 12 + from.month - 1 + count;
      assert.is(monthsBetween(from, { year: Math.floor(index / 12), month: (index % 12) + 1 }), count);
    }),
  );
});

test('a moment is in the month that it is in UTC', () => {
  assert.equal(monthOf(Date.UTC(2031, 0, 31, 23, 59)), { year: 2031, month: 1 });
  assert.equal(monthOf(Date.UTC(2031, 1, 1)), { year: 2031, month: 2 });
});

test.run();
