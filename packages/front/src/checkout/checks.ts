/** The three checks of a checkout: each here in this process, or asked of a service where a setting names one. */
import type { Check } from '@till/checks/check';
import { checksContract } from '@till/checks/contract';
import { monthOf } from '@till/checks/expiry';
import { createFraudDetection } from '@till/checks/fraud';
import { createCheckMeasures } from '@till/checks/measures';
import { createSuggestions, type HistoryReader, type Suggesting } from '@till/checks/suggestions';
import { createVerification } from '@till/checks/verification';
import { monotonicMs, wallMs } from '@till/shared/clock';
import type { BodyOf, ResponseOf, Route } from '@till/shared/contract';
import type { Logger } from '@till/shared/logger';
import type { Metrics } from '@till/shared/metrics';
import { createOutside, type Outside } from '@till/shared/outside';
import { Compile } from 'typebox/compile';
import type { Checks } from './orchestrator.ts';

export type ChecksOptions = {
  /** Where each is asked; null: here. */
  urls: { verification: string | null; fraud: string | null; suggestions: string | null };
  history: HistoryReader;
  waitMs: number;
  metrics: Pick<Metrics, 'counter' | 'histogram'>;
  logger: Logger;
};

/**
 * Of the time that the checks have together, a service gets less: so it has failed before nobody waits for it any more. A call
 * that its caller has ended says nothing of the service, and one that hangs would never count as down.
 */
const SERVICE_SHARE = 0.9;
/** A call may be repeated once, within the one deadline: all checks give the same answer to the same question. */
const RETRIES = 1;

export const createChecks = (options: ChecksOptions): { checks: Checks; close(): Promise<void> } => {
  const { urls, history, logger } = options;
  const { watch } = createCheckMeasures(options.metrics);
  const closers: (() => Promise<void>)[] = [];

  const remote = <R extends Route & { method: 'POST' }>(name: string, url: string, route: R) => {
    const outside = createOutside({
      name: `the ${name} service`,
      url,
      deadlineMs: options.waitMs * SERVICE_SHARE,
      retries: RETRIES,
      onState: (state) =>
        state === 'open'
          ? logger.warn({ check: name }, 'the service of a check is down, and is not asked for a while')
          : logger.info({ check: name, state }, 'the service of a check is asked again'),
    });
    closers.push(outside.close);
    return remoteCheck(outside, route);
  };

  /** Reading along with the journal costs about as much as taking orders: only a shop that has checkouts pays for it. */
  const suggestionsHere = (): Checks['suggestions'] => {
    let suggesting: Suggesting | null = null;
    closers.push(async () => suggesting?.close());
    return (basket, options) => {
      suggesting ??= createSuggestions({
        history,
        onFailed: (error) => logger.warn({ error }, 'cannot read what was bought, suggestions may be old'),
      });
      return suggesting.suggest(basket, options);
    };
  };

  const { verify, detect, suggest } = checksContract;
  const checks: Checks = {
    verification:
      urls.verification === null
        ? createVerification({ today: () => monthOf(wallMs()) })
        : remote('verification', urls.verification, verify),
    fraud: urls.fraud === null ? createFraudDetection({ now: monotonicMs }) : remote('fraud', urls.fraud, detect),
    suggestions: urls.suggestions === null ? suggestionsHere() : remote('suggestions', urls.suggestions, suggest),
  };
  return {
    checks: {
      verification: watch('verification', checks.verification),
      fraud: watch('fraud', checks.fraud),
      suggestions: watch('suggestions', checks.suggestions),
    },
    close: async () => {
      await Promise.all(closers.map((close) => close()));
    },
  };
};

/** Anything but an answer after the contract counts as none. */
const remoteCheck = <R extends Route & { method: 'POST' }>(
  outside: Outside,
  route: R,
): Check<BodyOf<R>, ResponseOf<R>> => {
  const schema = Compile(route.response);
  const isAgreed = (value: unknown): value is ResponseOf<R> => schema.Check(value);
  return async (input, { signal }) => {
    const { text } = await outside.call({
      method: 'POST',
      path: route.path,
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(input),
      signal,
      idempotent: true,
      isUsable: (answer) => answer.status === 200 && isAgreed(parse(answer.text)),
    });
    return parse(text) as ResponseOf<R>;
  };
};

/** undefined for what is not JSON; no schema of a contract accepts undefined. */
const parse = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};
