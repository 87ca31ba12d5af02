import { unseal } from '@till/shared/sealed';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { history, journal } from '../../test/lab.ts';
import {
  endOf,
  entryIn,
  follows,
  holds,
  movementEntry,
  movementIn,
  positionAt,
  readEntry,
  START,
  sequenceAt,
  sequenceOf,
} from './entry.ts';
import { createLog } from './log.ts';
import type { Entry } from './types.ts';

const [start, movement] = history('t1 m m') as [Entry, Entry, Entry];

test('P38: an entry is read back from its line', () => {
  for (const entry of history('t1 m m t2 m')) assert.equal(readEntry(entry.line), entry);
  assert.equal([movement.index, movement.term, movement.sequence], [2, 1, 1]);
  assert.is(readEntry(movement.line.replace('fence', 'fonce')), null);
});

test('P38: an entry is known by the form of its line, and by nothing less', () => {
  for (const entry of history('t1 m m t2 m')) assert.equal(entryIn(entry.line), entry);
  const damaged = { ...movement, line: movement.line.replace('fence', 'fonce') };
  assert.equal(entryIn(damaged.line), damaged);
  for (const line of [
    '',
    '{"index":1}',
    movement.line.slice(0, -1),
    movement.line.slice(1),
    unseal(movement.line)?.body,
  ]) {
    assert.is(entryIn(line ?? ''), null);
  }
});

test('P38: the hash tells all of the log before', () => {
  const one = history('t1 m m');
  const other = history('t1 x m');
  assert.is(one[0]?.hash, other[0]?.hash);
  assert.is.not(one[2]?.hash, other[2]?.hash);
});

test('P38: an entry gives back the movement as the journal has it', () => {
  const [line = ''] = journal(1);
  assert.is(movementIn(movement), unseal(line)?.body);
  assert.is(movementIn(start), null);
  assert.is(movementIn(undefined), null);
});

test('P38: a place is held if the very same stands there', () => {
  const log = createLog(history('t1 m'));
  assert.ok(holds(log, START));
  assert.ok(holds(log, endOf(log)));
  assert.not.ok(holds(log, { index: 0, hash: movement.hash }));
  assert.not.ok(holds(log, { index: 2, hash: start.hash }));
  assert.not.ok(holds(log, { index: 3, hash: start.hash }));
  assert.throws(() => positionAt(log, 3), 'The log must have an entry at 3');
});

test('P38: the start of a term keeps the sequence of what stands before it', () => {
  const log = createLog(history('t1 m m t2'));
  assert.equal(
    [0, 1, 2, 3, 4].map((index) => sequenceAt(log, index)),
    [0, 0, 1, 2, 2],
  );
  assert.is(readEntry(history('t1 m m t2')[3]?.line ?? '')?.sequence, 2);
});

test('P10: an entry follows if it is undamaged, says what its line says, and chains', () => {
  const before = { index: start.index, hash: start.hash };
  assert.ok(follows(before, movement));
  assert.ok(follows(START, start));
  assert.not.ok(follows(START, movement));
  assert.not.ok(follows({ ...before, hash: movement.hash }, movement));
  assert.not.ok(follows(before, { ...movement, line: movement.line.replace('fence', 'fonce') }));
  assert.not.ok(follows(before, { ...movement, hash: start.hash }));
  for (const other of [{ term: 2 }, { sequence: 7 }]) assert.not.ok(follows(before, { ...movement, ...other }));
});

test('P28: what comes from the catalog must be whole', () => {
  assert.throws(() => movementEntry(START, 1, '{}'), 'undamaged');
  assert.throws(() => sequenceOf('{"term":1}'), 'A movement must begin with its sequence');
  assert.is(sequenceOf('{"sequence":12,"term":1}'), 12);
});

test.run();
