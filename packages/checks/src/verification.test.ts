import { limits } from '@till/shared/limits';
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { soundDetails } from '../test/sound.ts';
import type { CheckoutDetails } from './contract.ts';
import { createVerification, whyInvalid } from './verification.ts';

const today = { year: 2031, month: 6 };

/** The reason when one field of a sound checkout is another one. */
const when = (field: string, value: unknown): string | null => {
  const details = soundDetails(today);
  const [group = '', name] = field.split('.');
  const target = name === undefined ? details : details[group as keyof CheckoutDetails];
  Object.assign(target, { [name ?? group]: value });
  return whyInvalid(details, today);
};

test('a checkout that nothing is wrong with', async () => {
  const verify = createVerification({ today: () => today });
  assert.equal(await verify(soundDetails(today), { signal: new AbortController().signal }), { ok: true });
});

const QUANTITY = 'it must be a whole number from 1 to 1000000';

const book = { name: 'Two Clocks', quantity: 1 };
const REQUIRED = [
  'user.name',
  'user.contact',
  'creditCard.number',
  'creditCard.expirationDate',
  'creditCard.cvv',
  'billingAddress.street',
  'billingAddress.city',
  'billingAddress.zip',
  'billingAddress.country',
];

for (const field of REQUIRED) {
  test(`refused: no ${field}`, () => {
    assert.is(when(field, ''), `Cannot check out without "${field}"`);
    assert.is(when(field, ' '), `Cannot check out without "${field}"`);
  });
}

for (const [what, field, value, reason] of [
  ['no items', 'items', [], 'Cannot check out 0 items: it must be 1 to 100'],
  ['too many items', 'items', Array(101).fill(book), 'Cannot check out 101 items: it must be 1 to 100'],
  ['no name of an item', 'items', [book, { ...book, name: '' }], 'Cannot check out without "items[1].name"'],
  ...[0, -1, 1.5, limits.quantityMax + 1].map((quantity) => [
    `${quantity} of an item`,
    'items',
    [book, { ...book, quantity }],
    `Cannot check out "items[1].quantity" ${quantity}: ${QUANTITY}`,
  ]),
  [
    'a wrong number',
    'creditCard.number',
    '4539578763621487',
    'Cannot charge this card: its number is not that of a card',
  ],
  [
    'a date that is none',
    'creditCard.expirationDate',
    'soon',
    'Cannot charge this card: its expiration date is not a month and a year, like 09/31',
  ],
  ['the month before', 'creditCard.expirationDate', '05/31', 'Cannot charge this card: it has expired'],
  ['the year before', 'creditCard.expirationDate', '12/2030', 'Cannot charge this card: it has expired'],
  [
    'a card for ever',
    'creditCard.expirationDate',
    '07/2051',
    'Cannot charge this card: it expires too far in the future',
  ],
  [
    'a code that is too long',
    'creditCard.cvv',
    '7390',
    'Cannot charge this card: the security code of a Visa card has 3 digits',
  ],
  ['no acceptance', 'termsAccepted', false, 'Cannot check out before the terms are accepted'],
] as [string, string, unknown, string][]) {
  test(`refused: ${what}`, () => assert.is(when(field, value), reason));
}

test('as many items as there may be, of as many as there may be', () => {
  assert.is(when('items', Array(100).fill({ ...book, quantity: limits.quantityMax })), null);
});

test('a card is valid to the end of its month', () => {
  assert.is(when('creditCard.expirationDate', '06/31'), null);
});

test('a state is not needed', () => {
  assert.is(when('billingAddress.state', ''), null);
});

test('a card is taken exactly from this month to twenty years ahead', () => {
  const month = fc.record({ year: fc.integer({ min: 1990, max: 2080 }), month: fc.integer({ min: 1, max: 12 }) });
  fc.assert(
    fc.property(month, month, (now, expiry) => {
      const details = soundDetails(now);
      details.creditCard.expirationDate = `${expiry.month}/${expiry.year}`;
      const left = (expiry.year - now.year) * 12 + expiry.month - now.month;
      assert.is(whyInvalid(details, now) === null, left >= 0 && left <= 240);
    }),
  );
});

test('no reason quotes anything of the card, the contact or the address', () => {
  const secret = fc.string({ minLength: 1, maxLength: 5 }).map((text) => `§${text}§`);
  const sometimes = fc.oneof(secret, fc.constant(''));
  const details: fc.Arbitrary<CheckoutDetails> = fc.record({
    user: fc.record({ name: sometimes, contact: sometimes }),
    creditCard: fc.record({
      number: fc.oneof(secret, fc.constant(soundDetails(today).creditCard.number)),
      expirationDate: fc.oneof(secret, fc.constant('12/33')),
      cvv: secret,
    }),
    items: fc.constant(soundDetails(today).items),
    billingAddress: fc.record({
      street: sometimes,
      city: sometimes,
      state: sometimes,
      zip: sometimes,
      country: sometimes,
    }),
    termsAccepted: fc.boolean(),
  });
  fc.assert(fc.property(details, (given) => assert.not.match(whyInvalid(given, today) ?? '', '§')));
});

test('what nobody waits for any more is not judged', async () => {
  const verify = createVerification({ today: () => today });
  const gone = new AbortController();
  gone.abort(new Error('gone'));
  const rejection = await verify(soundDetails(today), { signal: gone.signal }).catch((error) => error);
  assert.is(rejection.message, 'gone');
});

test.run();
