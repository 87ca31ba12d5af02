/** The checks of a checkout as processes of their own: they judge as the front does by itself, go away, and come back. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { CARD_NUMBER, checkDigitOf } from '../../packages/checks/test/sound.ts';
import { type CheckProcess, endChecks, startCheck } from '../tool/check-process.ts';
import { books, checkoutOf, type Details, outcomeOf, postCheckout } from './bookshop.ts';
import { allExecuted, readCheckouts } from './checkout-ledger.ts';
import type { Line } from './ledger.ts';
import { assertProven } from './proof.ts';
import { scenario } from './scenario.ts';
import { type ChildRunner, openTill, type Till } from './till.ts';
import { until } from './until.ts';
import { cardPattern, filesOf, type Written } from './written.ts';

test.after.each(endChecks);

const titles = ['Book-1', 'Book-2', 'Book-3', 'Book-4', 'Book-5'] as const;
const open = () => openWith({ CHECK_WAIT_MS: '20000' });
const openWith = (settings: Record<string, string>) =>
  openTill({
    replicas: 1,
    seed: books('Book', { count: titles.length, quantity: 100_000 }),
    settings: { RESTOCK_EVERY_MS: '0', LOG_LEVEL: 'trace', LOG_ORDERS: '1', ...settings },
  });

const one = (...names: string[]): Line[] => names.map((name) => ({ name, quantity: 1 }));
const valid = (digits: string): string => digits + checkDigitOf(digits);
const card = (number: string, cvv = '739') => ({ number, cvv });

let visitors = 0;
const contact = (): string => {
  visitors += 1;
  return `visitor-${visitors}@example.com`;
};
const sound = (items: Line[] = one('Book-1'), given = {}): Details => checkoutOf(contact(), items, given);

type Checks = { verification: CheckProcess; fraud: CheckProcess; suggestions: CheckProcess };

/** Starts the three, and the front anew so that it asks them. */
const useServices = async (till: Till<ChildRunner>): Promise<Checks> => {
  const catalog = `http://127.0.0.1:${Number(till.environment.PORT_BASE) + 1}`;
  const [verification, fraud, suggestions] = await Promise.all([
    startCheck('verification'),
    startCheck('fraud'),
    startCheck('suggestions', { words: ['--catalog', catalog] }),
  ]);
  await till.run.stop('front');
  Object.assign(till.environment, {
    CHECK_VERIFICATION_URL: verification.url,
    CHECK_FRAUD_URL: fraud.url,
    SUGGESTIONS_URL: suggestions.url,
  });
  await till.run.start(['front']);
  await till.ready();
  return { verification, fraud, suggestions };
};

/** Again, where it was. */
const startAgain = (name: string, { url }: CheckProcess, words: string[] = []): Promise<CheckProcess> =>
  startCheck(name, { words: ['--port', new URL(url).port, ...words] });

/** One of each kind of what can be said of a checkout. */
const cases = (): [string, object][] => {
  const details = sound();
  const { user, billingAddress } = details;
  const mir = valid('220012345678901');
  return [
    ['sound', details],
    ['a number with dashes', sound(one('Book-1'), card('4539-5787-6362-1486'))],
    ['a card of another scheme', sound(one('Book-1'), card(valid('37144963539843'), '7391'))],
    ['a wrong number', sound(one('Book-1'), card('4539 5787 6362 1487'))],
    ['no number', sound(one('Book-1'), card(''))],
    ['a security code that is too long', sound(one('Book-1'), card(CARD_NUMBER, '7391'))],
    ['an expired card', sound(one('Book-1'), { expirationDate: '01/20' })],
    ['an expiration that is none', sound(one('Book-1'), { expirationDate: 'soon' })],
    ['terms that were not accepted', { ...sound(), termsAccepted: false }],
    ['no name', { ...details, user: { ...user, name: ' ' } }],
    ['no street', { ...details, billingAddress: { ...billingAddress, street: '' } }],
    ['nothing in the basket', sound([])],
    ['a quantity of none', sound([{ name: 'Book-1', quantity: 0 }])],
    ['too many lines', sound(Array.from({ length: 101 }, () => ({ name: 'Book-1', quantity: 1 })))],
    ['a book that there is not', sound(one('No such book'))],
    ['a card that is published for tests', sound(one('Book-1'), card('4242 4242 4242 4242'))],
    ['a high amount', sound([{ name: 'Book-1', quantity: 300 }])],
    ['a very high amount', sound([{ name: 'Book-1', quantity: 3000 }])],
    ['a foreign card', sound(one('Book-1'), card(mir))],
    ['a foreign card, another country and a high amount', checkoutOf('eva@example.pl', many(300), card(mir))],
    ...Array.from({ length: 22 }, (_, at): [string, object] => [
      `attempt ${at} of one contact`,
      checkoutOf('often@example.com', many(at + 1)),
    ]),
    ['something that cannot be read', { ...details, items: 'all of them' }],
  ];
};
const many = (quantity: number): Line[] => [{ name: 'Book-1', quantity }];

