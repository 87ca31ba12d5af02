/** bin/check-service, and the checkout of the front with every check in a process of its own. */
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { monthOf } from '@till/checks/expiry';
import { type Checkout, createCheckout } from '@till/front/checkout/handlers';
import { monotonicMs, wallMs } from '@till/shared/clock';
import { problemOf } from '@till/shared/errors';
import { silentLogger } from '@till/shared/logger';
import { createMetrics } from '@till/shared/metrics';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { projectFolder } from '../../bin/lib/project.ts';
import { startJournalServer } from '../../packages/checks/test/catalog.ts';
import { bought, createMemoryJournal, product } from '../../packages/checks/test/journal.ts';
import { soundDetails } from '../../packages/checks/test/sound.ts';
import { createMemoryLedger } from '../../packages/front/test/memory-ledger.ts';
import { endChecks, type Runtime, startCheck } from './check-process.ts';

const BOOK = 'Čapek: R.U.R. / 1920';
const closers: (() => Promise<void>)[] = [];
test.after.each(async () => {
  await endChecks();
  for (const close of closers.splice(0)) await close();
});

type Urls = Parameters<typeof createCheckout>[0]['urls'];

/** The front's checkout over a shop in memory, with the checks at these addresses. */
const openCheckout = (urls: Partial<Urls>, checkWaitMs = 20_000) => {
  const { ledger, shop } = createMemoryLedger();
  const checkout: Checkout = createCheckout({
    ledger,
    placement: { obstacle: async () => null },
    requestWaitMs: 20_000,
    urls: { verification: null, fraud: null, suggestions: null, ...urls },
    history: async () => {
      throw new Error('The journal must not be read here');
    },
    checkWaitMs,
    metrics: createMetrics('front'),
    logger: silentLogger,
  });
  closers.push(checkout.close);
  const post = async (change: object = {}): Promise<{ status: number; body: Record<string, unknown> }> => {
    const details = { ...soundDetails(monthOf(wallMs())), items: [{ name: BOOK, quantity: 1 }], ...change };
    const request = new Request('http://till/checkout', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(details),
    });
    const response = await checkout.post(request).catch((error) => problemOf(error));
    return { status: response.status, body: (await response.json()) as Record<string, unknown> };
  };
  return { post, queued: () => shop.movements.filter(({ kind }) => kind === 'checkout').length };
};

const startCatalog = async (): Promise<string> => {
  const journal = createMemoryJournal();
  journal.add({ kind: 'seed', products: [BOOK, 'Anna', 'Bella'].map((name) => product(name)) }, bought(BOOK, 'Bella'));
  const { url, close } = await startJournalServer(journal);
  closers.push(close);
  return url;
};

/** Where each check runs; over all of them, each check runs on each runtime. */
const turns: [Runtime, Runtime, Runtime][] = [
  ['node', 'bun', 'deno'],
  ['bun', 'deno', 'node'],
  ['deno', 'node', 'bun'],
];

for (const [verification, fraud, suggestions] of turns) {
  test(`verification on ${verification}, fraud on ${fraud}, suggestions on ${suggestions}`, async () => {
    const catalog = await startCatalog();
    const services = await Promise.all([
      startCheck('verification', { runtime: verification }),
      startCheck('fraud', { runtime: fraud }),
      startCheck('suggestions', { runtime: suggestions, words: ['--catalog', catalog] }),
    ]);
    const [verifying, detecting, suggesting] = services.map(({ url }) => url) as [string, string, string];
    const { post, queued } = openCheckout({ verification: verifying, fraud: detecting, suggestions: suggesting });

    const approved = await post();
    assert.equal([approved.status, approved.body.status], [200, 'Order Approved']);
    const titles = (approved.body.suggestedBooks as { title: string }[]).map(({ title }) => title);
    assert.equal(titles, ['Bella', 'Anna']);

    const unverified = await post({ termsAccepted: false });
    assert.is(unverified.body.reason, 'Cannot check out before the terms are accepted');
    const { creditCard } = soundDetails(monthOf(wallMs()));
    const suspect = await post({ creditCard: { ...creditCard, number: '4242424242424242' } });
    assert.match(suspect.body.reason as string, 'it looks like fraud: the card is one that is published for tests');
    assert.is(queued(), 1);

    const exits: (number | null)[] = [];
    for (const [at, service] of services.entries()) {
      service.kill(at === 0 ? 'SIGINT' : 'SIGTERM');
      exits.push(await service.ended());
      assert.not.match(service.output(), /4242424242424242|4539578763621486|kim@|Narva/);
    }
    assert.equal(exits, [0, 0, 0]);
  });
}

