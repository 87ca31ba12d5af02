/** Products, and what became of their stock. */
import { Problem } from '@till/shared/errors';
import { decoded } from '@till/shared/handler';
import { limits } from '@till/shared/limits';
import { foldName } from '@till/shared/names';
import { json, Reply } from '@till/shared/reply';
import type { Ledger, TrailQuery } from '../ledger.ts';
import { quote } from '../quote.ts';
import { type Handler, unknownProduct, WHOLE_NUMBER_MAX, wholeNumberOf } from './replies.ts';

const OK = { status: 200, headers: { 'content-type': 'application/json; charset=utf-8' } };
/** Entries of the trail in one answer, unless the caller wants more or fewer. */
const TRAIL_ENTRIES = 100;

export const createProductHandlers = (ledger: Pick<Ledger, 'lookup' | 'product' | 'products' | 'trail'>) => {
  /** One product; synchronous when the cache has it. */
  const byName = (name: string): Response | Promise<Response> => {
    const found = ledger.lookup(foldName(name));
    return found.kind === 'hit' ? new Reply(found.body, OK) : fetched(name, found.token);
  };

  const fetched = async (name: string, token: Parameters<Ledger['product']>[0]): Promise<Response> => {
    const body = name.length <= limits.nameLengthMax ? await ledger.product(token) : null;
    if (body !== null) return new Reply(body, OK);
    throw unknownProduct(name);
  };

  const movements: Handler = async (request) => {
    const query = trailQueryOf(new URL(request.url).searchParams);
    const trail = await ledger.trail(query);
    if (trail === null) throw unknownProduct(query.product ?? '');
    return json(200, { data: trail.changes, next: trail.next });
  };

  const product: Handler = (request) => byName(decoded(request.params).name ?? '');
  const products: Handler = async () => json(200, await ledger.products());
  return { byName, handlers: { product, products, movements } };
};

const trailQueryOf = (given: URLSearchParams): TrailQuery => {
  const product = given.get('product');
  if (product !== null && (product === '' || product.length > limits.nameLengthMax)) throw unknownProduct(product);
  return {
    after: numberOf(given, 'after', { fallback: 0, min: 0, max: WHOLE_NUMBER_MAX }),
    limit: numberOf(given, 'limit', { fallback: TRAIL_ENTRIES, min: 1, max: limits.trailEntriesMax }),
    ...(product !== null && { product }),
  };
};

const numberOf = (
  given: URLSearchParams,
  name: string,
  { fallback, min, max }: { fallback: number; min: number; max: number },
): number => {
  const text = given.get(name);
  if (text === null) return fallback;
  const value = wholeNumberOf(text);
  if (value !== null && value >= min && value <= max) return value;
  const expected = `it must be a whole number from ${min} to ${max}`;
  throw new Problem(400, 'invalid_query', `Cannot use ${quote(text)} as "${name}": ${expected}`);
};
