import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { randomInteger, randomItem, randomName, seededRandom } from './random.ts';

test('a seed repeats, seeds differ, ranges hold and are used up', () => {
  const take = (seed: number) => Array.from({ length: 20 }, seededRandom(seed));
  assert.equal(take(42), take(42));
  assert.not.equal(take(42), take(43));
  assert.equal(take(42).slice(0, 2), [0.6011037519201636, 0.44829055899754167]);
  const random = seededRandom(7);
  const seen = new Set(Array.from({ length: 1000 }, () => randomInteger(random, { min: -2, max: 3 })));
  assert.equal(
    [...seen].sort((one, other) => one - other),
    [-2, -1, 0, 1, 2, 3],
  );
  assert.equal(new Set(Array.from({ length: 200 }, () => randomItem(random, ['a', 'b']))), new Set(['a', 'b']));
  assert.throws(() => randomItem(random, []), /empty/);
  const mean = Array.from({ length: 10_000 }, random).reduce((sum, value) => sum + value) / 10_000;
  assert.ok(Math.abs(mean - 0.5) < 0.02, `mean ${mean}`);
});

test('random names are keys that nobody else has', () => {
  const names = Array.from({ length: 1000 }, randomName);
  assert.is(new Set(names).size, 1000);
  for (const name of names) assert.match(name, /^[!-~]{1,255}$/);
});

test.run();
