import type { Movement } from '@till/shared/movement';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { createDecisions, decisionOf, isUnder, type Keyed } from './decisions.ts';

const base = { sequence: 7, term: 1, time: 1 };
const order = { lines: [{ name: 'Fox', quantity: 1 }] };
const keyed: Keyed[] = [
  { ...base, kind: 'order', number: 3, key: 'a', fingerprint: 'f', order, alsoKey: 'b', stock: [] },
  { ...base, kind: 'rejection', key: 'c', fingerprint: 'g', order, reason: 'out_of_stock', message: 'none left' },
  { ...base, kind: 'cancel', key: 'd', of: 'a', number: 3, stock: [] },
  {
    ...{ ...base, kind: 'checkout', key: 'e', fingerprint: 'h' },
    checkout: { id: 'i', lines: order.lines, customer: 'Kim', card: '4242' },
  },
];

test('the decision that a movement is', () => {
  assert.equal(keyed.map(decisionOf), [
    { status: 'accepted', fingerprint: 'f', sequence: 7, number: 3 },
    { status: 'rejected', fingerprint: 'g', sequence: 7, reason: 'out_of_stock', message: 'none left' },
    { status: 'cancelled', sequence: 7, number: 3 },
    { status: 'queued', fingerprint: 'h', sequence: 7, id: 'i' },
  ]);
});

test('a movement stands under its key and its second one, and under nothing else it names', () => {
  const under = (key: string): number[] => keyed.flatMap((movement, at) => (isUnder(movement, key) ? [at] : []));
  assert.equal(['a', 'b', 'c', 'd', 'e', 'f', 'i', 'Fox'].map(under), [[0], [0], [1], [2], [3], [], [], []]);
  const others: Movement[] = [
    { ...base, kind: 'fence' },
    { ...base, kind: 'note', sink: 'a', delivered: 1, dead: [], again: [] },
  ];
  for (const movement of others) assert.not.ok(isUnder(movement, 'a'));
});

test('decisions in memory are found under their keys', () => {
  const decisions = createDecisions();
  assert.is(decisions.find('a', 99), undefined);
  const decision = decisionOf(keyed[0] as Keyed);
  decisions.put('a', decision);
  decisions.put('b', decision);
  assert.equal([decisions.find('a', 99), decisions.find('c', 99), decisions.count], [decision, undefined, 2]);
});

test.run();
