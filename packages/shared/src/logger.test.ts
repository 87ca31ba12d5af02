import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { endScripts, startScript } from '../test/script.ts';

test.after.each(endScripts);

test('log lines are JSON, one a line, complete though the process ends at once', async () => {
  const lines = (await startScript('logging.ts').rest()).map((line) => JSON.parse(line));
  assert.is(lines.length, 2);
  const [first, second] = lines;
  assert.is(first.level, 'info');
  assert.is(first.service, 'order-2');
  assert.is(first.term, 3);
  assert.is(first.msg, 'Took over');
  assert.match(first.time, /^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
  assert.is(second.peer, 1);
  assert.is(second.error.message, 'gone');
});

test.run();
