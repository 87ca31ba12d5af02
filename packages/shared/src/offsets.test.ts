import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { createOffsets } from './offsets.ts';

test('kept beyond the first table, dropped at the end only', () => {
  const offsets = createOffsets();
  for (let at = 0; at < 5000; at += 1) offsets.push(at * 2 ** 33);
  assert.is(offsets.length, 5000);
  assert.is(offsets.at(4999), 4999 * 2 ** 33);
  offsets.truncate(10);
  assert.throws(() => offsets.at(10), /no offset 10/);
  assert.throws(() => offsets.truncate(11), /end/);
  offsets.push(1);
  assert.is(offsets.at(10), 1);
});

test.run();
