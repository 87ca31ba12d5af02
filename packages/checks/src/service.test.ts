import { CallError, type Client, createClient } from '@till/shared/client';
import { wallMs } from '@till/shared/clock';
import { silentLogger } from '@till/shared/logger';
import type { Listening } from '@till/shared/serve';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { startJournalServer } from '../test/catalog.ts';
import { bought, createMemoryJournal, product } from '../test/journal.ts';
import { soundDetails, soundFraudInput } from '../test/sound.ts';
import { checksContract } from './contract.ts';
import { monthOf } from './expiry.ts';
import type { CheckName } from './names.ts';
import { startCheckService } from './service.ts';

const NOWHERE = 'http://127.0.0.1:1';
const closers: (() => Promise<void>)[] = [];
test.after.each(async () => {
  for (const close of closers.splice(0)) await close();
});

const start = async (
  name: CheckName,
  catalogUrl = NOWHERE,
): Promise<{ server: Listening; calls: Client<typeof checksContract> }> => {
  const server = await startCheckService({ name, port: 0, catalogUrl, logger: silentLogger });
  const calls = createClient(checksContract, { url: server.url });
  closers.push(() => calls.close(), server.close);
  return { server, calls };
};

const today = () => monthOf(wallMs());

test('verification alone', async () => {
  const { calls, server } = await start('verification');
  assert.equal(await calls.verify({ body: soundDetails(today()) }), { ok: true });
  const refused = { ok: false, reason: 'Cannot check out before the terms are accepted' };
  assert.equal(await calls.verify({ body: { ...soundDetails(today()), termsAccepted: false } }), refused);
  const metrics = await (await fetch(`${server.url}/metrics`)).text();
  assert.match(metrics, /till_checks_total\{[^}]*check="verification"[^}]*result="passed"[^}]*\} 1/);
  assert.match(metrics, /till_checks_total\{[^}]*check="verification"[^}]*result="refused"[^}]*\} 1/);
});

test('fraud detection alone', async () => {
  const { calls } = await start('fraud');
  assert.equal(await calls.detect({ body: soundFraudInput() }), { ok: true });
  const { ok } = await calls.detect({ body: { ...soundFraudInput(), cardNumber: '4242424242424242' } });
  assert.is(ok, false);
});

test('suggestions alone, from the journal of a catalog', async () => {
  const journal = createMemoryJournal();
  journal.add({ kind: 'seed', products: ['Anna', 'Bella', 'Carla'].map((name) => product(name)) });
  journal.add(bought('Anna', 'Carla'));
  const catalog = await startJournalServer(journal);
  closers.push(catalog.close);
  const { calls, server } = await start('suggestions', catalog.url);
  assert.equal(await calls.suggest({ body: { items: ['Anna'] } }), {
    books: [
      { bookId: 'Carla', title: 'Carla', author: '' },
      { bookId: 'Bella', title: 'Bella', author: '' },
    ],
  });
  assert.is((await fetch(`${server.url}/readyz`)).status, 200);
});

test('suggestions are not ready without a catalog', async () => {
  const { calls, server } = await start('suggestions');
  const rejection = await calls.suggest({ body: { items: [] } }).catch((error) => error);
  assert.instance(rejection, CallError);
  assert.equal([rejection.status, rejection.reason], [503, 'catalog_away']);
  const ready = await fetch(`${server.url}/readyz`);
  assert.is(ready.status, 503);
  assert.is(((await ready.json()) as { error: { reason: string } }).error.reason, 'catalog_away');
});

test('a service answers for its own check only, and like every service', async () => {
  const { calls, server } = await start('fraud');
  const rejection = await calls.suggest({ body: { items: [] } }).catch((error) => error);
  assert.equal([rejection.status, rejection.reason], [404, 'unknown_route']);
  assert.is((await fetch(`${server.url}/healthz`)).status, 200);
  assert.is((await fetch(`${server.url}/readyz`)).status, 200);
  assert.is((await fetch(`${server.url}/detect`)).status, 405);
});

test('a body that is not what was agreed on is refused without being quoted', async () => {
  const { server } = await start('fraud');
  for (const body of [
    '{"cardNumber":4539578763621486',
    JSON.stringify({ ...soundFraudInput(), cardNumber: 4539578763621486 }),
    JSON.stringify({ ...soundFraudInput(), contact: 'kim@example.com'.repeat(20) }),
  ]) {
    const response = await fetch(`${server.url}/detect`, { method: 'POST', body });
    assert.is(response.status, 400);
    assert.not.match(await response.text(), /4539|kim@/);
  }
});

test('a port that is taken is told', async () => {
  const { server } = await start('fraud');
  const { port } = server;
  const rejection = await startCheckService({
    name: 'suggestions',
    port,
    catalogUrl: NOWHERE,
    logger: silentLogger,
  }).catch((error) => error);
  assert.match(rejection.message, `Cannot listen on 127.0.0.1 port ${port}`);
});

test.run();
