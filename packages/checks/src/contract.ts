/**
 * How a check is asked when it is a service of its own: the same input and result as in the same process. A card's number
 * goes to verification and to fraud detection, which judge it in memory, and nowhere else.
 */
import type { Contract } from '@till/shared/contract';
import { limits } from '@till/shared/limits';
import Type, { type Static } from 'typebox';
import type { Verdict } from './check.ts';

const text = Type.String({ maxLength: limits.checkoutTextLengthMax });

/** A checkout as the client filled it in; what is missing is an empty text, 0 or false. */
export const checkoutDetailsSchema = Type.Object({
  user: Type.Object({ name: text, contact: text }),
  creditCard: Type.Object({ number: text, expirationDate: text, cvv: text }),
  items: Type.Array(Type.Object({ name: text, quantity: Type.Number() })),
  billingAddress: Type.Object({ street: text, city: text, state: text, zip: text, country: text }),
  termsAccepted: Type.Boolean(),
});
export type CheckoutDetails = Static<typeof checkoutDetailsSchema>;

export const fraudInputSchema = Type.Object({
  /** Names the checkout: the same one asked about again does not count twice. */
  attempt: Type.String({ minLength: 1, maxLength: limits.keyLengthMax }),
  contact: text,
  cardNumber: text,
  /** Of the billing address. */
  country: text,
  /** What all of it costs. */
  amount: Type.Number({ minimum: 0 }),
});
export type FraudInput = Static<typeof fraudInputSchema>;

/** The names of what is in the basket. */
export const basketSchema = Type.Object({ items: Type.Array(text) });
export type Basket = Static<typeof basketSchema>;

export const verdictSchema = Type.Union([
  Type.Object({ ok: Type.Literal(true) }),
  Type.Object({ ok: Type.Literal(false), reason: Type.String({ maxLength: limits.checkReasonLengthMax }) }),
]);

/** `bookId` and `title` are the book's name in the catalogue; `author` is empty if the catalogue names none. */
export const suggestedBookSchema = Type.Object({ bookId: Type.String(), title: Type.String(), author: Type.String() });
export type SuggestedBook = Static<typeof suggestedBookSchema>;
export const suggestionsSchema = Type.Object({
  books: Type.Array(suggestedBookSchema, { maxItems: limits.suggestionsMax }),
});
export type Suggestions = Static<typeof suggestionsSchema>;

export const checksContract = {
  verify: { method: 'POST', path: '/verify', body: checkoutDetailsSchema, response: verdictSchema },
  detect: { method: 'POST', path: '/detect', body: fraudInputSchema, response: verdictSchema },
  suggest: { method: 'POST', path: '/suggest', body: basketSchema, response: suggestionsSchema },
} as const satisfies Contract;

// The schema and the type of check.ts must say the same; the compiler compares them here.

type Same<One, Other> = [One, Other] extends [Other, One] ? true : { differs: [One, Other] };
const same = <_Verdict extends true>(): void => {};
same<Same<Static<typeof verdictSchema>, Verdict>>();
