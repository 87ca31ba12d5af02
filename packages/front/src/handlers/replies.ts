/** What answers of several areas have in common. */
import { Problem } from '@till/shared/errors';
import { limits } from '@till/shared/limits';
import { quote } from '../quote.ts';

/** What itty-router adds to a request. */
export type Routed = Request & { params: Record<string, string | undefined>; route?: string };
export type Handler = (request: Routed) => Response | Promise<Response>;

export const RETRY_AFTER = { 'retry-after': String(limits.retryAfterSeconds) };

/** Headers of an answer that is the same as an earlier one. */
export const REPLAYED = { 'idempotent-replayed': 'true' };

export const unknownProduct = (name: string): Problem =>
  new Problem(404, 'unknown_product', `Cannot find a product named ${quote(name)}`);

export const queueFull = (headers: Record<string, string> = {}): Problem =>
  new Problem(429, 'queue_full', 'Cannot take another request: too many are waiting', { ...RETRY_AFTER, ...headers });

/** As large a number as may stand in a path or a query: all of its digits are nines. */
export const WHOLE_NUMBER_MAX = 999_999_999_999_999;
const DIGITS = new RegExp(`^\\d{1,${String(WHOLE_NUMBER_MAX).length}}$`);

/** A whole number as it stands in a path or a query, or null. */
export const wholeNumberOf = (text: string): number | null => (DIGITS.test(text) ? Number(text) : null);