scenario('three services judge as the front does by itself', open, async (till) => {
  await till.run.start(till.names);
  await till.ready();
  const judge = async () => {
    const said: unknown[] = [];
    for (const [what, details] of cases()) {
      const { status, data, reason } = await postCheckout(till.url, details);
      said.push([what, status, reason, data.status, data.reason]);
    }
    return said;
  };
  const here = await judge();
  const count = (status: string): number => here.filter((said) => (said as unknown[])[3] === status).length;
  assert.ok(count('Order Approved') >= 20 && count('Order Rejected') >= 15, JSON.stringify(here));
  const { verification, fraud, suggestions } = await useServices(till);
  assert.equal(await judge(), here);

  for (const [service, words] of [
    [verification, 'check="verification"'],
    [fraud, 'check="fraud"'],
    [suggestions, 'check="suggestions"'],
  ] as const) {
    const metrics = await (await fetch(`${service.url}/metrics`)).text();
    assert.ok(metrics.includes(words), `${words} was asked:\n${metrics}`);
  }
  const { length } = await allExecuted(till.dataFolder);
  assert.is(length, 2 * count('Order Approved'));
  assert.is(await assertProven(till), length);
});

scenario('what is bought together is suggested, and nothing that is in the basket', open, async (till) => {
  await till.run.start(till.names);
  await till.ready();
  const { suggestions } = await useServices(till);
  const suggest = async (...basket: string[]): Promise<string[]> => {
    const { data, text } = await postCheckout(till.url, sound(one(...basket)));
    assert.is(data.status, 'Order Approved', text);
    const suggested = data.suggestedBooks ?? [];
    for (const book of suggested) {
      assert.equal(book, { bookId: book.title, title: book.title, author: `Author of ${book.title}` });
      assert.not.ok(basket.includes(book.title), `${book.title} is in the basket`);
    }
    await allExecuted(till.dataFolder);
    return suggested.map(({ title }) => title);
  };
  // Nothing was bought yet: as the catalogue has them.
  assert.equal(await suggest('Book-1'), ['Book-2', 'Book-3', 'Book-4']);
  for (const basket of [
    ['Book-1', 'Book-5'],
    ['Book-1', 'Book-5'],
    ['Book-1', 'Book-4'],
    ['Book-2', 'Book-4'],
  ]) {
    await suggest(...basket);
  }
  assert.equal(await suggest('Book-1'), ['Book-5', 'Book-4', 'Book-2']);
  assert.equal(await suggest('book-1', 'BOOK-5'), ['Book-4', 'Book-2', 'Book-3']);
  assert.equal(await suggest('Book-2'), ['Book-4', 'Book-1', 'Book-5']);
  assert.equal(await suggest(...titles), []);

  // A service that begins anew reads the journal, and knows as much.
  const before = await suggest('Book-1');
  suggestions.kill('SIGKILL');
  await suggestions.ended();
  const catalog = `http://127.0.0.1:${Number(till.environment.PORT_BASE) + 1}`;
  await startAgain('suggestions', suggestions, ['--catalog', catalog]);
  const after = await until('suggestions are back', async () => {
    const suggested = await suggest('Book-1');
    return suggested.length > 0 && suggested;
  });
  assert.equal(after, before);
});

