import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { endScripts, startScript } from '../test/script.ts';

test.after.each(endScripts);

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  test(`${signal} ends a service in order, with 0, once`, async () => {
    const script = startScript('stopper.ts', ['clean']);
    assert.is(await script.line(), 'ready');
    script.kill(signal);
    script.kill(signal);
    assert.equal(await script.rest(), ['stopping']);
    assert.is(await script.ended(), 0);
  });
}

test('an end that fails is told, and the process ends with 1', async () => {
  const script = startScript('stopper.ts', ['failing']);
  assert.is(await script.line(), 'ready');
  script.kill('SIGTERM');
  assert.equal(await script.rest(), ['stopping', 'failed Error']);
  assert.is(await script.ended(), 1);
});

test('an end that takes too long is bounded', async () => {
  const script = startScript('stopper.ts', ['slow']);
  assert.is(await script.line(), 'ready');
  script.kill('SIGTERM');
  assert.equal(await script.rest(), ['stopping', 'failed DeadlineExceeded']);
  assert.is(await script.ended(), 1);
});

test('a service can ask for its end itself, with its own exit code', async () => {
  const script = startScript('stopper.ts', ['itself']);
  assert.equal(await script.rest(), ['ready', 'stopping']);
  assert.is(await script.ended(), 3);
});

test.run();
