import { monthOf } from '@till/checks/expiry';
import { sleep, wallMs } from '@till/shared/clock';
import { Problem } from '@till/shared/errors';
import { checkoutKey } from '@till/shared/keys';
import { silentLogger } from '@till/shared/logger';
import { createMetrics } from '@till/shared/metrics';
import type { CheckoutMovement } from '@till/shared/movement';
import { OutsideError } from '@till/shared/outside';
import { Compile } from 'typebox/compile';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { createMemoryJournal, product } from '../../../checks/test/journal.ts';
import { soundDetails } from '../../../checks/test/sound.ts';
import { createMemoryLedger } from '../../test/memory-ledger.ts';
import { until } from '../../test/until.ts';
import type { Placement } from '../placement.ts';
import { QueueFull, Unavailable } from '../unavailable.ts';
import { type Checkout, type CheckoutLedger, createCheckout, createCheckoutHandlers } from './handlers.ts';
import type { Checks } from './orchestrator.ts';
import { checkoutRoutes } from './routes.ts';

/** In the memory shop there are five of it. */
const BOOK = 'Čapek: R.U.R. / 1920';
const suggested = { bookId: 'Anna', title: 'Anna', author: 'Ada Aas' };

const details = (change: object = {}) => ({
  ...soundDetails(monthOf(wallMs())),
  items: [{ name: BOOK, quantity: 1 }],
  ...change,
});

const passing: Checks = {
  verification: async () => ({ ok: true }),
  fraud: async () => ({ ok: true }),
  suggestions: async () => ({ books: [suggested] }),
};

type Call = { key?: string; body?: unknown };

const open: Checkout[] = [];
test.after.each(async () => {
  for (const checkout of open.splice(0)) await checkout.close();
});

const callsOf = ({ post, get }: Pick<Checkout, 'post' | 'get'>) => ({
  post: ({ key, body = details() }: Call = {}): Promise<Response> =>
    post(
      new Request('http://till/checkout', {
        method: 'POST',
        body: JSON.stringify(body),
        headers: { 'content-type': 'application/json', ...(key !== undefined && { 'idempotency-key': key }) },
      }),
    ),
  get: (id: string): Promise<Response> => get(Object.assign(new Request('http://till/checkout/x'), { params: { id } })),
});

/** A shop in memory behind the handlers; the checks, and the ledger, as the test says. */
const openShop = (
  checks: Partial<Checks> = {},
  ledgerChange: Partial<CheckoutLedger> = {},
  change: Partial<Parameters<typeof createCheckoutHandlers>[0]> = {},
) => {
  const { ledger, shop } = createMemoryLedger();
  const metrics = createMetrics('front');
  const handlers = createCheckoutHandlers({
    ledger: { ...ledger, ...ledgerChange },
    placement: { obstacle: async () => null },
    requestWaitMs: 20_000,
    checks: { ...passing, ...checks },
    checkWaitMs: 20_000,
    metrics,
    logger: silentLogger,
    ...change,
  });
  const queued = () => shop.movements.filter((movement): movement is CheckoutMovement => movement.kind === 'checkout');
  return { ...callsOf(handlers), shop, queued, metrics };
};

type Answer = { orderId: string; status: string; reason?: string; suggestedBooks: unknown[] };

const isAgreed = Compile(checkoutRoutes.postCheckout.responses[200]);
const isView = Compile(checkoutRoutes.checkout.responses[200]);

/** The answer to a checkout, which must have the promised form, and be the same at the top and in `data`. */
const answerOf = async (response: Response): Promise<Answer> => {
  assert.is(response.status, 200);
  const body = (await response.json()) as { data: Answer } & Answer;
  assert.ok(isAgreed.Check(body));
  const { data, ...top } = body;
  assert.equal(top, data);
  return data;
};

const errorOf = async (call: Promise<Response>): Promise<[number, string, Headers]> => {
  const response = await call.catch((error) => error.toResponse() as Response);
  const { error } = (await response.json()) as { error: { reason: string } };
  return [response.status, error.reason, response.headers];
};

