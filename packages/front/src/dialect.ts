/**
 * What is tolerated of clients that were written for other servers of this kind. All of it is in this file; past it there
 * is one form of everything. Of a JSON field that is there twice the last counts; a form field must be there once.
 */
import { Problem } from '@till/shared/errors';
import { limits } from '@till/shared/limits';

export type Fields = Record<string, unknown>;

const JSON_TYPE = /^[\w-]+\/(?:[\w.+-]*[-+.])?json$/;
const FORM_TYPE = 'application/x-www-form-urlencoded';

/** The body as fields, whatever the client calls its form. */
export const readFields = async (request: Request): Promise<Fields> => {
  const isForm = mediaType(request) === FORM_TYPE;
  if (!isForm) requireJson(request);
  const text = await readText(request);
  // Some clients send JSON under the type of a form, because their tool does so by default.
  return isForm && !text.trimStart().startsWith('{') ? fieldsOfForm(text) : fieldsOfJson(text);
};

/** Refuses a body that says it is something else than JSON. */
export const requireJson = (request: Request): void => {
  const type = mediaType(request);
  if (type === '' || JSON_TYPE.test(type)) return;
  const expected = 'expected application/json';
  throw new Problem(415, 'unsupported_type', `Cannot read a body of type ${JSON.stringify(type)}: ${expected}`);
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

export const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const mediaType = ({ headers }: Request): string =>
  (headers.get('content-type') ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? '';

const readText = async (request: Request): Promise<string> => {
  const text = await toItsEnd(request.text());
  boundBody(Buffer.byteLength(text), limits.bodyBytesMax);
  return text;
};

/** The body as it came, byte for byte. */
export const readBytes = async (request: Request, bytesMax: number): Promise<Uint8Array> => {
  const bytes = new Uint8Array(await toItsEnd(request.arrayBuffer()));
  boundBody(bytes.length, bytesMax);
  return bytes;
};

/** The server bounds bodies while it reads them; this is for who is called without one. */
const boundBody = (length: number, bytesMax: number): void => {
  if (length > bytesMax) {
    throw new Problem(413, 'body_too_large', `Cannot read a body of more than ${bytesMax} bytes`);
  }
};

const toItsEnd = async <Body>(reading: Promise<Body>): Promise<Body> => {
  try {
    return await reading;
  } catch (error) {
    // The server's bound on bodies has its own answer; anything else is a client that went away or sent garbage.
    if (error instanceof Error && 'statusCode' in error) throw error;
    throw new Problem(400, 'unreadable_body', 'Cannot read the body to its end');
  }
};

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

const QUOTED_LENGTH_MAX = 60;

/** A value as it is shown in a message: as JSON, cut when it is long. */
export const quote = (value: unknown): string => {
  const text = typeof value === 'number' ? String(value) : (JSON.stringify(value) ?? String(value));
  return text.length <= QUOTED_LENGTH_MAX ? text : `${text.slice(0, QUOTED_LENGTH_MAX)}...`;
};
