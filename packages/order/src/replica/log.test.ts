import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { history } from '../../test/lab.ts';
import { createLog } from './log.ts';

const entries = history('t1 m m m');
const [first] = entries;

test('holds entries from 1 on', () => {
  const log = createLog(entries);
  assert.is(log.lastIndex(), 4);
  assert.is(log.at(1), first);
  assert.is(log.at(5), undefined);
  assert.is(log.at(0), undefined);
});

test('P36: a slice keeps within its bounds, but is never empty while there is something', () => {
  const log = createLog(entries);
  const length = first?.line.length ?? 0;
  assert.is(log.slice(1, 2, 10_000).length, 2);
  assert.is(log.slice(3, 9, 10_000).length, 2);
  assert.is(log.slice(1, 9, length).length, 1);
  assert.is(log.slice(1, 9, 1).length, 1);
  assert.equal(log.slice(5, 9, 10_000), []);
});

test('appends without gaps, and cuts what it has', () => {
  const log = createLog(entries.slice(0, 2));
  assert.throws(() => log.append(entries.slice(3)), 'Entry 4 must not follow entry 2');
  log.append(entries.slice(2));
  log.truncate(3);
  assert.is(log.lastIndex(), 2);
  assert.throws(() => log.truncate(3), 'Cannot cut at 3: the log ends at 2');
  assert.throws(() => log.truncate(0), 'Cannot cut at 0');
});

test('does not share its entries with who made it', () => {
  const given = [...entries];
  createLog(given).truncate(1);
  assert.is(given.length, 4);
});

test.run();