test('an approved checkout is queued: what is to be bought, for whom, and the last digits of the card', async () => {
  const { post, queued } = openShop();
  const response = await post({ body: details({ items: [{ name: BOOK.toUpperCase(), quantity: 2 }] }) });
  const { orderId, ...rest } = await answerOf(response);
  assert.equal(rest, { status: 'Order Approved', suggestedBooks: [suggested] });
  assert.is(response.headers.get('idempotent-replayed'), null);
  assert.equal(
    queued().map(({ checkout }) => checkout),
    [{ id: orderId, lines: [{ name: BOOK, quantity: 2 }], customer: 'kim@example.com', card: '1486' }],
  );
});

test('a checkout without a key is a checkout of its own each time', async () => {
  const { post, queued } = openShop();
  const ids = [await answerOf(await post()), await answerOf(await post())].map(({ orderId }) => orderId);
  assert.is(new Set(ids).size, 2);
  assert.is(queued().length, 2);
});

test('the same key and content is answered with the same id, and checked once', async () => {
  let checked = 0;
  const { post, queued } = openShop({
    fraud: async () => {
      checked += 1;
      return { ok: true };
    },
  });
  const first = await answerOf(await post({ key: 'k' }));
  const again = await post({
    key: 'k',
    body: details({ billingAddress: details().billingAddress, giftWrapping: true }),
  });
  assert.is(again.headers.get('idempotent-replayed'), 'true');
  assert.equal(await answerOf(again), first);
  assert.is(checked, 1);
  assert.is(queued().length, 1);
});

test('a replay is answered without suggestions if there are none, and never rejected', async () => {
  let passes = true;
  const { post } = openShop({
    verification: async () => (passes ? { ok: true } : { ok: false, reason: 'no' }),
    suggestions: async () => {
      if (passes) return { books: [suggested] };
      throw new Error('as asked for');
    },
  });
  const first = await answerOf(await post({ key: 'k' }));
  passes = false;
  assert.equal(await answerOf(await post({ key: 'k' })), { ...first, suggestedBooks: [] });
});

test('the same key with another content is refused', async () => {
  const { post, queued } = openShop();
  await post({ key: 'k' });
  for (const body of [
    details({ items: [{ name: BOOK, quantity: 2 }] }),
    details({ user: { name: 'Kim Kask', contact: 'lee@example.com' } }),
    details({ creditCard: { ...details().creditCard, number: '4532015112830366' } }),
  ]) {
    assert.equal((await errorOf(post({ key: 'k', body }))).slice(0, 2), [422, 'key_reused']);
  }
  assert.is(queued().length, 1);
});

test('a key that is none is refused', async () => {
  assert.equal((await errorOf(openShop().post({ key: 'two words' }))).slice(0, 2), [400, 'invalid_key']);
});

test('a rejected checkout is answered with the reason, and leaves nothing behind', async () => {
  const { post, get, shop } = openShop({ fraud: async () => ({ ok: false, reason: 'too good to be true' }) });
  const before = shop.movements.length;
  const { orderId, ...rest } = await answerOf(await post({ key: 'k' }));
  assert.equal(rest, { status: 'Order Rejected', reason: 'too good to be true', suggestedBooks: [] });
  assert.is(shop.movements.length, before);
  assert.ok(orderId.length > 0);
  assert.equal((await errorOf(get(orderId))).slice(0, 2), [404, 'unknown_checkout']);
});

test('after a rejection the key is still free', async () => {
  let passes = false;
  const { post } = openShop({ verification: async () => (passes ? { ok: true } : { ok: false, reason: 'no' }) });
  assert.is((await answerOf(await post({ key: 'k' }))).status, 'Order Rejected');
  passes = true;
  const response = await post({ key: 'k' });
  assert.is((await answerOf(response)).status, 'Order Approved');
  assert.is(response.headers.get('idempotent-replayed'), null);
});

