/**
 * Asks the checks of a checkout, all at the same time and with one deadline. The first refusal ends it, and the others are
 * cancelled. A check that cannot judge in time is never an approval; only suggestions may be missing.
 */
import type { Check, Verdict } from '@till/checks/check';
import type { Basket, CheckoutDetails, FraudInput, SuggestedBook, Suggestions } from '@till/checks/contract';
import type { CheckName } from '@till/checks/names';
import { DeadlineExceeded } from '@till/shared/clock';
import { OutsideError } from '@till/shared/outside';

export type Checks = {
  verification: Check<CheckoutDetails, Verdict>;
  fraud: Check<FraudInput, Verdict>;
  suggestions: Check<Basket, Suggestions>;
};

export type Asked = { details: CheckoutDetails; fraud: FraudInput };

export type Judgement =
  | { kind: 'approved'; books: SuggestedBook[] }
  | { kind: 'refused'; reason: string }
  /** One that must be asked did not answer, and none that did refuses. `isFull`: it is asked too many questions already. */
  | { kind: 'unavailable'; check: CheckName; isFull: boolean };

export type Orchestrator = {
  judge(asked: Asked): Promise<Judgement>;
  /** Suggestions alone; none if there are none in time. */
  suggest(basket: Basket): Promise<SuggestedBook[]>;
};

export type OrchestratorOptions = {
  checks: Checks;
  /** For all of them together. */
  waitMs: number;
  /** A check could not judge: its own fault, or the deadline's. */
  onFailed(check: CheckName, error: unknown): void;
};

/** Why the signal is aborted when it is not the deadline. */
class NoLongerNeeded extends Error {
  override name = 'NoLongerNeeded';
}

type Answer<Result> = { check: CheckName; result: Result | null; isFull: boolean };

export const createOrchestrator = ({ checks, waitMs, onFailed }: OrchestratorOptions): Orchestrator => {
  /** Gives what is asked one signal, which is aborted at the deadline, and anyway at the end. */
  const together = async <Value>(run: (signal: AbortSignal) => Promise<Value>): Promise<Value> => {
    const ending = new AbortController();
    const timer = setTimeout(() => ending.abort(new DeadlineExceeded(`No answer within ${waitMs} ms`)), waitMs);
    try {
      return await run(ending.signal);
    } finally {
      clearTimeout(timer);
      ending.abort(new NoLongerNeeded('All is said'));
    }
  };

  /** `result` is null if the check cannot judge. */
  const ask = async <Input, Result>(
    name: CheckName,
    { check, input, signal }: { check: Check<Input, Result>; input: Input; signal: AbortSignal },
  ): Promise<Answer<Result>> => {
    try {
      return { check: name, result: await unlessAborted(check(input, { signal }), signal), isFull: false };
    } catch (error) {
      if (!(signal.reason instanceof NoLongerNeeded)) onFailed(name, error);
      return { check: name, result: null, isFull: error instanceof OutsideError && error.kind === 'full' };
    }
  };

  const askForBooks = async (basket: Basket, signal: AbortSignal): Promise<SuggestedBook[]> => {
    const { result } = await ask('suggestions', { check: checks.suggestions, input: basket, signal });
    return result?.books ?? [];
  };

  return {
    judge: ({ details, fraud }) =>
      together(async (signal) => {
        const verdicts = [
          ask('verification', { check: checks.verification, input: details, signal }),
          ask('fraud', { check: checks.fraud, input: fraud, signal }),
        ];
        const books = askForBooks({ items: details.items.map(({ name }) => name) }, signal);
        const refusal = await firstRefusal(verdicts);
        if (refusal !== null) return { kind: 'refused', reason: refusal };
        const missing = (await Promise.all(verdicts)).find(({ result }) => result === null);
        if (missing !== undefined) return { kind: 'unavailable', check: missing.check, isFull: missing.isFull };
        return { kind: 'approved', books: await books };
      }),
    suggest: (basket) => together((signal) => askForBooks(basket, signal)),
  };
};

/** Why the first that refuses does so; null once all have answered and none refuses. */
const firstRefusal = (verdicts: Promise<Answer<Verdict>>[]): Promise<string | null> =>
  new Promise((resolve) => {
    const look = async (verdict: Promise<Answer<Verdict>>): Promise<void> => {
      const { result } = await verdict;
      if (result?.ok === false) resolve(result.reason);
    };
    void Promise.all(verdicts.map(look)).then(() => resolve(null));
  });

/** What the promise brings, or the signal's reason as soon as it is aborted, whatever the promise does then. */
const unlessAborted = <Value>(promise: Promise<Value>, signal: AbortSignal): Promise<Value> =>
  new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason);
    signal.addEventListener('abort', abort);
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
    if (signal.aborted) abort();
  });
