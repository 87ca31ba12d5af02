/** The one shape of an error, made here and nowhere else. Reasons are promised, texts are not; nothing private is in them. */
import Type, { type Static } from 'typebox';
import { json } from './reply.ts';

export const errorSchema = Type.Object({
  error: Type.Object({
    code: Type.Integer({ description: 'The HTTP status' }),
    message: Type.String({ description: 'For people; may change' }),
    reason: Type.String({ pattern: '^[a-z][a-z0-9_]*$', description: 'For programs; promised' }),
  }),
});
export type ErrorBody = Static<typeof errorSchema>;

/** The answer to a request that cannot be fulfilled. */
export const problem = (status: number, reason: string, message: string, headers?: Record<string, string>): Response =>
  json(status, { error: { code: status, message, reason } } satisfies ErrorBody, headers);

/** Thrown where a request turns out impossible; becomes an answer in one place, see `problemOf`. */
export class Problem extends Error {
  override name = 'Problem';
  readonly status: number;
  readonly reason: string;
  readonly headers: Record<string, string> | undefined;

  constructor(status: number, reason: string, message: string, headers?: Record<string, string>) {
    super(message);
    this.status = status;
    this.reason = reason;
    this.headers = headers;
  }

  toResponse(): Response {
    return problem(this.status, this.reason, this.message, this.headers);
  }
}

/** Any thrown thing as an answer. What is not a `Problem` is our mistake: `onUnexpected` hears of it, the caller does not. */
export const problemOf = (error: unknown, onUnexpected?: (error: unknown) => void): Response => {
  if (error instanceof Problem) return error.toResponse();
  if (isBodyTooLarge(error)) return problem(413, 'body_too_large', 'Cannot read a body of this size');
  onUnexpected?.(error);
  return problem(500, 'internal', 'Cannot answer: something unexpected happened');
};

/** The server's own error while it reads a body that is over the limit; named so by srvx on every runtime. */
const isBodyTooLarge = (error: unknown): boolean =>
  error instanceof Error &&
  ('statusCode' in error ? error.statusCode === 413 : 'status' in error && error.status === 413);
