import { Problem } from '@till/shared/errors';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { CARD_NUMBER, soundDetails } from '../../../checks/test/sound.ts';
import { checkoutOf, detailsOf, linesOf, readCheckout } from './request.ts';

const sound = soundDetails({ year: 2031, month: 6 });
const posted = (body: unknown): Request =>
  new Request('http://till/checkout', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
const problemOf = async (body: unknown): Promise<Problem> => {
  const error = await readCheckout(posted(body)).catch((thrown) => thrown);
  assert.instance(error, Problem);
  return error;
};

test('a checkout as it was posted', async () => {
  assert.equal(await readCheckout(posted(sound)), { details: sound, key: null });
});

test('fields that mean nothing here are left out', async () => {
  const more = { ...sound, shippingMethod: 'Standard', user: { ...sound.user, age: 3 }, giftWrapping: true };
  assert.equal((await readCheckout(posted(more))).details, sound);
});

test('what is missing is empty', () => {
  assert.equal(detailsOf({}), {
    user: { name: '', contact: '' },
    creditCard: { number: '', expirationDate: '', cvv: '' },
    items: [],
    billingAddress: { street: '', city: '', state: '', zip: '', country: '' },
    termsAccepted: false,
  });
  assert.equal(detailsOf({ user: null, items: null, termsAccepted: null }), detailsOf({}));
  assert.equal(detailsOf({ items: [{}] }).items, [{ name: '', quantity: 0 }]);
});

test('spaces around texts are not part of them, and whole numbers are taken as their digits', () => {
  const details = detailsOf({ user: { name: ' Kim ' }, billingAddress: { zip: 51009 }, creditCard: { cvv: 739 } });
  assert.equal([details.user.name, details.billingAddress.zip, details.creditCard.cvv], ['Kim', '51009', '739']);
});

test('pages that were written for other servers', async () => {
  const { termsAccepted: _, ...rest } = sound;
  const { details: read } = await readCheckout(
    posted({ ...rest, items: [{ stock_name: 'Two Clocks', quantity: '1' }], termsAndConditionsAccepted: true }),
  );
  assert.equal(read, sound);
});

for (const [field, body, expected] of [
  ['user', { user: 'Kim' }, 'an object'],
  ['creditCard', { creditCard: [CARD_NUMBER] }, 'an object'],
  ['billingAddress', { billingAddress: 7 }, 'an object'],
  ['user.contact', { user: { contact: { mail: 'kim@example.com' } } }, 'a text of at most 200 characters'],
  ['creditCard.number', { creditCard: { number: CARD_NUMBER.repeat(13) } }, 'a text of at most 200 characters'],
  ['creditCard.cvv', { creditCard: { cvv: 73.9 } }, 'a text of at most 200 characters'],
  ['items', { items: 'Two Clocks' }, 'a list'],
  ['items', { items: { name: 'Two Clocks' } }, 'a list'],
  ['items[1]', { items: [{ name: 'Two Clocks', quantity: 1 }, 'Two Clocks'] }, 'an object'],
  ['items[0].name', { items: [{ name: ['Two Clocks'], quantity: 1 }] }, 'a text of at most 200 characters'],
  ['items[0].quantity', { items: [{ name: 'Two Clocks', quantity: 'one' }] }, 'a number'],
  ['termsAccepted', { termsAccepted: 'yes' }, 'true or false'],
] as const) {
  test(`cannot be read: ${JSON.stringify(body).slice(0, 60)}`, async () => {
    const { status, reason, message } = await problemOf(body);
    assert.equal([status, reason], [400, 'invalid_checkout']);
    assert.is(message, `Cannot check out with this "${field}": it must be ${expected}`);
  });
}

test('a body that is not a checkout at all is not quoted', async () => {
  for (const [body, reason] of [
    [`{"creditCard":{"number":"${CARD_NUMBER}"`, 'malformed_json'],
    [CARD_NUMBER, 'invalid_body'],
    [`["${CARD_NUMBER}"]`, 'invalid_body'],
    ['', 'malformed_json'],
  ] as const) {
    const problem = await problemOf(body);
    assert.equal([problem.status, problem.reason], [400, reason]);
    assert.not.match(problem.message, '4539');
  }
  const form = new Request('http://till/checkout', {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: `${CARD_NUMBER}=1&${CARD_NUMBER}=2`,
  });
  const repeated = await readCheckout(form).catch((error) => error);
  assert.equal([repeated.reason, repeated.message.includes('4539')], ['repeated_field', false]);
});

test('items become lines if an order can have them', () => {
  assert.equal(linesOf(sound.items), sound.items);
  const line = { name: 'Two Clocks', quantity: 1 };
  assert.is(linesOf([]), null);
  assert.is(linesOf(Array(101).fill(line)), null);
  for (const wrong of [{ name: '' }, { quantity: 0 }, { quantity: 1.5 }, { quantity: 1_000_001 }]) {
    assert.is(linesOf([line, { ...line, ...wrong }]), null);
  }
});

test('of the card only the last four digits are kept', () => {
  const checkout = checkoutOf('id', sound.items, {
    ...sound,
    creditCard: { ...sound.creditCard, number: '4539 5787-6362 1486' },
  });
  assert.equal(checkout, { id: 'id', lines: sound.items, customer: 'kim@example.com', card: '1486' });
});

test.run();
