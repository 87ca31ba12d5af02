import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { createQueue, type Waiting } from './queue.ts';

type Job = Waiting & { name: string };
const job = (name: string, weight = 1, alone = false): Job => ({ name, weight, alone });
const names = (jobs: Job[]): string[] => jobs.map(({ name }) => name);

test('gives what waits in its order, as one batch, once', () => {
  const queue = createQueue<Job>({ lengthMax: 10 });
  for (const name of ['a', 'b', 'c']) assert.ok(queue.push(job(name)));
  assert.is(queue.length(), 3);
  assert.equal(names(queue.take(10)), ['a', 'b', 'c']);
  assert.equal(queue.take(10), []);
  assert.is(queue.length(), 0);
});

test('a batch ends before it gets too heavy, but holds at least one job', () => {
  const queue = createQueue<Job>({ lengthMax: 100 });
  for (const [name, weight] of [
    ['a', 3],
    ['b', 3],
    ['c', 9],
    ['d', 1],
  ] as const)
    queue.push(job(name, weight));
  assert.equal(names(queue.take(6)), ['a', 'b']);
  assert.is(queue.length(), 10);
  assert.equal(names(queue.take(6)), ['c']);
  assert.equal(names(queue.take(6)), ['d']);
});

test('a job that must be alone is', () => {
  const queue = createQueue<Job>({ lengthMax: 100 });
  for (const each of [job('a'), job('fence', 1, true), job('b'), job('c')]) queue.push(each);
  assert.equal(names(queue.take(10)), ['a']);
  assert.equal(names(queue.take(10)), ['fence']);
  assert.equal(names(queue.take(10)), ['b', 'c']);
});

test('is bounded, except for a large job alone', () => {
  const queue = createQueue<Job>({ lengthMax: 4 });
  assert.ok(queue.push(job('large', 9)));
  assert.not.ok(queue.push(job('a')));
  queue.take(1);
  assert.ok(queue.push(job('a', 3)));
  assert.ok(queue.push(job('b', 1)));
  assert.not.ok(queue.push(job('c')));
  assert.equal(names(queue.take(10)), ['a', 'b']);
});

test.run();
