import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { checkoutKey, noteKey, orderIdKey } from './keys.ts';
import type { Movement, Outcome, Placed } from './movement.ts';
import { createOrderLog, ORDER_STEP } from './order-log.ts';
import { seal, ZERO_HASH } from './sealed.ts';

/** A log whose lines are kept: each its fields as JSON. */
const create = () => {
  const said: object[] = [];
  const info = (fields: object | string, message?: string): void => {
    assert.is(message, ORDER_STEP);
    said.push(fields as object);
  };
  const log = createOrderLog({ logOrders: true }, { info });
  assert.ok(log);
  return { log, said: () => said.splice(0) };
};

const order: Placed = {
  key: orderIdKey('820982911946154508'),
  alsoKey: 'k-1',
  fingerprint: 'f',
  order: { lines: [{ name: 'Fox', quantity: 2 }], orderId: '820982911946154508', customer: 'Ada of 7 Elm Street' },
};
const plain: Placed = { key: 'k-2', fingerprint: 'f', order: { lines: [{ name: 'Fox', quantity: 2 }] } };
const cancel: Placed = { key: 'cancel 1', cancel: { of: 'order 1' } };
const checkout: Placed = {
  key: 'k-3',
  fingerprint: 'f',
  checkout: { id: 'c1', lines: [{ name: 'Dune', quantity: 1 }], customer: 'ada@example.test', card: '4242' },
};
const note: Placed = { key: noteKey('s'), note: { sink: 's', after: 0, delivered: 0, dead: [], again: [] } };

test('without LOG_ORDERS there is no such log', () => {
  assert.is(createOrderLog({ logOrders: false }, { info: () => assert.unreachable() }), null);
});

test('what is placed is named by its key and its other names; notes are no orders', () => {
  const { log, said } = create();
  for (const placed of [order, plain, cancel, checkout, note]) log.received(placed);
  assert.equal(said(), [
    { step: 'received', kind: 'order', key: 'order 820982911946154508', alsoKey: 'k-1' },
    { step: 'received', kind: 'order', key: 'k-2' },
    { step: 'received', kind: 'cancel', key: 'cancel 1', of: 'order 1' },
    { step: 'received', kind: 'checkout', key: 'k-3', checkout: 'c1' },
  ]);
  for (const placed of [plain, checkout]) log.received({ ...placed, onlyIfKnown: true } as Placed);
  assert.equal(said(), [
    { step: 'received', kind: 'order', key: 'k-2', onlyIfKnown: true },
    { step: 'received', kind: 'checkout', key: 'k-3', checkout: 'c1', onlyIfKnown: true },
  ]);
  log.proposed(4, [plain, note, cancel]);
  assert.equal(said(), [
    { step: 'proposed', kind: 'order', key: 'k-2', term: 4 },
    { step: 'proposed', kind: 'cancel', key: 'cancel 1', of: 'order 1', term: 4 },
  ]);
});

test('an answer says what became of it, or why there is none', () => {
  const { log, said } = create();
  log.answered(plain, { key: 'k-2', status: 'accepted', sequence: 9, number: 3, replayed: false });
  log.answered(plain, { key: 'k-2', status: 'unknown_product', name: 'Fux' });
  log.unanswered(plain, 'leader_away');
  assert.equal(said(), [
    { step: 'answered', kind: 'order', key: 'k-2', status: 'accepted', sequence: 9, number: 3, replayed: false },
    { step: 'answered', kind: 'order', key: 'k-2', status: 'unknown_product', name: 'Fux' },
    { step: 'answered', kind: 'order', key: 'k-2', status: 'unavailable', reason: 'leader_away' },
  ]);
});

test('a batch that is sent again and again is told once for each order and reason', () => {
  const { log, said } = create();
  log.retried([plain], 'leader_away');
  log.retried([plain, cancel], 'leader_away');
  log.retried([plain, cancel], 'leader_away');
  log.retried([plain], 'no_in_sync_replica');
  assert.equal(said(), [
    { step: 'retried', kind: 'order', key: 'k-2', reason: 'leader_away' },
    { step: 'retried', kind: 'cancel', key: 'cancel 1', of: 'order 1', reason: 'leader_away' },
    { step: 'retried', kind: 'order', key: 'k-2', reason: 'no_in_sync_replica' },
  ]);
});

