import { deadline, sleep } from '@till/shared/clock';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { restocksDue, startRestocker } from './restocker.ts';
import type { Product } from './stock/types.ts';

const product = (name: string, quantity: number, restock: boolean): Product => ({
  name,
  kind: 'toy',
  price: 1,
  quantity,
  restock,
  version: 7,
});
const shelf = [product('Fox', 0, true), product('Tux', 1, true), product('AAPL', 0, false)];

test('only what is sold out and to be restocked is due, for its version', () => {
  assert.equal(restocksDue(shelf, 100), [{ kind: 'restock', name: 'Fox', cause: 7, level: 100 }]);
});

test('asks again and again, until it is stopped', async () => {
  let asked = 0;
  const restocker = startRestocker({
    everyMs: 1,
    level: 100,
    products: () => shelf,
    restock: (commands) => {
      assert.is(commands.length, 1);
      asked += 1;
    },
  });
  const twice = async () => {
    while (asked < 2) await sleep(1);
  };
  await deadline(twice(), 10_000).finally(restocker.stop);
  const atStop = asked;
  await sleep(20);
  assert.is(asked, atStop);
});

test('asks for nothing while nothing is due', async () => {
  let looked = 0;
  let asked = 0;
  const restocker = startRestocker({
    everyMs: 1,
    level: 100,
    products: () => {
      looked += 1;
      return [];
    },
    restock: () => {
      asked += 1;
    },
  });
  const twice = async () => {
    while (looked < 2) await sleep(1);
  };
  await deadline(twice(), 10_000).finally(restocker.stop);
  assert.is(asked, 0);
});

test('a rhythm or a level of 0 switches it off', async () => {
  const looked = (): never => {
    throw new Error('It is off');
  };
  const off = [
    startRestocker({ everyMs: 0, level: 100, products: looked, restock: looked }),
    startRestocker({ everyMs: 1, level: 0, products: looked, restock: looked }),
  ];
  await sleep(20);
  for (const restocker of off) restocker.stop();
});

test.run();
