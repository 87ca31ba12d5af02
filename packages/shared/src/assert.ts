/** Our own mistakes stop us: a broken promise of the code is never handled, it ends the process. */

/** A promise that the code makes to itself does not hold. */
export class BrokenPromise extends Error {
  override name = 'BrokenPromise';
}

/** Throws `BrokenPromise` unless the condition holds. A message may be a function, where making it costs something. */
export function assert(condition: unknown, message: string | (() => string)): asserts condition {
  if (!condition) throw new BrokenPromise(typeof message === 'string' ? message : message());
}

/** For the end of a switch over a union: a case that was forgotten is a type error, a value from outside throws. */
export const unreachable = (value: never): never => {
  throw new BrokenPromise(`Cannot handle ${JSON.stringify(value)}`);
};
