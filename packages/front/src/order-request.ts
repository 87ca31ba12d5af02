/** An order as a client posted it: checked field by field, so that the answer can say what is wrong with which. */
import { Problem } from '@till/shared/errors';
import { limits } from '@till/shared/limits';
import type { Line, Order } from '@till/shared/movement';
import { Compile } from 'typebox/compile';
import { type Fields, isFields } from './body.ts';
import { customerSchema, keySchema, nameSchema, orderIdSchema, quantitySchema, typeSchema } from './public-route.ts';
import { quote } from './quote.ts';

const isName = Compile(nameSchema);
const isQuantity = Compile(quantitySchema);
const isType = Compile(typeSchema);
const isKey = Compile(keySchema);
const isOrderId = Compile(orderIdSchema);
const isCustomer = Compile(customerSchema);

/** Throws a `Problem` that names the first field that is missing or wrong. Other fields are ignored. */
export const orderOf = (fields: Fields): Order => {
  const { items, type } = fields;
  if (items !== undefined) return { lines: linesOf(items, fields), many: true, ...whoseOf(fields) };
  const line = lineOf(fields, '');
  if (type === undefined) return { lines: [line], ...whoseOf(fields) };
  if (isType.Check(type)) return { lines: [line], type, ...whoseOf(fields) };
  throw new Problem(400, 'invalid_type', `Cannot order with "type" ${quote(type)}: it must be "buy" or "sell"`);
};

/** The key of an order: from the header, from the body, or null. Both may say it, but not differ. */
export const keyOfOrder = (header: string | null, fields: Fields): string | null => {
  const inHeader = header === null ? null : keyOf(header, 'Idempotency-Key');
  if (fields.idempotencyKey === undefined) return inHeader;
  const inBody = keyOf(fields.idempotencyKey, '"idempotencyKey"');
  if (inHeader === null || inHeader === inBody) return inBody;
  const both = `${quote(inHeader)} and "idempotencyKey" ${quote(inBody)}`;
  throw new Problem(400, 'invalid_key', `Cannot order under the Idempotency-Key ${both} at once`);
};

/** An idempotency key as given in a header, a query or a body. */
export const keyOf = (given: unknown, where: string): string => {
  if (isKey.Check(given)) return given;
  const expected = `1 to ${limits.keyLengthMax} visible ASCII characters`;
  throw new Problem(400, 'invalid_key', `Cannot use ${quote(given)} as ${where}: it must be ${expected}`);
};

/** A caller's own name of an order, as a text whichever way it was given. */
export const orderIdOf = (given: unknown, where: string): string => {
  const id = typeof given === 'number' && Number.isSafeInteger(given) && given >= 0 ? String(given) : given;
  if (isOrderId.Check(id)) return id;
  const expected = `1 to ${limits.orderIdLengthMax} visible ASCII characters, or a whole number below 2^53`;
  throw new Problem(400, 'invalid_order_id', `Cannot use ${quote(given)} as ${where}: it must be ${expected}`);
};

/** The order's own name and whom it is for, as far as they are given. */
const whoseOf = ({ orderId, customer }: Fields): Pick<Order, 'orderId' | 'customer'> => {
  const named = orderId === undefined ? {} : { orderId: orderIdOf(orderId, '"orderId"') };
  if (customer === undefined) return named;
  if (isCustomer.Check(customer)) return { ...named, customer };
  // Not quoted: it may say who somebody is.
  const expected = `it must be a text of 1 to ${limits.customerLengthMax} characters`;
  throw new Problem(400, 'invalid_customer', `Cannot order for this "customer": ${expected}`);
};

const linesOf = (items: unknown, fields: Fields): Line[] => {
  for (const field of ['name', 'quantity', 'type']) {
    if (fields[field] === undefined) continue;
    const given = `${quote(field)} ${quote(fields[field])}`;
    throw new Problem(400, 'invalid_items', `Cannot order with "items" and ${given} at once`);
  }
  if (Array.isArray(items) && items.length > 0 && items.length <= limits.orderLinesMax) {
    return items.map((item, at) => lineOf(item, `items[${at}].`));
  }
  const expected = `it must be a list of 1 to ${limits.orderLinesMax} items`;
  throw new Problem(400, 'invalid_items', `Cannot order "items" ${quote(items)}: ${expected}`);
};

/**
 * One line of an order. `nameField`: what the caller calls the product's name. `isQuoted`: whether messages may show what stands
 * there instead.
 */
export const lineOf = (
  item: unknown,
  path: string,
  { nameField = 'name', isQuoted = true }: { nameField?: string; isQuoted?: boolean } = {},
): Line => {
  const shown = (value: unknown): string => (isQuoted ? ` ${quote(value)}` : '');
  if (!isFields(item)) {
    const field = path.slice(0, -1);
    throw new Problem(400, 'invalid_items', `Cannot order "${field}"${shown(item)}: it must be an object`);
  }
  const { [nameField]: name, quantity } = item;
  for (const field of [nameField, 'quantity']) {
    if (item[field] === undefined) throw missingField(`${path}${field}`);
  }
  if (!isName.Check(name)) {
    const expected = `it must be a text of 1 to ${limits.nameLengthMax} characters`;
    throw new Problem(400, 'invalid_name', `Cannot order "${path}${nameField}"${shown(name)}: ${expected}`);
  }
  if (!isQuantity.Check(quantity)) {
    const expected = `it must be a whole number from 1 to ${limits.quantityMax}`;
    throw new Problem(400, 'invalid_quantity', `Cannot order "${path}quantity"${shown(quantity)}: ${expected}`);
  }
  return { name, quantity };
};

export const missingField = (path: string): Problem =>
  new Problem(400, 'missing_field', `Cannot order without "${path}"`);