scenario(
  'services that are killed, hang and come back; and no card is written anywhere',
  () => openWith({ CHECK_WAIT_MS: '3000' }),
  async (till) => {
    await till.run.start(till.names);
    await till.ready();
    const { verification, fraud, suggestions } = await useServices(till);
    const services: CheckProcess[] = [verification, fraud, suggestions];
    /** Every card that is given in this test, as it is given. */
    const cards = [
      card('4539 5787 6362 1486', '907'),
      card(valid('535231908774216'), '864'),
      card(valid('34927654318092').replace(/^(.{4})(.{6})/, '$1-$2-'), '6402'),
    ];
    const answers: string[] = [];
    const post = async (
      key: string,
      { items = one('Book-1'), given = {} }: { items?: Line[]; given?: object } = {},
    ) => {
      const answer = await postCheckout(
        till.url,
        checkoutOf(`${key}@example.com`, items, { ...cards[answers.length % 3], ...given }),
        key,
      );
      answers.push(answer.text);
      return answer;
    };
    const assertUnavailable = async (key: string): Promise<void> => {
      const { status, reason, text } = await post(key);
      assert.equal([status, reason], [503, 'check_unavailable'], text);
      assert.not.ok(
        readCheckouts(till.dataFolder).some((queued) => queued.key === key),
        `${key} is queued`,
      );
    };
    /** With the same key: nothing was recorded under it. */
    const isBack = (key: string) =>
      until(`${key} is approved`, async () => {
        const { status, data, reason, text } = await post(key);
        if (status === 503) assert.is(reason, 'check_unavailable', text);
        else assert.equal([status, data.status], [200, 'Order Approved'], text);
        return status === 200;
      });

    for (const _ of cards) assert.is((await post(`before-${answers.length}`)).data.status, 'Order Approved');
    assert.ok(((await post('books')).data.suggestedBooks ?? []).length > 0);

    fraud.kill('SIGKILL');
    await fraud.ended();
    for (const key of ['fraud-1', 'fraud-2', 'fraud-3']) await assertUnavailable(key);
    // A refusal that does come counts, whoever else is away.
    assert.is((await post('expired', { given: { expirationDate: '01/20' } })).data.status, 'Order Rejected');
    services.push(await startAgain('fraud', fraud));
    await isBack('fraud-1');
    await isBack('fraud-2');

    suggestions.kill('SIGKILL');
    await suggestions.ended();
    const bare = await post('bare');
    assert.equal([bare.data.status, bare.data.suggestedBooks], ['Order Approved', []], bare.text);

    // One that hangs has failed, and is down as soon as half of the questions have: from then on nobody waits for it.
    verification.kill('SIGSTOP');
    const asked = 24;
    await Promise.all(Array.from({ length: asked }, (_, at) => assertUnavailable(`hangs-${at}`)));
    await assertUnavailable('hangs');
    const frontLog = filesOf(till.folder).find(([path]) => path.endsWith('front.log'))?.[1] ?? '';
    assert.match(frontLog, /"check":"verification"[^\n]*the service of a check is down/);
    const measured = await (await fetch(`${till.url}/metrics`)).text();
    const counted = (result: string): number =>
      Number(new RegExp(`check="verification",result="${result}".* (\\d+)$`, 'm').exec(measured)?.[1] ?? 0);
    assert.equal([counted('failed'), counted('cancelled')], [asked + 1, 0], measured);
    verification.kill('SIGCONT');
    await isBack('hangs');
    // What is decided under a key needs no check any more.
    const details = checkoutOf('again@example.com', one('Book-2'), cards[0]);
    const decided = await postCheckout(till.url, details, 'again');
    assert.is(decided.data.status, 'Order Approved', decided.text);
    for (const service of [verification, services.at(-1) ?? fraud]) {
      service.kill('SIGKILL');
      await service.ended();
    }
    const replay = await postCheckout(till.url, details, 'again');
    assert.equal(
      [replay.status, replay.data.orderId, replay.isReplayed],
      [200, decided.data.orderId, true],
      replay.text,
    );

    const checkouts = await allExecuted(till.dataFolder);
    for (const { id, outcomes } of checkouts) {
      assert.is(outcomes.length, 1);
      assert.is((await outcomeOf(till.url, id)).data.status, 'placed');
    }
    assert.is(await assertProven(till), checkouts.length);
    const approvals = answers.filter((text) => text.includes('Order Approved')).length;
    assert.is(checkouts.length, approvals + 1);
    for (const name of [...till.names].reverse()) await till.run.stop(name);

    const written: Written[] = [
      ...filesOf(till.folder),
      ...services.map((service, at): Written => [`check service ${at}`, service.output()]),
      ...answers.map((text, at): Written => [`answer ${at}`, text]),
    ];
    for (const { number, cvv } of cards) {
      assert.match(`["${number}"]`, cardPattern(number));
      for (const [place, text] of written) {
        assert.not.match(text, cardPattern(number), place);
        assert.not.match(text, new RegExp(`"${cvv}"|cvv`), place);
      }
      const last = number.slice(-4);
      for (const store of ['catalog/journal.jsonl', 'order-1/log.jsonl']) {
        const [, text] = written.find(([place]) => place.endsWith(store)) ?? ['', ''];
        assert.match(text, `"card":"${last}"`, store);
      }
    }
  },
);

test.run();
