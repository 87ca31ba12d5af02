/** Whether a checkout is filled in so that it can be executed: who, what, where to, and a card that can exist. */
import { limits } from '@till/shared/limits';
import { isCvv, schemeOf } from './card.ts';
import type { Check, Verdict } from './check.ts';
import type { CheckoutDetails } from './contract.ts';
import { expiryOf, type Month, monthsBetween } from './expiry.ts';

export type Verification = Check<CheckoutDetails, Verdict>;

/** `today` is asked at each check. */
export const createVerification =
  ({ today }: { today(): Month }): Verification =>
  async (details, { signal }) => {
    signal.throwIfAborted();
    const reason = whyInvalid(details, today());
    return reason === null ? { ok: true } : { ok: false, reason };
  };

/** The first thing that is wrong, in words that quote nothing private, or null. */
export const whyInvalid = (details: CheckoutDetails, today: Month): string | null =>
  missingField(details) ?? wrongItems(details.items) ?? wrongCard(details.creditCard, today) ?? refusedTerms(details);

/** All of an address but the state, which most countries do not have. */
const missingField = ({ user, creditCard, billingAddress }: CheckoutDetails): string | null => {
  const required: [string, string][] = [
    ['user.name', user.name],
    ['user.contact', user.contact],
    ['creditCard.number', creditCard.number],
    ['creditCard.expirationDate', creditCard.expirationDate],
    ['creditCard.cvv', creditCard.cvv],
    ['billingAddress.street', billingAddress.street],
    ['billingAddress.city', billingAddress.city],
    ['billingAddress.zip', billingAddress.zip],
    ['billingAddress.country', billingAddress.country],
  ];
  const missing = required.find(([, text]) => text.trim() === '');
  return missing === undefined ? null : `Cannot check out without "${missing[0]}"`;
};

const wrongItems = (items: CheckoutDetails['items']): string | null => {
  if (items.length < 1 || items.length > limits.orderLinesMax)
    return `Cannot check out ${items.length} items: it must be 1 to ${limits.orderLinesMax}`;
  for (const [at, { name, quantity }] of items.entries()) {
    if (name.trim() === '') return `Cannot check out without "items[${at}].name"`;
    if (!Number.isInteger(quantity) || quantity < 1 || quantity > limits.quantityMax) {
      const expected = `it must be a whole number from 1 to ${limits.quantityMax}`;
      return `Cannot check out "items[${at}].quantity" ${quantity}: ${expected}`;
    }
  }
  return null;
};

/** No scheme issues cards for longer. */
const CARD_MONTHS_MAX = 20 * 12;

const wrongCard = (card: CheckoutDetails['creditCard'], today: Month): string | null => {
  const scheme = schemeOf(card.number);
  if (scheme === null) return 'Cannot charge this card: its number is not that of a card';
  const expiry = expiryOf(card.expirationDate.trim(), today);
  if (expiry === null) return 'Cannot charge this card: its expiration date is not a month and a year, like 09/31';
  const monthsLeft = monthsBetween(today, expiry);
  if (monthsLeft < 0) return 'Cannot charge this card: it has expired';
  if (monthsLeft > CARD_MONTHS_MAX) return 'Cannot charge this card: it expires too far in the future';
  if (isCvv(card.cvv.trim(), scheme.cvvLength)) return null;
  return `Cannot charge this card: the security code of a ${scheme.niceType} card has ${scheme.cvvLength} digits`;
};

const refusedTerms = ({ termsAccepted }: CheckoutDetails): string | null =>
  termsAccepted ? null : 'Cannot check out before the terms are accepted';
