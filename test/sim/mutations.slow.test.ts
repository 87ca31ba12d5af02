/**
 * Every rule of the cores can be switched off, and then the simulator must find the loss: this is what shows that the
 * simulator looks where it must, and that no rule is only believed in.
 */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { RULES, type Rule, run } from './run.ts';
import type { Theme } from './themes.ts';

const SEEDS_MAX = 6000;

/** What the rarer losses need most of. */
const themes: Partial<Record<Rule, Theme>> = {
  timeoutIsNoAnswer: 'sets',
  waitForGrant: 'sets',
  growNeedsTermStart: 'lives',
  incarnationInAcks: 'lives',
  heaviestFirst: 'checkouts',
  checkoutsAge: 'checkouts',
  inheritCheckouts: 'checkouts',
  ownOrderPerCheckout: 'checkouts',
  noteOnLast: 'deliveries',
  noteOnlySettled: 'deliveries',
  orderPerProduct: 'deliveries',
  recordBeforeGoingOn: 'deliveries',
  holdWhileSentAgain: 'deliveries',
  keepUntilBehind: 'deliveries',
  resumeFromNote: 'deliveries',
  oneKeyPerEvent: 'deliveries',
  ownNotesOnly: 'deliveries',
};

/** Second lines of defence: nothing is lost without them as long as the first line stands. */
const secondLines: Partial<Record<Rule, string>> = {
  incarnationInProposal:
    'a run that registers makes a new version, so casOnVersion refuses a proposal that names the old run',
  grantNamesRun:
    'a run that has led a term has its record on disk, and no run takes a record that is not newer than its own',
};

for (const rule of RULES) {
  if (secondLines[rule] !== undefined) continue;
  test(`without the rule "${rule}" something is lost`, () => {
    let found: string | null = null;
    for (let seed = 1; seed <= SEEDS_MAX && found === null; seed += 1) {
      const { failure } = run({ seed, without: [rule], theme: themes[rule] });
      if (failure !== null) found = `${failure.invariant} at seed ${seed}: ${failure.what}`;
    }
    assert.is.not(found, null, `${SEEDS_MAX} seeds without "${rule}" lose nothing`);
  });
}

test('only rules that exist are second lines', () => {
  for (const rule of Object.keys(secondLines))
    assert.ok(
      RULES.some((name) => name === rule),
      rule,
    );
});

test.run();
