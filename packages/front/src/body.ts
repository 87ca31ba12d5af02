/** Bodies of requests: of what type they are, read to their end and not beyond a bound. What their fields mean is said elsewhere. */
import { Problem } from '@till/shared/errors';
import { limits } from '@till/shared/limits';

export type Fields = Record<string, unknown>;

export const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const JSON_TYPE = /^[\w-]+\/(?:[\w.+-]*[-+.])?json$/;

/** Refuses a body that says it is something else than JSON. */
export const requireJson = (request: Request): void => {
  const type = mediaType(request);
  if (type === '' || JSON_TYPE.test(type)) return;
  const expected = 'expected application/json';
  throw new Problem(415, 'unsupported_type', `Cannot read a body of type ${JSON.stringify(type)}: ${expected}`);
};

/** What the body says it is, without parameters; empty if it says nothing. */
export const mediaType = ({ headers }: Request): string =>
  (headers.get('content-type') ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? '';

export const readText = async (request: Request): Promise<string> => {
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
