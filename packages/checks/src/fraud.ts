/** Whether a checkout looks like fraud: each rule that applies adds its points, and from a threshold on it is refused. */
import { limits } from '@till/shared/limits';
import { digitsOf } from './card.ts';
import type { Check, Verdict } from './check.ts';
import type { FraudInput } from './contract.ts';
import { countryOfCard, countryOfContact, countryOfName } from './countries.ts';
import { testCards } from './test-cards.ts';
import { createVelocity } from './velocity.ts';

export type FraudDetection = Check<FraudInput, Verdict>;

/** What the rules look at: the input, and how many attempts its contact made within the window, this one included. */
export type Facts = FraudInput & { attempts: number };

export type Rule = { name: string; points: number; text: string; applies(facts: Facts): boolean };

export const refusedFromPoints = 100;

const AMOUNT_HIGH = 2000;
const AMOUNT_VERY_HIGH = 20_000;
const ATTEMPTS_MANY = 5;
const ATTEMPTS_TOO_MANY = 20;

/** Both tell, and not the same. */
const contradicts = (one: string | null, other: string | null): boolean =>
  one !== null && other !== null && one !== other;

/**
 * A rule that is enough by itself has 100 points. The countries are weak signs, since people travel, move and order for
 * others: even both together are not enough without an unusual amount or many attempts.
 */
export const rules: readonly Rule[] = Object.freeze([
  {
    name: 'test_card',
    points: 100,
    text: 'the card is one that is published for tests',
    applies: ({ cardNumber }) => testCards.has(digitsOf(cardNumber)),
  },
  {
    name: 'amount_high',
    points: 40,
    text: `the amount is over ${AMOUNT_HIGH}`,
    applies: ({ amount }) => amount > AMOUNT_HIGH,
  },
  {
    name: 'amount_very_high',
    points: 60,
    text: `the amount is over ${AMOUNT_VERY_HIGH}`,
    applies: ({ amount }) => amount > AMOUNT_VERY_HIGH,
  },
  {
    name: 'velocity',
    points: 30,
    text: `more than ${ATTEMPTS_MANY} checkouts for this contact in a short time`,
    applies: ({ attempts }) => attempts > ATTEMPTS_MANY,
  },
  {
    name: 'velocity_high',
    points: 70,
    text: `more than ${ATTEMPTS_TOO_MANY} checkouts for this contact in a short time`,
    applies: ({ attempts }) => attempts > ATTEMPTS_TOO_MANY,
  },
  {
    name: 'card_country',
    points: 50,
    text: "the card is issued in another country than the billing address's",
    applies: ({ cardNumber, country }) => contradicts(countryOfCard(cardNumber), countryOfName(country)),
  },
  {
    name: 'contact_country',
    points: 30,
    text: "the contact is of another country than the billing address's",
    applies: ({ contact, country }) => contradicts(countryOfContact(contact), countryOfName(country)),
  },
]);

/** The rules that apply, in the order of the table, and their points together. */
export const judge = (facts: Facts): { points: number; applied: Rule[] } => {
  const applied = rules.filter((rule) => rule.applies(facts));
  return { points: applied.reduce((sum, rule) => sum + rule.points, 0), applied };
};

/** `now`: milliseconds of a clock that only goes forward. */
export const createFraudDetection = ({ now }: { now(): number }): FraudDetection => {
  const velocity = createVelocity({
    windowMs: limits.velocityWindowMs,
    contactsMax: limits.contactsKnownMax,
    attemptsMax: ATTEMPTS_TOO_MANY + 1,
  });
  return async (input, { signal }) => {
    signal.throwIfAborted();
    // Another card, or another amount, under the same name is another attempt.
    const name = [input.attempt, digitsOf(input.cardNumber), input.amount].join(' ');
    const attempts = velocity.count({ contact: input.contact, name, nowMs: now() });
    const { points, applied } = judge({ ...input, attempts });
    if (points < refusedFromPoints) return { ok: true };
    const why = applied.map(({ text }) => text).join('; ');
    return { ok: false, reason: `Cannot take this checkout, it looks like fraud: ${why}` };
  };
};