test('a product that is not in the catalogue is a reason to reject', async () => {
  const items = [
    { name: BOOK, quantity: 1 },
    { name: 'No Such Book', quantity: 1 },
  ];
  const { post, queued } = openShop();
  const answer = await answerOf(await post({ body: details({ items }) }));
  assert.equal([answer.status, answer.reason], ['Order Rejected', 'Cannot find a product named "No Such Book"']);
  // One that has left the catalogue since it was looked up.
  const late = openShop({}, { queue: async () => ({ status: 'unknown_product', name: BOOK }) });
  const lateAnswer = await answerOf(await late.post());
  assert.equal([lateAnswer.status, lateAnswer.reason], ['Order Rejected', `Cannot find a product named "${BOOK}"`]);
  assert.is(queued().length, 0);
});

test('items that no order can have are never queued, whatever the checks say', async () => {
  const body = details({ items: [{ name: BOOK, quantity: 0 }] });
  const willing = openShop();
  const answer = await answerOf(await willing.post({ key: 'k', body }));
  assert.equal([answer.status, answer.reason], ['Order Rejected', 'Cannot check out these items']);
  assert.is(willing.queued().length, 0);
  const failing = openShop({ verification: () => Promise.reject(new Error('as asked for')) });
  assert.equal((await errorOf(failing.post({ body }))).slice(0, 2), [503, 'check_unavailable']);
});

test('stock is not asked for: the queue decides', async () => {
  const { post } = openShop();
  const answer = await answerOf(await post({ body: details({ items: [{ name: BOOK, quantity: 1000 }] }) }));
  assert.is(answer.status, 'Order Approved');
});

test('the fraud check is told what all of it costs, and the name of the attempt', async () => {
  const seen: unknown[] = [];
  const { post } = openShop({
    fraud: async ({ amount, attempt, country, contact }) => {
      seen.push({ amount, attempt, country, contact });
      return { ok: true };
    },
  });
  const items = [
    { name: BOOK, quantity: 3 },
    { name: 'fox', quantity: 2 },
  ];
  await post({ key: 'k', body: details({ items }) });
  assert.equal(seen, [{ amount: 64, attempt: 'k', country: 'Estonia', contact: 'kim@example.com' }]);
});

test('a check that cannot judge is no approval', async () => {
  const { post, queued, metrics } = openShop({
    fraud: async () => {
      throw new Error('as asked for');
    },
  });
  const [status, reason, headers] = await errorOf(post());
  assert.equal([status, reason], [503, 'check_unavailable']);
  assert.is(headers.get('retry-after'), '1');
  assert.ok(headers.get('idempotency-key'));
  assert.is(queued().length, 0);
  assert.match(await metrics.text(), /till_checkouts_total\{[^}]*result="unavailable"[^}]*\} 1/);
});

test('a full queue is told, and so are a ledger that is full and one that cannot answer', async () => {
  const full = openShop({}, { queue: async () => ({ status: 'queue_full' }) });
  const [status, reason, headers] = await errorOf(full.post());
  assert.equal([status, reason, headers.get('retry-after')], [429, 'queue_full', '1']);

  const away = openShop({}, { queue: () => Promise.reject(new Unavailable('no_in_sync_replica')) });
  const undecided = await errorOf(away.post({ key: 'k' }));
  assert.equal(undecided.slice(0, 2), [503, 'no_in_sync_replica']);
  assert.is(undecided[2].get('idempotency-key'), 'k');

  const joined = openShop({}, { queue: () => Promise.reject(new Unavailable('no_answer', true)) });
  assert.equal((await errorOf(joined.post({ key: 'k' }))).slice(0, 2), [409, 'in_flight']);

  const busy = openShop({}, { queue: () => Promise.reject(new QueueFull()) });
  const refused = await errorOf(busy.post({ key: 'k' }));
  assert.equal([...refused.slice(0, 2), refused[2].get('idempotency-key')], [429, 'queue_full', 'k']);
});

