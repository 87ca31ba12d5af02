/** The deterministic simulator: histories out of seeds, and the invariants that must hold in each. */
import { type Campaign, runCampaign } from '../test/sim/campaign.ts';
import { RULES, type Rule } from '../test/sim/run.ts';
import { THEMES, type Theme } from '../test/sim/themes.ts';
import { exitCodes, readOptions, runCommand, say, UsageError, wholeNumber } from './lib/command.ts';

const help = `
bin/sim [options]

Runs the pure cores of Till on a virtual network, virtual disks and a virtual clock, with crashes, pauses, cuts, lost,
doubled and late messages, and checks the invariants of docs/replication.md after every step. A seed decides everything:
the same seed is the same history.

  --seed N        only this seed
  --start N       the first seed (1)
  --count N       how many seeds (500)
  --trace         prints every event
  --theme THEME   what every run is about: ${THEMES.join(', ')}; else the seed chooses
  --mutate RULE   switches a rule of the cores off; then a failure is what one looks for
  --keep-going    goes on after a failure

Rules: ${RULES.join(', ')}.

A failure says how to see it again, and --trace shows how it came to it.

Exit code: 0 every invariant held; 1 one did not; 2 wrong options.
`;

const SEED_MAX = 2 ** 32 - 1;
const COUNT = 500;

const ruleOf = (text: string): Rule => {
  const rule = RULES.find((name) => name === text);
  if (rule === undefined) throw new UsageError(`--mutate: ${JSON.stringify(text)} is not a rule`);
  return rule;
};

const themeOf = (text: string): Theme => {
  const theme = THEMES.find((name) => name === text);
  if (theme === undefined) throw new UsageError(`--theme: ${JSON.stringify(text)} is not one of ${THEMES.join(', ')}`);
  return theme;
};

const campaignOf = (words: string[]): Campaign => {
  const { options } = readOptions(words, {
    seed: { type: 'string' },
    start: { type: 'string' },
    count: { type: 'string' },
    trace: { type: 'boolean' },
    theme: { type: 'string' },
    mutate: { type: 'string' },
    'keep-going': { type: 'boolean' },
  });
  const { seed, start, count } = options;
  if (seed !== undefined && (start !== undefined || count !== undefined)) {
    throw new UsageError('--seed: cannot be combined with --start or --count');
  }
  const number = (option: string, text: string) =>
    wholeNumber(option, text, { min: option === 'count' ? 1 : 0, max: SEED_MAX });
  return {
    start: seed !== undefined ? number('seed', seed) : start !== undefined ? number('start', start) : 1,
    count: seed !== undefined ? 1 : count !== undefined ? number('count', count) : COUNT,
    without: options.mutate === undefined ? [] : [ruleOf(options.mutate)],
    theme: options.theme === undefined ? undefined : themeOf(options.theme),
    tracing: options.trace === true,
    keepGoing: options['keep-going'] === true,
    say,
  };
};

await runCommand(help, async (words) => (runCampaign(campaignOf(words)) === 0 ? exitCodes.done : exitCodes.failed));