test('a service that is gone, or hangs, is no approval; only suggestions may be missing', async () => {
  for (const name of ['verification', 'fraud'] as const) {
    for (const signal of ['SIGKILL', 'SIGSTOP'] as const) {
      const service = await startCheck(name);
      const { post, queued } = openCheckout({ [name]: service.url, suggestions: service.url }, 1000);
      assert.is((await post()).status, 200);
      service.kill(signal);
      if (signal === 'SIGKILL') await service.ended();
      const { status, body } = await post();
      assert.equal(
        [status, (body.error as { reason: string }).reason],
        [503, 'check_unavailable'],
        `${name} ${signal}`,
      );
      assert.is(queued(), 1);
    }
  }
  const suggestions = await startCheck('suggestions', { words: ['--catalog', await startCatalog()] });
  const { post } = openCheckout({ suggestions: suggestions.url }, 1000);
  suggestions.kill('SIGSTOP');
  const { status, body } = await post();
  assert.equal([status, body.status, body.suggestedBooks], [200, 'Order Approved', []]);
});

test('a refusal does not wait for a service that hangs', async () => {
  const fraud = await startCheck('fraud');
  fraud.kill('SIGSTOP');
  const { post } = openCheckout({ fraud: fraud.url }, 60_000);
  const startMs = monotonicMs();
  const { body } = await post({ termsAccepted: false });
  assert.is(body.status, 'Order Rejected');
  assert.ok(monotonicMs() - startMs < 30_000);
});

test('what answers something else is no check', async () => {
  // An order's catalog answers, but not after this contract.
  const url = await startCatalog();
  const { post, queued } = openCheckout({ verification: url });
  const { status, body } = await post();
  assert.equal([status, (body.error as { reason: string }).reason], [503, 'check_unavailable']);
  assert.is(queued(), 0);
});

const run = (...words: string[]): { code: number | null; out: string; err: string } => {
  const { status, stdout, stderr } = spawnSync(join(projectFolder, 'bin/check-service'), words, {
    encoding: 'utf8',
    timeout: 60_000,
  });
  return { code: status, out: stdout, err: stderr };
};

test('the command explains itself, and says what is wrong with a call', async () => {
  const help = run('--help');
  assert.is(help.code, 0);
  assert.match(help.out, 'bin/check-service NAME --port P');
  for (const [words, problem] of [
    [['--port', '23500'], 'Cannot serve nothing: NAME must be verification, fraud or suggestions'],
    [['frauds', '--port', '23500'], 'Cannot serve "frauds": NAME must be verification, fraud or suggestions'],
    [['fraud'], 'Cannot serve without --port'],
    [['fraud', '--port', '70000'], '--port: "70000" is not a whole number from 0 to 65535'],
    [['suggestions', '--port', '0', '--catalog', 'here'], '--catalog: "here" is not an http or https address'],
  ] as const) {
    const { code, err } = run(...words);
    assert.is(code, 2, words.join(' '));
    assert.match(err, problem);
  }
});

test('a port that is taken is told', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = String(typeof address === 'object' && address?.port);
  const { code, err } = run('fraud', '--port', port);
  server.close();
  assert.is(code, 1);
  assert.is(err.trim(), `Cannot listen on 127.0.0.1 port ${port}: something else listens there already`);
});

test.run();
