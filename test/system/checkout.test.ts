/** Checkouts from the outside, on a whole Till: checked, queued, executed; and what is left of the card afterwards. */
import { monthOf } from '@till/checks/expiry';
import { wallMs } from '@till/shared/clock';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { CARD_NUMBER, soundDetails } from '../../packages/checks/test/sound.ts';
import { endChecks, startCheck } from '../tool/check-process.ts';
import { type ChildRunner, openTill, type Till } from './till.ts';
import { until } from './until.ts';
import { filesOf, type Written } from './written.ts';

let till: Till<ChildRunner> | null = null;
test.after.each(async () => {
  await till?.end();
  till = null;
  await endChecks();
});

/** Like nothing else in any file. */
const PRIVATE = {
  name: 'Zuzana Quixley',
  contact: 'zuzana.quixley@example.test',
  number: '4539 5787 6362 1486',
  cvv: '907',
  street: 'Xylophone Alley 77',
  city: 'Quagmire-on-Sea',
  state: 'Nowhereshire',
  zip: 'QX-90909',
};

const detailsOf = (items: { name: string; quantity: number }[], card: object = {}) => {
  const { creditCard } = soundDetails(monthOf(wallMs()));
  const { name, contact, number, cvv, street, city, state, zip } = PRIVATE;
  return {
    user: { name, contact },
    creditCard: { ...creditCard, number, cvv, ...card },
    items,
    billingAddress: { street, city, state, zip, country: 'Estonia' },
    termsAccepted: true,
  };
};

type Answer = { status: number; headers: Headers; text: string; body: Record<string, unknown> };

const ask = async (path: string, body?: unknown, key?: string): Promise<Answer> => {
  const response = await fetch(`${till?.url}${path}`, {
    method: body === undefined ? 'GET' : 'POST',
    headers: { 'content-type': 'application/json', ...(key !== undefined && { 'idempotency-key': key }) },
    ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
  const text = await response.text();
  return { status: response.status, headers: response.headers, text, body: JSON.parse(text) };
};

test('checked by three services, queued, executed; of the card four digits are left, and nothing of the address', async () => {
  const [verification, fraud] = await Promise.all([
    startCheck('verification'),
    startCheck('fraud', { runtime: 'bun' }),
  ]);
  till = await openTill({
    replicas: 2,
    settings: {
      CHECK_VERIFICATION_URL: verification.url,
      CHECK_FRAUD_URL: fraud.url,
      LOG_LEVEL: 'trace',
      LOG_ORDERS: '1',
    },
  });
  await till.run.start(till.names);
  await till.ready();
  const texts: string[] = [];
  const post = async (body: unknown, key?: string): Promise<Answer> => {
    const answer = await ask('/checkout', body, key);
    texts.push(answer.text);
    return answer;
  };

  const both = [
    { name: 'two clocks', quantity: 2 },
    { name: 'The Quiet Leader', quantity: 1 },
  ];
  const first = await post(detailsOf(both), 'first');
  assert.equal([first.status, first.body.status], [200, 'Order Approved'], first.text);
  const { orderId } = first.body;
  const placed = await until('the checkout is executed', async () => {
    const { body } = await ask(`/checkout/${orderId}`);
    const data = body.data as Record<string, unknown>;
    return data.status === 'placed' && data;
  });
  assert.equal(placed, { orderId, status: 'placed', order_number: 0 });
  assert.is(await till.shop.quantityOf('Two Clocks'), 98);

  const again = await post(detailsOf(both), 'first');
  assert.equal([again.body.orderId, again.headers.get('idempotent-replayed')], [orderId, 'true']);
  assert.is((await post(detailsOf([{ name: 'Two Clocks', quantity: 1 }]), 'first')).status, 422);

  // What was bought together is suggested, as soon as it is in the journal.
  const [suggested] = await until('the order counts', async () => {
    const { body } = await post(detailsOf([{ name: 'Two Clocks', quantity: 1 }]));
    const books = body.suggestedBooks as { title: string }[];
    return books[0]?.title === 'The Quiet Leader' && books;
  });
  assert.is(suggested?.title, 'The Quiet Leader');

  const rejected = await post(detailsOf(both, { number: '4539 5787 6362 1487' }));
  assert.is(rejected.body.status, 'Order Rejected');
  assert.is((await ask(`/checkout/${rejected.body.orderId}`)).status, 404);
  assert.is((await post(detailsOf(both, { number: '4242 4242 4242 4242' }))).body.status, 'Order Rejected');
  const short = await post(detailsOf([{ name: 'Two Clocks', quantity: 1000 }]));
  await until('the refusal', async () => {
    const { body } = await ask(`/checkout/${short.body.orderId}`);
    return (body.data as Record<string, unknown>).status === 'refused';
  });
  const long = detailsOf(both, { number: CARD_NUMBER.repeat(20) });
  assert.is((await post(long)).status, 400);
  assert.is((await post(JSON.stringify(detailsOf(both)).slice(0, -5))).status, 400);
  assert.is((await post(`"${CARD_NUMBER}"`)).status, 400);

  fraud.kill('SIGKILL');
  await fraud.ended();
  const away = await post(detailsOf(both));
  assert.equal([away.status, (away.body.error as { reason: string }).reason], [503, 'check_unavailable']);
  verification.kill('SIGTERM');
  assert.is(await verification.ended(), 0);
  for (const name of [...till.names].reverse()) await till.run.stop(name);

  const files = filesOf(till.folder);
  const written: Written[] = [
    ...files,
    ['verification', verification.output()],
    ['fraud', fraud.output()],
    ...texts.map((text, at): Written => [`answer ${at}`, text]),
  ];
  assert.ok(files.length >= 8, 'stores and logs are there to be searched');
  const digits = /4539\D?5787|5787\D?6362|4242\D?4242/;
  const address = [PRIVATE.name, PRIVATE.street, PRIVATE.city, PRIVATE.state, PRIVATE.zip];
  for (const [place, text] of written) {
    assert.not.match(text, digits, place);
    assert.not.match(text, `"${PRIVATE.cvv}"`, place);
    for (const value of address) assert.not.ok(text.includes(value), `${value} in ${place}`);
    // Whom it is for is kept with the checkout, and told nowhere else.
    if (!/(journal|log)\.jsonl$/.test(place)) assert.not.ok(text.includes(PRIVATE.contact), `the contact in ${place}`);
  }
  const journal = files.find(([path]) => path.endsWith('catalog/journal.jsonl'))?.[1] ?? '';
  assert.match(journal, /"card":"1486"/);
  const verdict = await till.verify();
  assert.ok(verdict.consistent, JSON.stringify(verdict.problems));
});

test.run();
