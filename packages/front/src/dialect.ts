/**
 * What is tolerated of clients that were written for other servers of this kind. All of it is in this file; past it there
 * is one form of everything. Of a JSON field that is there twice the last counts; a form field must be there once.
 */
import { Problem } from '@till/shared/errors';
import { type Fields, isFields, mediaType, readText, requireJson } from './body.ts';
import { quote } from './quote.ts';

const FORM_TYPE = 'application/x-www-form-urlencoded';

/** The body as fields, whatever the client calls its form. */
export const readFields = async (request: Request): Promise<Fields> => {
  const isForm = mediaType(request) === FORM_TYPE;
  if (!isForm) requireJson(request);
  const text = await readText(request);
  // Some clients send JSON under the type of a form, because their tool does so by default.
  return isForm && !text.trimStart().startsWith('{') ? fieldsOfForm(text) : fieldsOfJson(text);
};

/** Whether there is nothing in the body. `POST /orders/N` counts as `GET /orders/N` then. */
export const isEmptyBody = async (request: Request): Promise<boolean> =>
  request.headers.get('content-length') === '0' || (await readText(request)).trim() === '';

/** The fields of an order under their own names and in their own types. What cannot be understood is left as it is. */
export const orderFields = (fields: Fields): Fields => {
  const { items } = fields;
  return {
    ...lineFields(fields),
    ...(fields.type === undefined ? {} : { type: fields.type }),
    ...(items === undefined ? {} : { items: Array.isArray(items) ? items.map(itemFields) : items }),
    ...namesOf(fields),
  };
};

/** A typed order is answered under both names of its number. */
export const typedAnswer = (number: number): { transaction_number: number; 'transaction-number': number } => ({
  transaction_number: number,
  'transaction-number': number,
});

/** What an order goes by, and whom it is for: fields that are the same in every dialect. */
const namesOf = (fields: Fields): Fields => {
  const names: Fields = {};
  for (const field of ['orderId', 'customer', 'idempotencyKey']) {
    if (fields[field] !== undefined) names[field] = fields[field];
  }
  return names;
};

const itemFields = (item: unknown): unknown => (isFields(item) ? lineFields(item) : item);

const lineFields = (fields: Fields): Fields => {
  const name = fields.name === undefined ? fields.stock_name : fields.name;
  return {
    ...(name === undefined ? {} : { name }),
    ...(fields.quantity === undefined ? {} : { quantity: wholeNumber(fields.quantity) }),
  };
};

const wholeNumber = (value: unknown): unknown =>
  typeof value === 'string' && /^[0-9]{1,15}$/.test(value) ? Number(value) : value;

const fieldsOfJson = (text: string): Fields => {
  if (text.trim() === '') throw new Problem(400, 'malformed_json', 'Cannot read the body as JSON: it is empty');
  const value = parse(text);
  if (isFields(value)) return value;
  throw new Problem(400, 'invalid_body', `Cannot read the body as an order: ${quote(value)} is not an object`);
};

const parse = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    throw new Problem(400, 'malformed_json', `Cannot read the body as JSON: ${quote(text)}`);
  }
};

const fieldsOfForm = (text: string): Fields => {
  const fields: Fields = { __proto__: null };
  for (const [name, value] of new URLSearchParams(text)) {
    if (name in fields)
      throw new Problem(400, 'repeated_field', `Cannot read the field ${quote(name)}: it is given twice`);
    fields[name] = value;
  }
  return fields;
};
