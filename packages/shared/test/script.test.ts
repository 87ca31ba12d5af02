import { setTimeout as sleep } from 'node:timers/promises';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { endScripts, startScript } from './script.ts';

test.after.each(endScripts);

test('a script that has ended by itself, but whose output is still open, is ended without a failure', async () => {
  const script = startScript('leaves-output-open.ts');
  assert.is(await script.line(), 'going');
  const isGone = (): boolean => {
    try {
      return !process.kill(script.pid, 0);
    } catch {
      // Nobody has this process id any more.
      return true;
    }
  };
  for (let tries = 0; !isGone() && tries < 1000; tries += 1) await sleep(10);
  assert.ok(isGone(), 'The script ends');
  await endScripts();
});

test.run();
