import type { Movement, Placed } from '@till/shared/movement';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { buy, createSmallShop } from '../../test/small-shop.ts';
import { applyMovement, createStock } from './apply.ts';
import { captureStock } from './capture.ts';

const checkout = (id: string): Placed => ({
  ...{ key: `key of ${id}`, fingerprint: 'f' },
  checkout: { id, lines: [{ name: 'Fox', quantity: 1 }], customer: 'Kim', card: '4242' },
});
const note = (sink: string, after: number): Placed => ({
  key: `note ${sink}`,
  note: { sink, after, delivered: 1, dead: [], again: [] },
});
const cancel = (of: string): Placed => ({ key: `cancel of ${of}`, cancel: { of } });

test('an empty stock is captured and made again', () => {
  const again = createStock(undefined, { state: captureStock(createStock()) });
  assert.equal([again.sequence, again.number, again.time, again.term, again.decisionCount], [0, -1, 0, 0, 0]);
  assert.equal([again.products.size, again.waitingCount, again.notes.size, again.cancellations.size], [0, 0, 0, 0]);
});

test('what was captured stays as it was, and makes the stock of that moment again', () => {
  const { stock, movements, place } = createSmallShop();
  const fence: Movement = { sequence: 2, term: 4, time: 1000, kind: 'fence' };
  applyMovement(stock, fence);
  movements.push(fence);
  place(buy('a', 1), buy('b', 1), checkout('i'), checkout('j'), note('s', 0), cancel('a'));
  const noted = stock.lastNote('s');
  const { sequence, number, time, term } = stock;
  const captured = captureStock(stock);
  place(cancel('b'), note('s', noted), note('t', 0), checkout('k'), { ...buy('checkout i', 1) }, buy('c', 2));

  const again = createStock(undefined, { state: captured });
  assert.equal([again.sequence, again.number, again.time, again.term], [sequence, number, time, term]);
  assert.equal([...again.products.keys()], ['fox', 'aapl', 'éléphant']);
  assert.equal([again.product('fox')?.quantity, stock.product('fox')?.quantity], [4, 2]);
  assert.equal([...again.waiting], ['i', 'j']);
  assert.equal([...again.notes], [['s', noted]]);
  assert.equal([...again.cancellations], [[0, 8]]);
  assert.equal([again.cancellation(0), again.cancellation(1)], [8, undefined]);
  assert.equal([stock.cancellation(1), stock.waitingCount], [9, 2]);
});

test('what comes before it is read does not become part of it', () => {
  const { stock, place } = createSmallShop();
  place(buy('a', 1));
  const captured = captureStock(stock);
  place(cancel('a'), note('s', 0), checkout('i'));
  const again = createStock(undefined, { state: captured });
  assert.equal([[...again.cancellations], [...again.notes], [...again.waiting]], [[], [], []]);
});

test('a stock that was made again goes on as the first one would have', () => {
  const { stock, movements, place } = createSmallShop();
  place(buy('a', 1), checkout('i'));
  const again = createStock((sequence) => movements[sequence - 1]!, {
    state: captureStock(stock),
    decisions: { count: 2, find: stock.decision, put: () => {} },
  });
  assert.equal(again.decision('a'), stock.decision('a'));
  assert.is(again.decisionCount, 2);
  assert.equal(again.movement(2), movements[1]);
});

test.run();
