import { isBrokenCircuitError } from 'cockatiel';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type BreakerRule, createBreaker } from './breaker.ts';

const wallClock = Date.now;
test.after.each(() => {
  Date.now = wallClock;
});
const stepWallClock = (ms: number): void => {
  Date.now = () => wallClock() + ms;
};
const HOUR_MS = 60 * 60 * 1000;

class Failure extends Error {}

const start = (rule: BreakerRule, openMs = 10_000) => {
  const clock = { nowMs: 5000 };
  const states: string[] = [];
  const breaker = createBreaker({
    rule,
    openMs,
    isFailure: (error) => error instanceof Failure,
    onState: () => states.push(breaker.state()),
    nowMs: () => clock.nowMs,
  });
  return { breaker, clock, states };
};
type Breaker = ReturnType<typeof start>['breaker'];

const succeed = (breaker: Breaker): Promise<string> => breaker.execute(async () => 'done');
/** What came of work that fails so: that failure, or `blocked`. */
const outcome = async (work: Promise<unknown>): Promise<unknown> => {
  try {
    return await work;
  } catch (error) {
    return isBrokenCircuitError(error) ? 'blocked' : error;
  }
};
const fail = (breaker: Breaker, error: Error = new Failure()): Promise<unknown> =>
  outcome(
    breaker.execute(async () => {
      throw error;
    }),
  );
/** Work whose end is up to the test. */
const begin = (breaker: Breaker) => {
  let end = (_error?: Error): void => undefined;
  let started = false;
  const ended = outcome(
    breaker.execute(() => {
      started = true;
      return new Promise<string>((resolve, reject) => {
        end = (error) => (error === undefined ? resolve('done') : reject(error));
      });
    }),
  );
  return { ended, end: (error?: Error) => end(error), started: () => started };
};

test('it opens at the first failure, for its time, and then lets exactly one call through', async () => {
  const { breaker, clock, states } = start('at the first failure');
  assert.is(await succeed(breaker), 'done');
  assert.is(breaker.blockedMs(), null);
  await fail(breaker);
  assert.is(breaker.state(), 'open');
  assert.is(breaker.blockedMs(), 10_000);
  assert.is(await outcome(succeed(breaker)), 'blocked');
  clock.nowMs += 9999;
  assert.is(breaker.blockedMs(), 1);
  assert.is(await outcome(succeed(breaker)), 'blocked');

  clock.nowMs += 1;
  assert.is(breaker.state(), 'open');
  const probe = begin(breaker);
  assert.ok(probe.started());
  assert.is(breaker.state(), 'half_open');
  for (let other = 0; other < 5; other += 1) {
    const { ended, started } = begin(breaker);
    assert.is(await ended, 'blocked', 'nobody waits for the probe');
    assert.not(started());
  }
  assert.ok((breaker.blockedMs() ?? 0) > 0);
  probe.end();
  assert.is(await probe.ended, 'done');
  assert.is(breaker.state(), 'closed');
  assert.is(await succeed(breaker), 'done');
  assert.equal(states, ['open', 'half_open', 'closed']);
});

test('a probe that fails opens it for the whole time again', async () => {
  const { breaker, clock, states } = start('at the first failure');
  await fail(breaker);
  for (let round = 0; round < 3; round += 1) {
    clock.nowMs += 10_000;
    assert.instance(await fail(breaker), Failure);
    assert.is(breaker.blockedMs(), 10_000);
  }
  assert.equal(states, ['open', 'half_open', 'open', 'half_open', 'open', 'half_open', 'open']);
});

test('what says nothing is not counted, and as a probe it is made again at once', async () => {
  const { breaker, clock } = start('at the first failure');
  await fail(breaker, new Error('given up by its caller'));
  assert.is(breaker.state(), 'closed');
  await fail(breaker);
  clock.nowMs += 10_000;
  const probe = begin(breaker);
  probe.end(new Error('given up by its caller'));
  await probe.ended;
  assert.is(breaker.state(), 'open', 'not closed: nobody knows');
  assert.is(breaker.blockedMs(), null);
  assert.is(await succeed(breaker), 'done');
  assert.is(breaker.state(), 'closed');
});

test('a late failure of what began before it opened does not disturb the probe', async () => {
  const { breaker, clock, states } = start('at the first failure');
  const late = [begin(breaker), begin(breaker)];
  await fail(breaker);
  clock.nowMs += 10_000;
  const probe = begin(breaker);
  late[0]?.end(new Failure());
  await late[0]?.ended;
  assert.is(breaker.state(), 'half_open');
  probe.end();
  await probe.ended;
  assert.is(breaker.state(), 'closed');
  late[1]?.end(new Failure());
  await late[1]?.ended;
  assert.is(breaker.state(), 'closed');
  assert.equal(states, ['open', 'half_open', 'closed']);
});

test('a wall clock that jumps neither keeps it open nor opens it early', async () => {
  for (const jumpMs of [-HOUR_MS, HOUR_MS, -wallClock() - HOUR_MS]) {
    for (const rule of ['at the first failure', 'at half failures'] as const) {
      const { breaker, clock } = start(rule);
      for (let attempt = 0; attempt < 5; attempt += 1) await fail(breaker);
      assert.is(breaker.state(), 'open');
      stepWallClock(jumpMs);
      clock.nowMs += 9999;
      assert.is(await outcome(succeed(breaker)), 'blocked', `${rule}, ${jumpMs}`);
      clock.nowMs += 1;
      assert.is(await outcome(succeed(breaker)), 'done', `${rule}, ${jumpMs}`);
      assert.is(breaker.state(), 'closed');
      Date.now = wallClock;
    }
  }
});

/** The state after so many attempts, `S` for one that succeeds and `F` for one that fails, so far apart. */
const after = async (attempts: string, everyMs: number): Promise<string> => {
  const { breaker, clock } = start('at half failures');
  for (const attempt of attempts) {
    if (breaker.state() !== 'closed') throw new Error(`opened before the end of ${attempts}`);
    await (attempt === 'S' ? succeed(breaker) : fail(breaker));
    clock.nowMs += everyMs;
  }
  return breaker.state();
};

test('it opens when half of the attempts failed, of five and more', async () => {
  for (const everyMs of [1, 400, 1000, 60_000, HOUR_MS]) {
    assert.is(await after('FFFF', everyMs), 'closed', `${everyMs}`);
    assert.is(await after('FFFFF', everyMs), 'open', `${everyMs}`);
    assert.is(await after('SSSFFF', everyMs), 'open', `${everyMs}`);
    assert.is(await after('SFSSFSF', everyMs), 'closed', `${everyMs}`);
    assert.is(await after('SSSSSFFFF', everyMs), 'closed', `${everyMs}`);
    assert.is(await after('SSSSSFFFFF', everyMs), 'open', `${everyMs}`);
  }
});

test('what is older than ten seconds does not count, wherever the wall clock is', async () => {
  for (const jumpMs of [0, -HOUR_MS, HOUR_MS]) {
    const { breaker, clock } = start('at half failures');
    for (let at = 0; at < 100; at += 1) await succeed(breaker);
    stepWallClock(jumpMs);
    for (let at = 0; at < 9; at += 1) {
      clock.nowMs += 1001;
      await fail(breaker);
      assert.is(breaker.state(), 'closed');
    }
    clock.nowMs += 1001;
    await fail(breaker);
    assert.is(breaker.state(), 'open', `${jumpMs}`);
    Date.now = wallClock;
  }
});

test.run();