test('every decision is told, but those about notes', () => {
  const { log, said } = create();
  const outcomes: Outcome[] = [
    { key: 'k-2', status: 'accepted', sequence: 9, number: 3, replayed: true },
    { key: noteKey('s'), status: 'noted', sequence: 10 },
    { key: noteKey('s'), status: 'stale', sequence: 10 },
    { key: 'k-3', status: 'queued', sequence: 11, id: 'c1', replayed: false },
    { key: 'cancel 1', status: 'unknown_order' },
  ];
  log.decided(4, outcomes);
  assert.equal(said(), [
    { step: 'decided', key: 'k-2', status: 'accepted', sequence: 9, number: 3, replayed: true, term: 4 },
    { step: 'decided', key: 'k-3', status: 'queued', sequence: 11, id: 'c1', replayed: false, term: 4 },
    { step: 'decided', key: 'cancel 1', status: 'unknown_order', term: 4 },
  ]);
});

test('entries are told with their place, and only those of orders', () => {
  const { log, said } = create();
  const base = { term: 2, time: 1 };
  const lines = [{ name: 'Dune', quantity: 1 }];
  const movements: Movement[] = [
    { ...base, sequence: 2, kind: 'fence' },
    { ...base, sequence: 3, kind: 'checkout', ...checkout },
    {
      ...base,
      sequence: 4,
      kind: 'order',
      number: 0,
      key: checkoutKey('c1'),
      fingerprint: 'f',
      order: { lines, customer: 'ada@example.test' },
      stock: [{ name: 'Dune', before: 3, after: 2 }],
    },
    { ...base, sequence: 5, kind: 'rejection', ...order, reason: 'out_of_stock', message: 'Cannot buy' },
    { ...base, sequence: 6, kind: 'cancel', key: 'cancel 1', of: 'order 1', number: 0, stock: [] },
    { ...base, sequence: 7, kind: 'note', sink: 's', delivered: 6, dead: [], again: [] },
    { ...base, sequence: 8, kind: 'restock', cause: 4, stock: [] },
  ];
  const bodies = movements.map((movement, at) => JSON.stringify({ index: at + 11, term: 3, movement }));
  const entries = ['{"index":10,"term":3,"start":true,"sequence":1}', ...bodies].map((body) => seal(ZERO_HASH, body));
  const places = [
    { kind: 'checkout', key: 'k-3', checkout: 'c1', sequence: 3, index: 12, term: 3 },
    { kind: 'order', key: 'checkout c1', number: 0, sequence: 4, index: 13, term: 3 },
    { kind: 'rejection', key: 'order 820982911946154508', alsoKey: 'k-1', sequence: 5, index: 14, term: 3 },
    { kind: 'cancel', key: 'cancel 1', of: 'order 1', number: 0, sequence: 6, index: 15, term: 3 },
  ];
  log.stored(entries);
  assert.equal(
    said(),
    places.map((place) => ({ step: 'stored', ...place })),
  );
  log.committed(entries);
  assert.equal(
    said(),
    places.map((place) => ({ step: 'committed', ...place })),
  );
});

test('deliveries are told by sequence and sink', () => {
  const { log, said } = create();
  log.failed({ sequence: 4, sink: 'shopify', attempts: 1, error: 'status 500' });
  log.delivered({ sequence: 4, sink: 'shopify', attempts: 2 });
  assert.equal(said(), [
    { step: 'failed', sequence: 4, sink: 'shopify', attempts: 1, error: 'status 500' },
    { step: 'delivered', sequence: 4, sink: 'shopify', attempts: 2 },
  ]);
});

test('no line tells of a customer, an address or a card', () => {
  const { log, said } = create();
  for (const placed of [order, checkout]) {
    log.received(placed);
    log.proposed(1, [placed]);
    log.retried([placed], 'leader_away');
    log.unanswered(placed, 'leader_away');
  }
  const text = JSON.stringify(said());
  assert.not.match(text, /ada/i);
  assert.not.match(text, /Elm|4242/);
});

test.run();
