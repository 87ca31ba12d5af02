/** A checkout that nothing is wrong with, for tests that change one thing about it. */
import type { CheckoutDetails, FraudInput } from '../src/contract.ts';
import type { Month } from '../src/expiry.ts';

/** Passes the check of its last digit, and is no published test card. */
export const CARD_NUMBER = '4539578763621486';

/** An expiration date that lies ahead, whenever the test runs. */
export const expiryAfter = ({ year }: Month): string => `12/${year + 2}`;

export const soundDetails = (today: Month): CheckoutDetails => ({
  user: { name: 'Kim Kask', contact: 'kim@example.com' },
  creditCard: { number: CARD_NUMBER, expirationDate: expiryAfter(today), cvv: '739' },
  items: [{ name: 'Two Clocks', quantity: 1 }],
  billingAddress: { street: 'Narva mnt 18', city: 'Tartu', state: '', zip: '51009', country: 'Estonia' },
  termsAccepted: true,
});

export const soundFraudInput = (): FraudInput => ({
  attempt: 'one',
  contact: 'kim@example.com',
  cardNumber: CARD_NUMBER,
  country: 'Estonia',
  amount: 14.5,
});

/** The digit that makes a number pass: written anew here, so that the library is not compared with itself. */
export const checkDigitOf = (digits: string): string => {
  let sum = 0;
  for (const [at, digit] of [...digits].reverse().entries()) {
    const doubled = Number(digit) * 2;
    sum += at % 2 === 1 ? Number(digit) : doubled > 9 ? doubled - 9 : doubled;
  }
  return String((10 - (sum % 10)) % 10);
};
