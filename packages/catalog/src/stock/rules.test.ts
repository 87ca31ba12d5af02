/** What each rule prevents: the history that goes wrong when the rule is switched off. */
import { cancelKey, noteKey, orderIdKey } from '@till/shared/keys';
import type { Placed } from '@till/shared/movement';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { buy, createSmallShop } from '../../test/small-shop.ts';
import { decide } from './decide.ts';
import type { StockRule } from './types.ts';

const decideWithout = (rule: StockRule, ...placed: Placed[]) =>
  decide(
    createSmallShop().stock,
    { term: 0, now: 1000, without: new Set([rule]) },
    placed.map((one) => ({ kind: 'place', placed: one })),
  );

test('without cancelOnce, an order is given back under each of its names', () => {
  const of = orderIdKey('820');
  const cancels = ['820', 'a'].map((name): Placed => ({ key: cancelKey(name), cancel: { of } }));
  assert.throws(() => decideWithout('cancelOnce', buy(of, 1), ...cancels), /Order 0 is cancelled twice/);
});

test('without secondName, a key is used for a second order', () => {
  const { outcomes } = decideWithout('secondName', buy(orderIdKey('820'), 1, { alsoKey: 'a' }), buy('a', 2));
  assert.equal(
    outcomes.map(({ status }) => status),
    ['accepted', 'accepted'],
  );
});

test('without noteOnLast, a late note takes a sink back', () => {
  const notes = [9, 3].map((delivered): Placed => {
    return { key: noteKey('shop'), note: { sink: 'shop', after: 0, delivered, dead: [], again: [] } };
  });
  const { movements } = decideWithout('noteOnLast', ...notes);
  assert.equal(
    movements.map((movement) => movement.kind === 'note' && movement.delivered),
    [9, 3],
  );
});

test.run();
