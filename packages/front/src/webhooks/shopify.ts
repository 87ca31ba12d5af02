/**
 * What is read of Shopify's orders. Their ids have 64 bits, more than a number of JavaScript holds exactly, so they are
 * read as texts. What is wrong with a body is said without quoting it: it says who bought what, and where they live. Only
 * names that products and orders can have are said back.
 */
import { Problem } from '@till/shared/errors';
import { limits } from '@till/shared/limits';
import type { Line, Order } from '@till/shared/movement';
import { parse } from 'lossless-json';
import { type Fields, isFields } from '../body.ts';
import { lineOf, missingField } from '../order-request.ts';

/** The fields of a webhook's body. */
export const readPayload = (body: Uint8Array): Fields => {
  const value = parsed(body);
  if (isFields(value)) return value;
  throw new Problem(400, 'invalid_body', 'Cannot read the body as an order: it is not an object');
};

/** The order that a Shopify order means: known by Shopify's id, one line for each line item. */
export const orderOfShopify = (payload: Fields): Order => {
  const orderId = idOf(payload);
  return { lines: linesOf(payload.line_items), many: true, orderId };
};

/** Shopify's id of the order, exactly as it stands there. */
export const idOf = ({ id }: Fields): string => {
  if (id === undefined || id === null) throw missingField('id');
  const text = typeof id === 'number' ? String(id) : id;
  if (typeof text === 'string' && /^[1-9]\d{0,19}$/.test(text)) return text;
  throw new Problem(400, 'invalid_order_id', 'Cannot use the "id": it must be a whole number of at most 20 digits');
};

/** Refuses an order that does not say itself that it is cancelled: the address that it was sent to is not signed. */
export const requireCancelled = ({ cancelled_at }: Fields): void => {
  if (typeof cancelled_at === 'string' && cancelled_at !== '') return;
  const expected = 'its "cancelled_at" does not say when it was cancelled';
  throw new Problem(400, 'not_cancelled', `Cannot cancel this order: ${expected}`);
};

const linesOf = (items: unknown): Line[] => {
  if (items === undefined) throw missingField('line_items');
  if (!Array.isArray(items) || items.length === 0 || items.length > limits.orderLinesMax) {
    const expected = `it must be a list of 1 to ${limits.orderLinesMax} items`;
    throw new Problem(400, 'invalid_items', `Cannot order "line_items": ${expected}`);
  }
  return items.map(itemOf);
};

const itemOf = (item: unknown, at: number): Line => {
  const path = `line_items[${at}].`;
  // Shopify has null or nothing in it for a product without one.
  if (isFields(item) && (item.sku === null || item.sku === '')) throw missingField(`${path}sku`);
  return lineOf(item, path, { nameField: 'sku', isQuoted: false });
};

const parsed = (body: Uint8Array): unknown => {
  try {
    return parse(new TextDecoder('utf-8', { fatal: true }).decode(body), undefined, { parseNumber: exactly });
  } catch {
    throw new Problem(400, 'malformed_json', 'Cannot read the body as JSON');
  }
};

/** A whole number that a number would not hold exactly stays the text that it is. */
const exactly = (text: string): number | string => {
  const value = Number(text);
  return /^-?\d+$/.test(text) && !Number.isSafeInteger(value) ? text : value;
};
