import { DeadlineExceeded } from '@till/shared/clock';
import { createMetrics } from '@till/shared/metrics';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Check, Verdict } from './check.ts';
import { createCheckMeasures } from './measures.ts';

/** How often each result was counted, after one check whose signal is aborted with the reason, if there is one. */
const counted = async (check: Check<null, Verdict>, reason?: Error): Promise<string[]> => {
  const metrics = createMetrics('front');
  const ending = new AbortController();
  if (reason !== undefined) ending.abort(reason);
  await createCheckMeasures(metrics)
    .watch('fraud', check)(null, { signal: ending.signal })
    .catch(() => {});
  const lines = (await metrics.text()).split('\n').filter((line) => line.startsWith('till_checks_total'));
  return lines.map((line) => /result="(\w+)".* (\d+)$/.exec(line)?.slice(1).join(' ') ?? line);
};

const failing: Check<null, Verdict> = async (_, { signal }) => {
  signal.throwIfAborted();
  throw new Error('as asked for');
};

test('a check passes, refuses or fails', async () => {
  assert.equal(await counted(async () => ({ ok: true })), ['passed 1']);
  assert.equal(await counted(async () => ({ ok: false, reason: 'no' })), ['refused 1']);
  assert.equal(await counted(failing), ['failed 1']);
});

test('one that is ended because another one has refused is cancelled, one that is late has failed', async () => {
  assert.equal(await counted(failing, new Error('Nobody waits any more')), ['cancelled 1']);
  assert.equal(await counted(failing, new DeadlineExceeded('No answer within 2000 ms')), ['failed 1']);
  assert.equal(await counted(async () => ({ ok: true }), new DeadlineExceeded('No answer')), ['passed 1']);
});

test.run();
