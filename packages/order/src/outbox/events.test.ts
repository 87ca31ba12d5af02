import type { Movement } from '@till/shared/movement';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { cloudEvent, type EventMovement, eventIn, takenOf } from './events.ts';

const base = { term: 1, time: Date.UTC(2026, 1, 3, 4, 5, 6, 7) };
const stock = [{ name: 'Fox', before: 3, after: 1 }];
const order: EventMovement = {
  ...base,
  sequence: 7,
  kind: 'order',
  number: 2,
  key: 'secret-key',
  alsoKey: 'second-key',
  fingerprint: 'f',
  order: { lines: [{ name: 'Fox', quantity: 2 }], type: 'buy', orderId: '820982911946154508', customer: 'Jane Doe' },
  stock,
};
const cancel: EventMovement = {
  ...base,
  sequence: 8,
  kind: 'cancel',
  key: 'cancel 1',
  of: 'order 1',
  number: 2,
  stock,
};
const restock: EventMovement = {
  ...base,
  sequence: 9,
  kind: 'restock',
  cause: 7,
  stock: [{ name: 'Red Panda', before: 0, after: 9 }],
};

test('an order is an event with its number, its order id, what was asked for and what it did to stock', () => {
  assert.equal(cloudEvent('store', order), {
    specversion: '1.0',
    id: 'store/7',
    source: 'till',
    type: 'till.order.placed',
    subject: 'orders/2',
    time: '2026-02-03T04:05:06.007Z',
    datacontenttype: 'application/json',
    data: {
      sequence: 7,
      order_number: 2,
      orderId: '820982911946154508',
      items: [{ name: 'Fox', quantity: 2 }],
      type: 'buy',
      stock,
    },
  });
});

test('what an order was not given is not in its event', () => {
  const { data } = cloudEvent('store', { ...order, order: { lines: [{ name: 'Fox', quantity: 2 }] } } as EventMovement);
  assert.equal(Object.keys(data), ['sequence', 'order_number', 'items', 'stock']);
});

test('a cancellation and a restock are events too', () => {
  assert.equal(cloudEvent('store', cancel).type, 'till.order.cancelled');
  assert.equal(cloudEvent('store', cancel).data, { sequence: 8, order_number: 2, orderId: '1', stock });
  assert.equal(cloudEvent('store', { ...cancel, of: 'a-key' }).data, { sequence: 8, order_number: 2, stock });
  const { type, subject, data } = cloudEvent('store', restock);
  assert.equal([type, subject], ['till.stock.restocked', 'products/Red%20Panda']);
  assert.equal(data, { sequence: 9, stock: [{ name: 'Red Panda', before: 0, after: 9 }] });
});

test('no event says who ordered, or under which key', () => {
  for (const movement of [order, cancel, restock]) {
    const text = JSON.stringify(cloudEvent('store', movement));
    for (const secret of ['secret-key', 'second-key', 'Jane', 'cancel 1', 'order 1'])
      assert.not.ok(text.includes(secret));
  }
});

test('only what changed stock is an event', () => {
  const others: Movement[] = [
    { ...base, sequence: 1, kind: 'seed', products: [] },
    { ...base, sequence: 2, kind: 'fence' },
    {
      ...base,
      sequence: 3,
      kind: 'rejection',
      key: 'k',
      fingerprint: 'f',
      order: { lines: [{ name: 'Fox', quantity: 9 }] },
      reason: 'out_of_stock',
      message: 'no',
    },
    {
      ...base,
      sequence: 4,
      kind: 'checkout',
      key: 'k',
      fingerprint: 'f',
      checkout: { id: 'i', lines: [{ name: 'Fox', quantity: 1 }], customer: 'c', card: '4242' },
    },
  ];
  for (const movement of others) {
    assert.is(eventIn(movement), null);
    assert.equal(takenOf(movement), { kind: 'other', sequence: movement.sequence });
  }
  const note: Movement = { ...base, sequence: 5, kind: 'note', sink: 's', delivered: 4, dead: [], again: [] };
  assert.is(eventIn(note), null);
  assert.equal(takenOf(note), { kind: 'note', sequence: 5 });
  for (const movement of [order, cancel, restock]) assert.is(eventIn(movement), movement);
  assert.equal(takenOf(order), { kind: 'event', sequence: 7, products: ['Fox'] });
});

test.run();
