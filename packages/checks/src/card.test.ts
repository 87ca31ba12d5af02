import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { checkDigitOf } from '../test/sound.ts';
import { isCvv, lastFourOf, schemeOf } from './card.ts';

const digits = (length: { min: number; max: number }): fc.Arbitrary<string> =>
  fc
    .array(fc.integer({ min: 0, max: 9 }), { minLength: length.min, maxLength: length.max })
    .map((list) => list.join(''));

/** Beginnings of every kind of card, so that it is the last digit that decides. */
const beginning = fc.constantFrom(
  '',
  '4',
  '51',
  '2221',
  '34',
  '36',
  '6011',
  '3528',
  '62',
  '81',
  '6759',
  '2200',
  '9792',
);

test('a number whose last digit is not right is that of no card, whatever the scheme', () => {
  fc.assert(
    fc.property(beginning, digits({ min: 0, max: 19 }), fc.integer({ min: 1, max: 9 }), (start, rest, off) => {
      const body = `${start}${rest}`.slice(0, 18);
      const wrong = (Number(checkDigitOf(body)) + off) % 10;
      assert.is(schemeOf(`${body}${wrong}`), null);
    }),
    { numRuns: 2000 },
  );
});

test('a number of the right length with the right last digit is that of a card', () => {
  fc.assert(
    fc.property(digits({ min: 14, max: 14 }), (rest) => {
      const visa = `4${rest}`;
      assert.is.not(schemeOf(visa + checkDigitOf(visa)), null);
    }),
  );
});

test('any text at all is judged without a failure', () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      const scheme = schemeOf(text);
      assert.ok(scheme === null || /^[\d\s-]+$/.test(text));
    }),
  );
});

test('spaces and dashes are how people write numbers', () => {
  assert.is(schemeOf('4539 5787 6362 1486')?.type, 'visa');
  assert.is(schemeOf('4539-5787-6362-1486')?.type, 'visa');
  assert.is(schemeOf('4539.5787.6362.1486'), null);
  assert.is(lastFourOf('4539 5787 6362 14 86'), '1486');
});

test('a UnionPay number has a last digit that is checked, too', () => {
  const body = '620000000000000';
  assert.is(schemeOf(body + checkDigitOf(body))?.type, 'unionpay');
  assert.is(schemeOf(body + ((Number(checkDigitOf(body)) + 1) % 10)), null);
});

test('a security code has as many digits as its scheme says', () => {
  for (const [cvv, length, expected] of [
    ['739', 3, true],
    ['7390', 3, false],
    ['73', 3, false],
    ['', 3, false],
    ['7 9', 3, false],
    ['7390', 4, true],
    ['739', 4, false],
  ] as const) {
    assert.is(isCvv(cvv, length), expected, `${cvv} of ${length}`);
  }
});

test.run();
