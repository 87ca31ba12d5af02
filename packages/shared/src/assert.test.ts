import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { BrokenPromise, assert as ensure, unreachable } from './assert.ts';

test('what holds passes, what does not is a broken promise', () => {
  ensure(true, () => {
    throw new Error('The message is not made in vain');
  });
  assert.throws(
    () => ensure(0, 'zero'),
    (error: unknown) => error instanceof BrokenPromise && error.message === 'zero',
  );
  assert.throws(() => ensure(null, () => 'made'), /made/);
  assert.throws(() => unreachable('x' as never), /"x"/);
});

test.run();
