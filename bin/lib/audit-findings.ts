/** What an audit finds, kept within bounds: a file that is damaged throughout must not fill the memory. */

/** Every rule that an audit checks, in the order in which it is told. */
export const rules = Object.freeze({
  'journal.lines': 'every line of the journal is undamaged and chained to the one before it',
  'journal.form': 'every movement has the promised form',
  'journal.sequence': 'movements are numbered from 1 without gaps',
  'journal.seed': 'the first movement, and only that, is the seed',
  'journal.stock': 'each movement begins with the stock that the one before it left, and none falls below zero',
  'journal.totals':
    'stock is what it started with, plus restocks and sales to the shop, minus purchases, plus what was cancelled',
  'journal.numbers': 'order numbers run from 0 without gaps',
  'journal.keys': 'no key was decided twice, under whichever of its names',
  'journal.identities':
    'an order id, a checkout or a cancellation has the key that names it, and nothing else has such a key',
  'journal.rejections': 'orders were refused only where stock was short, and moved nothing',
  'journal.cancels':
    'each cancellation gives back exactly what one earlier order took, and no order is cancelled twice',
  'journal.checkouts': 'each checkout stands once and has at most one outcome, later and of the same lines',
  'journal.restocks': 'a sold-out product was refilled at most once for each time that it sold out',
  'journal.terms': 'the term rises at a fence, and never falls',
  'journal.time': 'time never falls',
  'outbox.notes': 'what a sink has settled never falls, and never goes beyond what was there',
  'outbox.events': 'dead letters are earlier movements of stock, each told once',
  'outbox.letters': 'a dead letter was not settled before, and goes only if it was asked for again',
  'log.lines': 'every line of every log is undamaged and chained to the one before it',
  'log.form': 'every entry has the promised form',
  'log.index': 'entries are numbered from 1 without gaps',
  'log.terms': 'each term begins with its first entry, and terms never fall',
  'log.movements': 'each log holds the movements in sequence without gaps',
  'log.journal': 'each log holds the movements as the journal has them, byte for byte',
  'logs.agree': 'the logs are equal, byte for byte, as far as they go',
  'files.segments': 'the files of the journal and of each log follow one another without a gap or an overlap',
  'files.indexes': 'what an index says of its segment is so',
  'files.snapshot': 'what the snapshot says is what the journal comes to',
  'cluster.records': 'the cluster records follow one another, and their terms never fall',
  'cluster.states': 'no file tells of a later term or another store than the cluster record',
  'cluster.members': 'every replica that counts as in sync holds what it must',
});
export type Rule = keyof typeof rules;

export type Finding = { rule: Rule; detail: string };

/** Checks a rule at one place. `detail` says what is wrong there. */
export type Expect = (rule: Rule, holds: boolean, detail: () => string) => void;

export type Findings = {
  problem(rule: Rule, detail: string): void;
  /** Worth knowing, and nothing wrong with it. */
  note(detail: string): void;
  /** How many places a rule was checked at. */
  checked(rule: Rule, count?: number): void;
  problems(): Finding[];
  notes(): string[];
  /** One line for each rule. */
  lines(): string[];
};

const PROBLEMS_KEPT_MAX = 100;
const NOTES_KEPT_MAX = 100;

export const createFindings = (): Findings => {
  const kept = new Map<Rule, string[]>();
  const problemCounts = new Map<Rule, number>();
  const checks = new Map<Rule, number>();
  const notes: string[] = [];
  const ruleNames = Object.keys(rules) as Rule[];

  const problemsOf = (rule: Rule): string[] => {
    const details = kept.get(rule) ?? [];
    const more = (problemCounts.get(rule) ?? 0) - details.length;
    return more > 0 ? [...details, `and ${more} more of this kind`] : details;
  };

  return {
    problem(rule, detail) {
      problemCounts.set(rule, (problemCounts.get(rule) ?? 0) + 1);
      const details = kept.get(rule) ?? [];
      if (details.length < PROBLEMS_KEPT_MAX) details.push(detail);
      kept.set(rule, details);
    },
    note(detail) {
      if (notes.length < NOTES_KEPT_MAX) notes.push(detail);
    },
    checked(rule, count = 1) {
      checks.set(rule, (checks.get(rule) ?? 0) + count);
    },
    problems: () => ruleNames.flatMap((rule) => problemsOf(rule).map((detail) => ({ rule, detail }))),
    notes: () => notes,
    lines: () =>
      ruleNames.map((rule) => {
        const count = problemCounts.get(rule) ?? 0;
        const verdict = count > 0 ? 'FAIL' : checks.has(rule) ? 'ok  ' : 'none';
        const extent = count > 0 ? `${count} problems` : `${checks.get(rule) ?? 0} checked`;
        return `${verdict} ${rule.padEnd(18)} ${rules[rule]} (${extent})`;
      }),
  };
};
