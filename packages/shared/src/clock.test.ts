import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { DeadlineExceeded, deadline, monotonicMs, sleep } from './clock.ts';

test('sleep: ends after its time, or when it is told to', async () => {
  const startMs = monotonicMs();
  await sleep(30);
  assert.ok(monotonicMs() - startMs >= 28);
  const aborting = new AbortController();
  setTimeout(() => aborting.abort(), 10);
  await deadline(sleep(60_000, aborting.signal), 20_000);
  await deadline(sleep(60_000, aborting.signal), 20_000);
});

test('deadline: gives what the promise gives, or ends', async () => {
  assert.is(await deadline(Promise.resolve(7), 60_000), 7);
  const failing = deadline(Promise.reject(new RangeError('x')), 60_000);
  assert.instance(await failing.catch((error) => error), RangeError);
  const never = deadline(new Promise(() => undefined), 20, 'the impossible');
  const error = await never.catch((reason: Error) => reason);
  assert.instance(error, DeadlineExceeded);
  assert.match((error as Error).message, 'the impossible within 20 ms');
});

test.run();
