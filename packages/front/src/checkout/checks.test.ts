import { createMetrics } from '@till/shared/metrics';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { soundDetails, soundFraudInput } from '../../../checks/test/sound.ts';
import { startRawServer } from '../../../shared/test/raw-server.ts';
import { createChecks } from './checks.ts';
import { createOrchestrator } from './orchestrator.ts';

const closing: (() => Promise<void>)[] = [];
test.after.each(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

test('a service that takes questions and never answers is down after a few, and is not asked for a while', async () => {
  let requests = 0;
  const server = await startRawServer(() => {
    requests += 1;
  });
  const words: string[] = [];
  const log = (_: unknown, text: string) => {
    words.push(text);
  };
  const metrics = createMetrics('front');
  const waitMs = 400;
  const { checks, close } = createChecks({
    urls: { verification: null, fraud: server.url, suggestions: null },
    history: async () => ({ lines: [], more: false }),
    waitMs,
    metrics,
    logger: { info: log, warn: log } as unknown as Parameters<typeof createChecks>[0]['logger'],
  });
  closing.push(server.close, close);
  const { judge } = createOrchestrator({ checks, waitMs, onFailed: () => {} });
  const ask = async () => {
    const asked = { details: soundDetails({ year: 2031, month: 6 }), fraud: soundFraudInput() };
    assert.equal(await judge(asked), { kind: 'unavailable', check: 'fraud', isFull: false });
  };
  for (let times = 0; times < 5; times += 1) await ask();
  const before = requests;
  assert.ok(before > 0);
  for (let times = 0; times < 5; times += 1) await ask();
  assert.is(requests, before, 'it is not asked any more');
  assert.is(words.filter((text) => text.includes('the service of a check is down')).length, 1);
  const text = await metrics.text();
  assert.match(text, /till_checks_total\{[^}]*check="fraud"[^}]*result="failed"[^}]*\} 10/);
  assert.not.match(text, /check="fraud"[^}]*result="cancelled"/);
});

test.run();
