/**
 * A checkout as a client posted it. Only what cannot be read is an error of the request; what is missing is empty here, and
 * the verification rejects it. No message quotes what was posted: it may be a card's number or somebody's address.
 */
import { lastFourOf } from '@till/checks/card';
import type { CheckoutDetails } from '@till/checks/contract';
import { Problem } from '@till/shared/errors';
import { limits } from '@till/shared/limits';
import type { Checkout, Line } from '@till/shared/movement';
import { type Fields, isFields } from '../body.ts';
import { readFields } from '../dialect.ts';
import { keyOfOrder } from '../order-request.ts';
import { checkoutFields } from './dialect.ts';

/** What was posted, and the key that it came with, if any; throws a `Problem` without any of it in its text. */
export const readCheckout = async (request: Request): Promise<{ details: CheckoutDetails; key: string | null }> => {
  try {
    const fields = checkoutFields(await readFields(request));
    return { details: detailsOf(fields), key: keyOfOrder(request.headers.get('idempotency-key'), fields) };
  } catch (error) {
    const text = error instanceof Problem ? UNQUOTED[error.reason] : undefined;
    throw error instanceof Problem && text !== undefined ? new Problem(error.status, error.reason, text) : error;
  }
};

/** Errors that quote the body where an order is read. */
const UNQUOTED: Record<string, string> = {
  malformed_json: 'Cannot read the body as JSON',
  invalid_body: 'Cannot read the body as a checkout: it is not an object',
  repeated_field: 'Cannot read the body: a field is given twice',
  invalid_key: `Cannot check out under this key: it must be 1 to ${limits.keyLengthMax} visible ASCII characters, the same in header and body`,
};

/** Throws a `Problem` that names the first field that cannot be what it should be. Other fields are ignored. */
export const detailsOf = (fields: Fields): CheckoutDetails => {
  const user = groupOf(fields, 'user');
  const card = groupOf(fields, 'creditCard');
  const address = groupOf(fields, 'billingAddress');
  return {
    user: { name: textOf(user, 'user', 'name'), contact: textOf(user, 'user', 'contact') },
    creditCard: {
      number: textOf(card, 'creditCard', 'number'),
      expirationDate: textOf(card, 'creditCard', 'expirationDate'),
      cvv: textOf(card, 'creditCard', 'cvv'),
    },
    items: itemsOf(fields.items ?? []),
    billingAddress: {
      street: textOf(address, 'billingAddress', 'street'),
      city: textOf(address, 'billingAddress', 'city'),
      state: textOf(address, 'billingAddress', 'state'),
      zip: textOf(address, 'billingAddress', 'zip'),
      country: textOf(address, 'billingAddress', 'country'),
    },
    termsAccepted: acceptanceOf(fields.termsAccepted ?? false),
  };
};

const unreadable = (field: string, expected: string): Problem =>
  new Problem(400, 'invalid_checkout', `Cannot check out with this "${field}": it must be ${expected}`);

const groupOf = (fields: Fields, name: string): Fields => {
  const group = fields[name] ?? {};
  if (isFields(group)) return group;
  throw unreadable(name, 'an object');
};

/** Whole numbers are taken as their digits: some clients post a zip code so. */
const textOf = (group: Fields, groupName: string, name: string): string => {
  const value = group[name] ?? '';
  const text = Number.isSafeInteger(value) ? String(value) : value;
  if (typeof text === 'string' && text.length <= limits.checkoutTextLengthMax) return text.trim();
  throw unreadable(`${groupName}.${name}`, `a text of at most ${limits.checkoutTextLengthMax} characters`);
};

const itemsOf = (items: unknown): CheckoutDetails['items'] => {
  if (!Array.isArray(items)) throw unreadable('items', 'a list');
  return items.map((item, at) => {
    if (!isFields(item)) throw unreadable(`items[${at}]`, 'an object');
    const { quantity = 0 } = item;
    if (typeof quantity !== 'number') throw unreadable(`items[${at}].quantity`, 'a number');
    return { name: textOf(item, `items[${at}]`, 'name'), quantity };
  });
};

const acceptanceOf = (value: unknown): boolean => {
  if (typeof value === 'boolean') return value;
  throw unreadable('termsAccepted', 'true or false');
};

/** The items as lines of an order, or null if an order cannot have them. */
export const linesOf = (items: CheckoutDetails['items']): Line[] | null => {
  const isLine = ({ name, quantity }: Line): boolean =>
    name !== '' && Number.isInteger(quantity) && quantity >= 1 && quantity <= limits.quantityMax;
  return items.length >= 1 && items.length <= limits.orderLinesMax && items.every(isLine) ? items : null;
};

/** All that is kept of a checkout. */
export const checkoutOf = (id: string, lines: Line[], { user, creditCard }: CheckoutDetails): Checkout => ({
  id,
  lines,
  customer: user.contact,
  card: lastFourOf(creditCard.number),
});
