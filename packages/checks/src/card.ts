/** A card as the scheme that issued it sees it. */
import cards from 'card-validator';

export type Scheme = { type: string; niceType: string; cvvLength: number };

/** The digits of a card's number, as people write it: with spaces or dashes between them. */
export const digitsOf = (cardNumber: string): string => cardNumber.replace(/[\s-]/g, '');

/** All of a card's number that is kept or shown anywhere. */
export const lastFourOf = (cardNumber: string): string => digitsOf(cardNumber).slice(-4);

/** The scheme of a number that is complete and passes the check of its last digit, or null. */
export const schemeOf = (cardNumber: string): Scheme | null => {
  // Without the option the library takes any number of UnionPay, whose cards have the digit, too.
  const { isValid, card } = cards.number(digitsOf(cardNumber), { luhnValidateUnionPay: true });
  return isValid && card !== null ? { type: card.type, niceType: card.niceType, cvvLength: card.code.size } : null;
};

export const isCvv = (cvv: string, length: number): boolean => cards.cvv(cvv, length).isValid;