test('a repeat is not rejected while the first answer is on its way', async () => {
  let passes = true;
  const { ledger, shop } = createMemoryLedger();
  const { promise: committed, resolve: commit } = Promise.withResolvers<void>();
  // Decided in the catalog's journal, and not yet committed in the log.
  const slow: CheckoutLedger['queue'] = async (placed, waitMs) => {
    const queued = await ledger.queue(placed, waitMs);
    await committed;
    return queued;
  };
  const { post } = openShop(
    { fraud: async () => (passes ? { ok: true } : { ok: false, reason: 'too often' }) },
    { ...ledger, queue: slow },
  );
  const first = post({ key: 'k' });
  await until(() => shop.movements.length > 1, 'the checkout');
  passes = false;
  const again = await post({ key: 'k' });
  assert.is(again.headers.get('idempotent-replayed'), 'true');
  const { orderId, status } = await answerOf(again);
  assert.is(status, 'Order Approved');
  commit();
  assert.is((await answerOf(await first)).orderId, orderId);
});

test('what the warehouse lacks is rejected and leaves nothing behind; what was queued stays so', async () => {
  let says: Awaited<ReturnType<Placement['obstacle']>> | Problem = null;
  const asked: object[] = [];
  const { post, queued } = openShop(
    { fraud: async ({ contact }) => (contact.startsWith('bad') ? { ok: false, reason: 'no' } : { ok: true }) },
    {},
    {
      placement: {
        obstacle: async (lines) => {
          asked.push(lines);
          if (says instanceof Problem) throw says;
          return says;
        },
      },
    },
  );
  const first = await answerOf(await post({ key: 'k' }));
  assert.equal(asked, [[{ name: BOOK, quantity: 1 }]]);
  for (const [obstacle, reason] of [
    [{ short: 'Cannot buy 1: 0 left in the warehouse' }, 'Cannot buy 1: 0 left in the warehouse'],
    [{ unknown: BOOK }, `Cannot find a product named "${BOOK}"`],
  ] as const) {
    says = obstacle;
    const answer = await answerOf(await post({ key: 'l' }));
    assert.equal([answer.status, answer.reason], ['Order Rejected', reason]);
    assert.is((await answerOf(await post({ key: 'k' }))).orderId, first.orderId);
  }
  says = new Problem(503, 'warehouse_down', 'Cannot check the stock', { 'retry-after': '60' });
  const [status, reason, headers] = await errorOf(post({ key: 'l' }));
  assert.equal([status, reason], [503, 'warehouse_down']);
  assert.equal([headers.get('retry-after'), headers.get('idempotency-key')], ['60', 'l']);
  asked.length = 0;
  await post({ body: details({ user: { name: 'Kim Kask', contact: 'bad@example.com' } }) });
  assert.equal(asked, [], 'what the checks refuse is not asked for');
  assert.is(queued().length, 1);
  says = null;
  assert.is((await answerOf(await post({ key: 'l' }))).status, 'Order Approved');
});

test('all of its waits have one end, and the checks a time of their own', async () => {
  const waits: number[] = [];
  const WAIT_MS = 2000;
  const PAUSE_MS = 50;
  const { ledger } = createMemoryLedger();
  const { post } = openShop(
    {
      fraud: async () => {
        await sleep(WAIT_MS + PAUSE_MS);
        return { ok: true };
      },
    },
    {
      knownCheckout: async (_, waitMs = Number.NaN) => {
        waits.push(waitMs);
        await sleep(PAUSE_MS);
        return null;
      },
      queue: (placed, waitMs = Number.NaN) => {
        waits.push(waitMs);
        return ledger.queue(placed, waitMs);
      },
    },
    { requestWaitMs: WAIT_MS },
  );
  await post({ key: 'k' });
  const [first = 0, last = 0] = waits;
  assert.ok(first <= WAIT_MS && last < first - PAUSE_MS / 2, `${waits} ms`);
  assert.ok(last > 0, `after the checks there are ${last} ms left`);
  const silent = openShop({}, { product: () => new Promise(() => {}) }, { requestWaitMs: 30 });
  assert.equal((await errorOf(silent.post())).slice(0, 2), [503, 'catalog_silent']);
});

