import type { OrderMovement } from '@till/shared/movement';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { startWebhookReceiver, type WebhookReceiver } from '../../../../../test/fakes/webhook-receiver.ts';
import type { Result } from '../core/types.ts';
import type { Sink } from './sink.ts';
import { createWebhookSink, signatureOf, webhookName } from './webhook.ts';

const SECRET = 'a-secret';
let receiver: WebhookReceiver;
let sink: Sink;
test.before.each(async () => {
  receiver = await startWebhookReceiver({ secret: SECRET });
  sink = createWebhookSink({ url: receiver.url, secret: SECRET });
});
test.after.each(async () => {
  await sink.close();
  await receiver.close();
});

const movement: OrderMovement = {
  sequence: 7,
  term: 1,
  time: 1_795_250_313_053,
  kind: 'order',
  number: 0,
  key: 'k',
  fingerprint: 'f',
  order: { lines: [{ name: 'Fox', quantity: 1 }] },
  stock: [{ name: 'Fox', before: 3, after: 2 }],
};
const deliver = (signal = new AbortController().signal): Promise<Result> =>
  sink.deliver({ movement, storeId: 'store', key: '7', isReplay: false, signal });

test('an event arrives signed, as CloudEvents JSON', async () => {
  assert.equal(await deliver(), { kind: 'delivered' });
  assert.equal(receiver.complaints(), []);
  const [event] = receiver.events();
  assert.is(event?.id, 'store/7');
  assert.equal(event?.data.stock, [{ name: 'Fox', before: 3, after: 2 }] as never);
});

test('the signature is the HMAC-SHA256 of the body in base64', () => {
  assert.is(
    signatureOf('key', 'The quick brown fox jumps over the lazy dog'),
    '97yD9DBThCSxMpjmqm+xQ+9NWaFJRhdZl0edvC0aPNg=',
  );
});

test('another secret shows', async () => {
  const other = createWebhookSink({ url: receiver.url, secret: 'another' });
  const signal = new AbortController().signal;
  const result = await other.deliver({ movement, storeId: 'store', key: '7', isReplay: false, signal });
  await other.close();
  assert.is(result.kind, 'refused');
  assert.equal(receiver.complaints(), ['signature']);
  assert.equal(receiver.events(), []);
});

test('a receiver is named without its address', async () => {
  assert.match(sink.name, /^webhook-[0-9a-f]{8}$/);
  assert.is(sink.name, webhookName(receiver.url));
  assert.is.not(sink.name, webhookName(`${receiver.url}x`));
  receiver.faults.next(1, { status: 410, body: 'gone' });
  const result = await deliver();
  assert.equal(result, { kind: 'refused', error: `${sink.name} answered 410` });
});

for (const status of [301, 400, 401, 404, 410, 422]) {
  test(`${status} refuses the event`, async () => {
    receiver.faults.next(1, { status });
    assert.equal(await deliver(), { kind: 'refused', error: `${sink.name} answered ${status}` });
  });
}

for (const status of [408, 425, 429, 500, 503]) {
  test(`${status} asks to come again, and when is heard`, async () => {
    receiver.faults.next(1, { status, headers: { 'retry-after': '7' } });
    const result = await deliver();
    assert.equal(result, { kind: 'unavailable', error: `${sink.name} answered ${status}`, retryAfterMs: 7000 });
  });
}

test('a connection that breaks leaves open what became of it, even if it was taken', async () => {
  receiver.faults.next(1, { drop: true, afterEffect: true });
  assert.is((await deliver()).kind, 'unavailable');
  assert.is(receiver.events().length, 1);
  assert.equal(await deliver(), { kind: 'delivered' });
  assert.equal(
    receiver.events().map(({ id }) => id),
    ['store/7', 'store/7'],
  );
});

test('a receiver that is not there is not asked for a while, which counts as no attempt', async () => {
  receiver.faults.always({ drop: true });
  const results: Result[] = [];
  while (results.at(-1)?.kind !== 'unavailable' || !('isUncounted' in (results.at(-1) as Result))) {
    results.push(await deliver());
    assert.ok(results.length < 100, 'the breaker never opens');
  }
  const calls = receiver.calls();
  assert.is((await deliver()).kind, 'unavailable');
  assert.is(receiver.calls(), calls);
});

test('the end of a leader ends its deliveries at once', async () => {
  receiver.faults.next(1, { hang: true });
  const ending = new AbortController();
  const delivering = deliver(ending.signal);
  while (receiver.calls() === 0) await new Promise((done) => setTimeout(done, 5));
  ending.abort(new Error('no leader any more'));
  const error = await delivering.then(
    () => null,
    (thrown: Error) => thrown,
  );
  assert.is(error?.message, 'no leader any more');
});

test.run();
