/** The simulator over many seeds: every invariant holds, a seed repeats its history, and it finds what is planted. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type Rule, run } from './run.ts';

/** How many seeds; the environment may ask for more. */
const SEEDS = Number(process.env.SIM_SEEDS ?? 500);

/** Rules whose absence shows within so many seeds; the rarer ones are in mutations.slow.test.ts. */
const PLANTED_SEEDS_MAX = 150;
const planted: Rule[] = [
  'storeBeforeAck',
  'everyMemberAcks',
  'countUnion',
  'refuseLowerTerm',
  'electFromInSync',
  'lostStoreLeavesSet',
  'truncateOnlyOnConflict',
  'rollForward',
  'syncBeforeAnswer',
  'holdReplies',
  'fillVersionCheck',
  'cancelOnce',
  'secondName',
  'noteOnLast',
  'heaviestFirst',
  'inheritCheckouts',
  'ownOrderPerCheckout',
  'noteOnlySettled',
  'orderPerProduct',
  'recordBeforeGoingOn',
  'resumeFromNote',
  'oneKeyPerEvent',
];

const firstFailure = (rule: Rule, seedsMax: number): number | null => {
  for (let seed = 1; seed <= seedsMax; seed += 1) if (run({ seed, without: [rule] }).failure !== null) return seed;
  return null;
};

test(`every invariant holds in ${SEEDS} seeds, and they are eventful`, () => {
  const total: Record<string, number> = {};
  for (let seed = 1; seed <= SEEDS; seed += 1) {
    const { failure, counts, ticks } = run({ seed });
    const text = failure && `FAILED ${failure.invariant} ${failure.what} tick=${ticks}  again: bin/sim --seed ${seed}`;
    assert.is(text, null);
    for (const [what, times] of Object.entries(counts)) total[what] = (total[what] ?? 0) + times;
  }
  const eventful = ['crashes', 'crashes with unsynced lines', 'elections', 'hand-overs', 'held answers', 'truncations'];
  const made = [
    'orders answered with 200',
    'checkouts answered with 200',
    'checkouts found queued',
    'executions of checkouts',
    'cancellations answered with 200',
    'cancellations answered with 404',
    'notes',
    'dead letters sent again',
    'deliveries that came again',
  ];
  for (const what of [...eventful, ...made, 'lost stores', 'lost records', 'late copies']) {
    // Fewer seeds than this may happen to miss one.
    if (SEEDS >= 200)
      assert.ok((total[what] ?? 0) > SEEDS / 100, `${what}: only ${total[what] ?? 0} in ${SEEDS} seeds`);
  }
});

test('one seed is one history, line by line', () => {
  for (const seed of [1, 2, 3, 77]) {
    const histories = [0, 1].map(() => {
      const lines: string[] = [];
      const { ticks, counts } = run({ seed, onTrace: (line) => lines.push(line) });
      return `${lines.join('\n')}\n${ticks} ${JSON.stringify(counts)}`;
    });
    assert.ok(histories[0]?.includes('all faults end'), 'A history has its faults in it');
    assert.is(histories[0], histories[1]);
  }
});

test('tracing changes nothing', () => {
  const traced = run({ seed: 5, onTrace: () => {} });
  assert.equal(run({ seed: 5 }), traced);
});

for (const rule of planted) {
  test(`a core without the rule "${rule}" is found out`, () => {
    assert.is.not(firstFailure(rule, PLANTED_SEEDS_MAX), null);
  });
}

test.run();
