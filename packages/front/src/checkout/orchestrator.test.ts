import type { Verdict } from '@till/checks/check';
import type { Suggestions } from '@till/checks/contract';
import { DeadlineExceeded } from '@till/shared/clock';
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { soundDetails, soundFraudInput } from '../../../checks/test/sound.ts';
import { type Checks, createOrchestrator } from './orchestrator.ts';

const asked = { details: soundDetails({ year: 2031, month: 6 }), fraud: soundFraudInput() };
const book = { bookId: 'Anna', title: 'Anna', author: '' };
const LONG_MS = 20_000;

const refusal = (reason: string): Verdict => ({ ok: false, reason });
const passing: Checks = {
  verification: async () => ({ ok: true }),
  fraud: async () => ({ ok: true }),
  suggestions: async () => ({ books: [book] }),
};
/** Never answers, whatever happens to its signal. */
const hanging = (): Promise<never> => new Promise(() => {});

const orchestratorOf = (checks: Partial<Checks>, waitMs = LONG_MS) => {
  const failures: [string, unknown][] = [];
  const orchestrator = createOrchestrator({
    checks: { ...passing, ...checks },
    waitMs,
    onFailed: (check, error) => failures.push([check, error]),
  });
  return { ...orchestrator, failures };
};

test('approved when both pass, with what is suggested', async () => {
  const { judge, failures } = orchestratorOf({});
  assert.equal(await judge(asked), { kind: 'approved', books: [book] });
  assert.equal(failures, []);
});

test('each check gets its own part: the card goes to two of them, and not to the third', async () => {
  const inputs: Record<string, unknown> = {};
  const { judge } = orchestratorOf({
    verification: async (input) => {
      inputs.verification = input;
      return { ok: true };
    },
    fraud: async (input) => {
      inputs.fraud = input;
      return { ok: true };
    },
    suggestions: async (input) => {
      inputs.suggestions = input;
      return { books: [] };
    },
  });
  await judge(asked);
  assert.equal(inputs, { verification: asked.details, fraud: asked.fraud, suggestions: { items: ['Two Clocks'] } });
});

test('all are asked at the same time: each answers only when all were asked', async () => {
  let left = 3;
  const { promise: allAsked, resolve } = Promise.withResolvers<void>();
  const meet = async <Result>(result: Result): Promise<Result> => {
    left -= 1;
    if (left === 0) resolve();
    await allAsked;
    return result;
  };
  const { judge } = orchestratorOf({
    verification: () => meet<Verdict>({ ok: true }),
    fraud: () => meet<Verdict>({ ok: true }),
    suggestions: () => meet<Suggestions>({ books: [book] }),
  });
  assert.equal(await judge(asked), { kind: 'approved', books: [book] });
});

for (const refusing of ['verification', 'fraud'] as const) {
  test(`the others are cancelled when ${refusing} refuses, and nobody waits for them`, async () => {
    const cancelled: string[] = [];
    const cancellable =
      (name: string) =>
      (_: unknown, { signal }: { signal: AbortSignal }) => {
        signal.addEventListener('abort', () => cancelled.push(name));
        return hanging();
      };
    const { judge, failures } = orchestratorOf({
      verification: cancellable('verification'),
      fraud: cancellable('fraud'),
      suggestions: cancellable('suggestions'),
      [refusing]: async () => refusal('no'),
    });
    assert.equal(await judge(asked), { kind: 'refused', reason: 'no' });
    const others = ['verification', 'fraud', 'suggestions'].filter((name) => name !== refusing);
    assert.equal(cancelled, others);
    assert.equal(failures, []);
  });
}

test('one deadline for all: what does not answer in time is cancelled, and nothing is approved', async () => {
  for (const silent of ['verification', 'fraud'] as const) {
    let reason: unknown;
    const { judge, failures } = orchestratorOf(
      {
        [silent]: (_: unknown, { signal }: { signal: AbortSignal }) => {
          signal.addEventListener('abort', () => {
            reason = signal.reason;
          });
          return hanging();
        },
      },
      30,
    );
    assert.equal(await judge(asked), { kind: 'unavailable', check: silent, isFull: false });
    assert.instance(reason, DeadlineExceeded);
    assert.equal(failures, [[silent, reason]]);
  }
});

test('suggestions that fail, or do not come, are none', async () => {
  const failed = orchestratorOf({
    suggestions: async () => {
      throw new Error('as asked for');
    },
  });
  assert.equal(await failed.judge(asked), { kind: 'approved', books: [] });
  assert.equal(
    failed.failures.map(([check]) => check),
    ['suggestions'],
  );
  const silent = orchestratorOf({ suggestions: hanging }, 30);
  assert.equal(await silent.judge(asked), { kind: 'approved', books: [] });
  assert.equal(await silent.suggest({ items: [] }), []);
});

test('suggestions alone', async () => {
  assert.equal(await orchestratorOf({}).suggest({ items: ['Two Clocks'] }), [book]);
});

/** What a check does when its turn comes. */
type Turn = 'passes' | 'refuses' | 'fails';

test('in whatever order they answer: approved if both pass, refused if one refuses, else unavailable', async () => {
  const turn = fc.constantFrom<Turn>('passes', 'refuses', 'fails');
  await fc.assert(
    fc.asyncProperty(turn, turn, fc.boolean(), async (verification, fraud, isFraudFirst) => {
      const gates = { verification: Promise.withResolvers<void>(), fraud: Promise.withResolvers<void>() };
      const check = (name: 'verification' | 'fraud', does: Turn) => async (): Promise<Verdict> => {
        await gates[name].promise;
        if (does === 'fails') throw new Error('as asked for');
        return does === 'passes' ? { ok: true } : refusal(name);
      };
      const { judge } = orchestratorOf({
        verification: check('verification', verification),
        fraud: check('fraud', fraud),
      });
      const judging = judge(asked);
      for (const name of isFraudFirst ? (['fraud', 'verification'] as const) : (['verification', 'fraud'] as const)) {
        gates[name].resolve();
        await new Promise((resolve) => setImmediate(resolve));
      }
      const { kind } = await judging;
      const turns = [verification, fraud];
      const expected = turns.includes('refuses') ? 'refused' : turns.includes('fails') ? 'unavailable' : 'approved';
      assert.is(kind, expected);
    }),
    { numRuns: 60 },
  );
});

test.run();
