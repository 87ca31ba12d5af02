/** What the checks said and how long they took, in numbers. */
import { DeadlineExceeded, monotonicMs } from '@till/shared/clock';
import type { Metrics } from '@till/shared/metrics';
import type { Check } from './check.ts';
import type { CheckName } from './names.ts';

export type CheckMeasures = {
  /** The same check, counted. */
  watch<Input, Result>(name: CheckName, check: Check<Input, Result>): Check<Input, Result>;
};

const SECONDS = [0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5];

export const createCheckMeasures = (metrics: Pick<Metrics, 'counter' | 'histogram'>): CheckMeasures => {
  const results = metrics.counter({
    name: 'till_checks_total',
    help: 'Checks of checkouts, by check and result: passed, refused, failed, or cancelled because another one refused',
    labelNames: ['check', 'result'],
  });
  const times = metrics.histogram({
    name: 'till_check_seconds',
    help: 'Time that a check took, by check',
    labelNames: ['check'],
    buckets: SECONDS,
  });
  return {
    watch: (name, check) => async (input, context) => {
      const startMs = monotonicMs();
      let result = 'failed';
      try {
        const answer = await check(input, context);
        result = isRefusal(answer) ? 'refused' : 'passed';
        return answer;
      } catch (error) {
        const { aborted, reason } = context.signal;
        if (aborted && !(reason instanceof DeadlineExceeded)) result = 'cancelled';
        throw error;
      } finally {
        results.inc({ check: name, result });
        times.observe({ check: name }, (monotonicMs() - startMs) / 1000);
      }
    },
  };
};

const isRefusal = (answer: unknown): boolean =>
  typeof answer === 'object' && answer !== null && 'ok' in answer && answer.ok === false;
