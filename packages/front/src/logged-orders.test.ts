import type { Placed } from '@till/shared/movement';
import { createOrderLog } from '@till/shared/order-log';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { loggedPlace } from './logged-orders.ts';
import type { OrderClient } from './order-client.ts';
import { QueueFull, Unavailable } from './unavailable.ts';

const placed: Placed = { key: 'k', fingerprint: 'f', order: { lines: [{ name: 'Fox', quantity: 1 }] } };

/** A log whose lines are kept, and a way to place that ends as it is told to. */
const create = (place: OrderClient['place']) => {
  const said: object[] = [];
  const log = createOrderLog({ logOrders: true }, { info: (fields: object | string) => said.push(fields as object) });
  return { said, place: loggedPlace(place, log) };
};

test('without a log nothing stands between', () => {
  const place: OrderClient['place'] = async () => assert.unreachable() as never;
  assert.is(loggedPlace(place, null), place);
});

test('an order is told on its way in and on its way out, and the answer is what it was', async () => {
  const waits: (number | undefined)[] = [];
  const answered = {
    result: { key: 'k', status: 'accepted', sequence: 3, number: 0, replayed: false },
    joined: true,
  } as const;
  const { said, place } = create(async (_, waitMs) => {
    waits.push(waitMs);
    assert.is(said.length, 1, 'told before it is sent on');
    return answered;
  });
  assert.is(await place(placed, 700), answered);
  assert.equal(waits, [700]);
  assert.equal(said, [
    { step: 'received', kind: 'order', key: 'k' },
    { step: 'answered', kind: 'order', key: 'k', status: 'accepted', sequence: 3, number: 0, replayed: false },
  ]);
});

for (const [error, reason] of [
  [new Unavailable('leader_away'), 'leader_away'],
  [new QueueFull(), 'queue_full'],
] as const) {
  test(`an order without an answer is told, with the reason ${reason}`, async () => {
    const { said, place } = create(() => Promise.reject(error));
    const thrown = await place(placed).catch((one: unknown) => one);
    assert.is(thrown, error);
    assert.equal(said[1], { step: 'answered', kind: 'order', key: 'k', status: 'unavailable', reason });
  });
}

test.run();