test('a check that has too much to do is answered 429', async () => {
  const { post, queued } = openShop({ fraud: () => Promise.reject(new OutsideError('full', 'too many calls')) });
  const [status, reason, headers] = await errorOf(post({ key: 'k' }));
  assert.equal([status, reason, headers.get('idempotency-key')], [429, 'queue_full', 'k']);
  assert.is(queued().length, 0);
});

test('what is told elsewhere is not told with every checkout', async () => {
  const words: unknown[] = [];
  const warn = (fields: unknown) => {
    words.push(fields);
  };
  for (const [error, count] of [
    [new Problem(503, 'catalog_away', 'Cannot suggest books: the journal is not read yet'), 0],
    [new OutsideError('open', 'it was down'), 0],
    [new OutsideError('full', 'too many calls'), 0],
    [new Error('as asked for'), 1],
  ] as const) {
    const { post } = openShop(
      { suggestions: () => Promise.reject(error) },
      {},
      { logger: { ...silentLogger, warn } as typeof silentLogger },
    );
    words.length = 0;
    assert.is((await answerOf(await post())).status, 'Order Approved');
    assert.is(words.length, count, error.message);
  }
});

test('where a checkout stands', async () => {
  const { post, get, shop } = openShop();
  const view = async (id: string): Promise<unknown> => {
    const body = await (await get(id)).json();
    assert.ok(isView.Check(body));
    return (body as { data: unknown }).data;
  };
  const execute = (id: string, quantity: number) =>
    shop.place([{ key: checkoutKey(id), fingerprint: 'f', order: { lines: [{ name: BOOK, quantity }], many: true } }]);

  const { orderId } = await answerOf(await post());
  assert.equal(await view(orderId), { orderId, status: 'queued' });
  execute(orderId, 1);
  assert.equal(await view(orderId), { orderId, status: 'placed', order_number: 0 });

  const items = [{ name: BOOK, quantity: 9 }];
  const { orderId: tooMany } = await answerOf(await post({ body: details({ items }) }));
  execute(tooMany, 9);
  const message = `Cannot buy 9 of "${BOOK}": 4 left`;
  assert.equal(await view(tooMany), { orderId: tooMany, status: 'refused', reason: 'out_of_stock', message });
});

test('a checkout that is not there', async () => {
  const { get } = openShop();
  for (const id of ['', 'x', 'x'.repeat(500), '__proto__']) {
    assert.equal((await errorOf(get(id))).slice(0, 2), [404, 'unknown_checkout']);
  }
  assert.equal((await errorOf(get('%E0%A4'))).slice(0, 2), [400, 'invalid_path']);
});

test('with the real checks, in this process', async () => {
  const { ledger } = createMemoryLedger();
  const journal = createMemoryJournal();
  journal.add({ kind: 'seed', products: [product(BOOK), product('Anna', 'book', 'Ada Aas')] });
  const metrics = createMetrics('front');
  const checkout = createCheckout({
    ledger,
    placement: { obstacle: async () => null },
    requestWaitMs: 20_000,
    urls: { verification: null, fraud: null, suggestions: null },
    history: journal.history,
    checkWaitMs: 20_000,
    metrics,
    logger: silentLogger,
  });
  open.push(checkout);
  const { post } = callsOf(checkout);
  const approved = await answerOf(await post());
  assert.equal([approved.status, approved.suggestedBooks], ['Order Approved', [suggested]]);
  for (const [change, reason] of [
    [{ items: [] }, 'Cannot check out 0 items: it must be 1 to 100'],
    [{ termsAccepted: false }, 'Cannot check out before the terms are accepted'],
    [
      { creditCard: { ...details().creditCard, number: '4242 4242 4242 4242' } },
      'Cannot take this checkout, it looks like fraud: the card is one that is published for tests',
    ],
  ] as const) {
    const answer = await answerOf(await post({ body: details(change) }));
    assert.equal([answer.status, answer.reason], ['Order Rejected', reason]);
  }
  const text = await metrics.text();
  assert.match(text, /till_checkouts_total\{[^}]*result="rejected"[^}]*\} 3/);
  assert.match(text, /till_checks_total\{[^}]*check="fraud"[^}]*result="refused"[^}]*\} 1/);
});

test.run();
