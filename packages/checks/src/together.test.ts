import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { bought, type Event, givenBack, movementOf, product } from '../test/journal.ts';
import { createTogether } from './together.ts';

const BOOKS = ['Anna', 'Bella', 'Carla', 'Dora', 'Emma'];
const seed: Event = { kind: 'seed', products: [product('Tux', 'toy'), ...BOOKS.map((name) => product(name))] };

const after = (...events: Event[]) => {
  const together = createTogether({ booksMax: 100, pairsPerBookMax: 100 });
  for (const [at, event] of [seed, ...events].entries()) together.take(movementOf(event, at + 1));
  return {
    titles: (basket: string[], countMax = 3) => together.suggest(basket, countMax).map(({ title }) => title),
    together,
  };
};

test('nothing is known without the catalogue', () => {
  const together = createTogether({ booksMax: 100, pairsPerBookMax: 100 });
  assert.not.ok(together.hasCatalogue());
  assert.equal(together.suggest(['Anna'], 3), []);
});

test('of a new shop, the first books of the catalogue', () => {
  assert.equal(after().titles([]), ['Anna', 'Bella', 'Carla']);
  assert.ok(after().together.hasCatalogue());
});

test('what is bought together most comes first, then what is bought most, then the catalogue', () => {
  const shop = after(bought('Anna', 'Dora'), bought('Anna', 'Dora'), bought('Anna', 'Carla'), bought(['Emma', 9]));
  assert.equal(shop.titles(['Anna'], 4), ['Dora', 'Carla', 'Emma', 'Bella']);
  assert.equal(shop.titles(['Bella']), ['Emma', 'Anna', 'Dora']);
});

test('all books of the basket count', () => {
  const shop = after(bought('Anna', 'Carla'), bought('Anna', 'Dora'), bought('Bella', 'Dora'));
  assert.equal(shop.titles(['Anna', 'Bella'], 2), ['Dora', 'Carla']);
});

test('what is in the basket is not suggested, however it is spelled', () => {
  assert.equal(after(bought('Anna', 'Bella')).titles(['anna', 'BELLA', 'Nobody', 'Tux']), ['Carla', 'Dora', 'Emma']);
});

test('only books are suggested, and counted', () => {
  assert.equal(after(bought('Tux', 'Emma'), bought(['Tux', 50])).titles(['Tux']), ['Emma', 'Anna', 'Bella']);
});

test('an author is told if the catalogue has one', () => {
  const together = createTogether({ booksMax: 100, pairsPerBookMax: 100 });
  together.take(movementOf({ kind: 'seed', products: [product('Anna', 'book', 'Ada Aas'), product('Bella')] }, 1));
  assert.equal(together.suggest([], 3), [
    { bookId: 'Anna', title: 'Anna', author: 'Ada Aas' },
    { bookId: 'Bella', title: 'Bella', author: '' },
  ]);
});

test('an order that is given back was not bought', () => {
  const order = bought('Anna', ['Emma', 5]);
  assert.equal(after(order).titles(['Anna'], 1), ['Emma']);
  assert.equal(after(order, givenBack(order)).titles(['Anna'], 2), ['Bella', 'Carla']);
});

test('what somebody sold to the shop was not bought, and neither was what came back with it', () => {
  const sale: Event = { kind: 'order', stock: [{ name: 'Emma', before: 10, after: 20 }] };
  assert.equal(after(sale).titles([], 1), ['Anna']);
  assert.equal(after(bought('Emma'), sale, givenBack(sale)).titles([], 1), ['Emma']);
});

test('what is remembered is bounded', () => {
  const together = createTogether({ booksMax: 3, pairsPerBookMax: 1 });
  const forgotten = bought('Anna', 'Bella');
  for (const [at, event] of [seed, forgotten, bought('Anna', 'Carla'), givenBack(forgotten)].entries()) {
    together.take(movementOf(event, at + 1));
  }
  assert.equal(
    together.suggest(['Anna'], 9).map(({ title }) => title),
    ['Carla', 'Bella'],
  );
});

test('the same as counting anew for each question', () => {
  const basket = fc.subarray(BOOKS);
  const order = fc.tuple(fc.subarray([...BOOKS, 'Tux'], { minLength: 1 }), fc.boolean());
  fc.assert(
    fc.property(fc.array(order, { maxLength: 12 }), basket, (orders, wanted) => {
      const events = orders.flatMap(([names, isCancelled]) => {
        const event = bought(...names);
        return isCancelled ? [event, givenBack(event)] : [event];
      });
      const kept = orders.filter(([, isCancelled]) => !isCancelled).map(([names]) => names);
      const copies = (name: string) => kept.filter((names) => names.includes(name)).length;
      const together = (name: string) =>
        wanted.reduce(
          (sum, one) => sum + kept.filter((names) => names.includes(one) && names.includes(name)).length,
          0,
        );
      const expected = BOOKS.filter((name) => !wanted.includes(name)).sort(
        (a, b) => together(b) - together(a) || copies(b) - copies(a) || BOOKS.indexOf(a) - BOOKS.indexOf(b),
      );
      assert.equal(after(...events).titles(wanted), expected.slice(0, 3));
    }),
  );
});

test.run();
