/** What answers of several areas have in common. */
import { Problem } from '@till/shared/errors';
import { limits } from '@till/shared/limits';
import { quote } from '../dialect.ts';

/** What itty-router adds to a request. */
export type Routed = Request & { params: Record<string, string | undefined>; route?: string };
export type Handler = (request: Routed) => Response | Promise<Response>;

export const RETRY_AFTER = { 'retry-after': String(limits.retryAfterSeconds) };

/** Headers of an answer that is the same as an earlier one. */
export const REPLAYED = { 'idempotent-replayed': 'true' };

export const unknownProduct = (name: string): Problem =>
  new Problem(404, 'unknown_product', `Cannot find a product named ${quote(name)}`);

/** A whole number as it stands in a path or a query, or null. */
export const wholeNumberOf = (text: string): number | null => (/^\d{1,15}$/.test(text) ? Number(text) : null);
