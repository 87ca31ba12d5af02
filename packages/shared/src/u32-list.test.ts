import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { createU32List } from './u32-list.ts';

const upTo = (length: number): Uint32Array => Uint32Array.from({ length }, (_, at) => 0xffffffff - at);

test('however many there are, each is what was put there, one by one or all at once', () => {
  for (const length of [0, 1, 4095, 4096, 4097, 10_000]) {
    const values = upTo(length);
    const list = createU32List();
    list.pushAll(values.subarray(0, 100));
    for (const value of values.subarray(100, 200)) list.push(value);
    list.pushAll(values.subarray(200));
    assert.is(list.length, length);
    assert.equal(list.copy(length), values);
    for (const at of [0, 99, 4095, 4096, length - 1]) if (at < length && at >= 0) assert.is(list.at(at), values[at]);
  }
});

test('what was dropped at the end is gone, and others take its place', () => {
  for (const left of [0, 1, 4096, 5000]) {
    const list = createU32List();
    list.pushAll(upTo(9000));
    list.truncate(left);
    assert.is(list.length, left);
    assert.equal(list.copy(left), upTo(left));
    assert.throws(() => list.at(left), `There is no number ${left}`);
    list.push(7);
    assert.is(list.at(left), 7);
  }
});

test('numbers that are not there or do not fit are mistakes of ours', () => {
  const list = createU32List();
  assert.throws(() => list.push(2 ** 32), 'does not fit into four bytes');
  assert.throws(() => list.push(-1), 'does not fit into four bytes');
  assert.throws(() => list.truncate(1), 'only dropped at the end');
  assert.throws(() => list.copy(1), 'There are no 1 numbers among 0');
  assert.throws(() => list.at(-1), 'There is no number -1');
});

test.run();
