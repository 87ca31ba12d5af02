/** An order as a client posted it: checked field by field, so that the answer can say what is wrong with which. */
import { Problem } from '@till/shared/errors';
import { limits } from '@till/shared/limits';
import type { Line, Order } from '@till/shared/movement';
import { Compile } from 'typebox/compile';
import { type Fields, isFields, quote } from './dialect.ts';
import { keySchema, nameSchema, quantitySchema, typeSchema } from './routes.ts';

const isName = Compile(nameSchema);
const isQuantity = Compile(quantitySchema);
const isType = Compile(typeSchema);
const isKey = Compile(keySchema);

/** Throws a `Problem` that names the first field that is missing or wrong. Other fields are ignored. */
export const orderOf = (fields: Fields): Order => {
  const { items, type } = fields;
  if (items !== undefined) return { lines: linesOf(items, fields), many: true };
  const line = lineOf(fields, '');
  if (type === undefined) return { lines: [line] };
  if (isType.Check(type)) return { lines: [line], type };
  throw new Problem(400, 'invalid_type', `Cannot order with "type" ${quote(type)}: it must be "buy" or "sell"`);
};

/** An idempotency key as given in a header or a query. */
export const keyOf = (text: string, where: string): string => {
  if (isKey.Check(text)) return text;
  const expected = `1 to ${limits.keyLengthMax} visible ASCII characters`;
  throw new Problem(400, 'invalid_key', `Cannot use ${quote(text)} as ${where}: it must be ${expected}`);
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

const lineOf = (item: unknown, path: string): Line => {
  if (!isFields(item)) {
    const field = path.slice(0, -1);
    throw new Problem(400, 'invalid_items', `Cannot order "${field}" ${quote(item)}: it must be an object`);
  }
  const { name, quantity } = item;
  for (const field of ['name', 'quantity']) {
    if (item[field] === undefined) throw new Problem(400, 'missing_field', `Cannot order without "${path}${field}"`);
  }
  if (!isName.Check(name)) {
    const expected = `it must be a text of 1 to ${limits.nameLengthMax} characters`;
    throw new Problem(400, 'invalid_name', `Cannot order "${path}name" ${quote(name)}: ${expected}`);
  }
  if (!isQuantity.Check(quantity)) {
    const expected = `it must be a whole number from 1 to ${limits.quantityMax}`;
    throw new Problem(400, 'invalid_quantity', `Cannot order "${path}quantity" ${quote(quantity)}: ${expected}`);
  }
  return { name, quantity };
};
