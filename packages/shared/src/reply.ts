/** Responses. On Node a lighter class than the platform's own: it costs half the time of a request. */
import { FastResponse } from 'srvx';

/** A `Response` in every respect that a handler needs. */
export const Reply: typeof Response = FastResponse;

/** A JSON answer. `value` that is a string is taken as JSON text already: encoded answers can be kept and sent again. */
export const json = (status: number, value: unknown, headers?: Record<string, string>): Response =>
  new Reply(typeof value === 'string' ? value : JSON.stringify(value), {
    status,
    headers: headers === undefined ? JSON_HEADERS : { ...JSON_HEADERS, ...headers },
  });

const JSON_HEADERS = { 'content-type': 'application/json; charset=utf-8' };
