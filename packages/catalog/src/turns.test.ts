import { Problem } from '@till/shared/errors';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { createTurns } from './turns.ts';

const gate = () => Promise.withResolvers<void>();

test('one at a time, in the order in which they came', async () => {
  const turns = createTurns({ waitingMax: 2 });
  const said: string[] = [];
  const gates = [gate(), gate(), gate()];
  const all = gates.map(({ promise }, at) =>
    turns(async () => {
      said.push(`begin ${at}`);
      await promise;
      said.push(`end ${at}`);
      return at;
    }),
  );
  for (const { resolve } of gates.reverse()) resolve();
  assert.equal(await Promise.all(all), [0, 1, 2]);
  assert.equal(said, ['begin 0', 'end 0', 'begin 1', 'end 1', 'begin 2', 'end 2']);
});

test('too many are refused at once, and there is room again when one is done', async () => {
  const turns = createTurns({ waitingMax: 1 });
  const { promise, resolve } = gate();
  const both = [turns(() => promise), turns(() => promise)];
  for (let times = 0; times < 2; times += 1) {
    const refused = await turns(() => promise).catch((error) => error);
    assert.instance(refused, Problem);
    assert.equal([refused.status, refused.reason], [429, 'busy']);
  }
  resolve();
  await Promise.all(both);
  assert.is(await turns(async () => 'done'), 'done');
});

test('a failure is told to who waits for it, and holds up nobody', async () => {
  const turns = createTurns({ waitingMax: 1 });
  const failed = turns(() => Promise.reject(new Error('as asked for')));
  const next = turns(async () => 'done');
  assert.is(await failed.catch((error) => error.message), 'as asked for');
  assert.is(await next, 'done');
});

test.run();
