import { limits } from '@till/shared/limits';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { checkDigitOf, soundFraudInput } from '../test/sound.ts';
import { schemeOf } from './card.ts';
import { createFraudDetection, type Facts, judge, refusedFromPoints, rules } from './fraud.ts';
import { testCards } from './test-cards.ts';

const signal = new AbortController().signal;
const facts = (change: Partial<Facts> = {}): Facts => ({ ...soundFraudInput(), attempts: 1, ...change });
const russianCard = `220000000000000${checkDigitOf('220000000000000')}`;

/** What is told of a checkout that differs from a sound one in this, and the points for it. */
const table: [string, Partial<Facts>, string[], number][] = [
  ['nothing unusual', {}, [], 0],
  ['a published test card', { cardNumber: '4111 1111 1111 1111' }, ['test_card'], 100],
  ['the amount up to which nobody asks', { amount: 2000 }, [], 0],
  ['a high amount', { amount: 2000.01 }, ['amount_high'], 40],
  ['a very high amount', { amount: 20_000.01 }, ['amount_high', 'amount_very_high'], 100],
  ['a few attempts', { attempts: 5 }, [], 0],
  ['many attempts', { attempts: 6 }, ['velocity'], 30],
  ['too many attempts', { attempts: 21 }, ['velocity', 'velocity_high'], 100],
  ['a card of another country', { cardNumber: russianCard }, ['card_country'], 50],
  ['a card of the same country', { cardNumber: russianCard, country: 'Russia' }, [], 0],
  ['a card whose country cannot be compared', { cardNumber: russianCard, country: 'Wonderland' }, [], 0],
  ['a contact of another country', { contact: 'kim@example.de' }, ['contact_country'], 30],
  ['a contact of the same country', { contact: 'kim@example.ee' }, [], 0],
  [
    'both of other countries',
    { cardNumber: russianCard, contact: '+49 30 1' },
    ['card_country', 'contact_country'],
    80,
  ],
  [
    'both of other countries and a high amount',
    { cardNumber: russianCard, contact: '+49 30 1', amount: 2001 },
    ['amount_high', 'card_country', 'contact_country'],
    120,
  ],
];

for (const [what, change, names, points] of table) {
  test(`${what}: ${points} points`, () => {
    const judged = judge(facts(change));
    assert.equal([judged.applied.map(({ name }) => name), judged.points], [names, points]);
  });
}

test('every rule is in the table above', () => {
  const told = new Set(table.flatMap(([, , names]) => names));
  assert.equal(
    rules.map(({ name }) => name).filter((name) => !told.has(name)),
    [],
  );
});

test('what is told of all rules together fits', async () => {
  const all = rules.map(({ text }) => text).join('; ');
  assert.ok(`Cannot take this checkout, it looks like fraud: ${all}`.length <= limits.checkReasonLengthMax);
});

test('refused from the threshold on, with the texts of the rules', async () => {
  const detect = createFraudDetection({ now: () => 0 });
  assert.is(refusedFromPoints, 100);
  assert.equal(await detect({ ...soundFraudInput(), contact: '+49 30 1', cardNumber: russianCard }, { signal }), {
    ok: true,
  });
  const input = { ...soundFraudInput(), contact: '+49 30 1', cardNumber: russianCard, amount: 2001 };
  assert.equal(await detect(input, { signal }), {
    ok: false,
    reason:
      'Cannot take this checkout, it looks like fraud: the amount is over 2000; ' +
      "the card is issued in another country than the billing address's; " +
      "the contact is of another country than the billing address's",
  });
});

test('attempts of a contact are counted over time, and forgotten', async () => {
  let nowMs = 0;
  const detect = createFraudDetection({ now: () => nowMs });
  const attempt = async (name: string, change = {}): Promise<boolean> =>
    (await detect({ ...soundFraudInput(), attempt: name, ...change }, { signal })).ok;
  for (let count = 1; count <= 20; count += 1) assert.ok(await attempt(`attempt ${count}`), `attempt ${count}`);
  assert.not.ok(await attempt('one more'));
  assert.ok(await attempt('one more', { contact: 'lee@example.com' }));
  nowMs += limits.velocityWindowMs;
  assert.ok(await attempt('one more'));
});

test('a repeated checkout is one attempt, another card under its name is another', async () => {
  const detect = createFraudDetection({ now: () => 0 });
  for (let count = 0; count < 50; count += 1) assert.ok((await detect(soundFraudInput(), { signal })).ok);
  const verdicts: boolean[] = [];
  for (let count = 0; count < 21; count += 1) {
    const body = `4539578763621${String(count).padStart(2, '0')}`;
    const input = { ...soundFraudInput(), cardNumber: body + checkDigitOf(body) };
    verdicts.push((await detect(input, { signal })).ok);
  }
  assert.is(verdicts.at(-1), false);
});

test('what nobody waits for any more is not counted', async () => {
  const detect = createFraudDetection({ now: () => 0 });
  const gone = new AbortController();
  gone.abort(new Error('gone'));
  const rejection = await detect(soundFraudInput(), { signal: gone.signal }).catch((error) => error);
  assert.is(rejection.message, 'gone');
});

test('every test card passes as a card, else nobody would use it for tests', () => {
  for (const number of testCards) assert.is.not(schemeOf(number), null, number);
});

test.run();
