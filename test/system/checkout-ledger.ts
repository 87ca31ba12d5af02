/**
 * What the journal says of checkouts, read without any code of Till: what each asks for, how manieth it came, what became
 * of it, and whether those that were executed had waited in the promised order.
 */
import * as assert from 'uvu/assert';
import { type Line, readJournal } from './ledger.ts';
import { until } from './until.ts';

export type JournalCheckout = {
  id: string;
  key: string;
  lines: Line[];
  card: string;
  /** How many of whatever it asks for. */
  books: number;
  /** How manieth checkout of the journal it is, from 0. */
  arrival: number;
  sequence: number;
  /** One, or none while it waits; `number` is null if it was refused. */
  outcomes: { sequence: number; number: number | null }[];
};

export const readCheckouts = (dataFolder: string): JournalCheckout[] => {
  const checkouts = new Map<string, JournalCheckout>();
  for (const { sequence, kind, key = '', checkout, number = null } of readJournal(dataFolder)) {
    if (kind === 'checkout' && checkout !== undefined) {
      const { id, lines, card } = checkout;
      const books = lines.reduce((sum, { quantity }) => sum + quantity, 0);
      checkouts.set(id, { id, key, lines, card, books, arrival: checkouts.size, sequence, outcomes: [] });
    } else if ((kind === 'order' || kind === 'rejection') && key.startsWith('checkout ')) {
      const executed = checkouts.get(key.slice('checkout '.length));
      assert.ok(executed !== undefined, `movement ${sequence} executes a checkout that nobody queued`);
      executed.outcomes.push({ sequence, number });
    }
  }
  return [...checkouts.values()];
};

export const waitingOf = (checkouts: JournalCheckout[]): JournalCheckout[] =>
  checkouts.filter(({ outcomes }) => outcomes.length === 0);

/** Waits until none waits. */
export const allExecuted = (dataFolder: string): Promise<JournalCheckout[]> =>
  until('every checkout is executed', () => {
    const checkouts = readCheckouts(dataFolder);
    return waitingOf(checkouts).length === 0 && checkouts;
  });

/** In the order in which they were executed. */
export const inOrderOfExecution = (checkouts: JournalCheckout[]): JournalCheckout[] =>
  checkouts.filter(({ outcomes }) => outcomes.length > 0).sort((one, other) => endOf(one) - endOf(other));

const endOf = ({ outcomes: [first] }: JournalCheckout): number => first?.sequence ?? Number.POSITIVE_INFINITY;

/** Later ones that join behind a checkout count, ten of them like a book. */
const JOINED_PER_BOOK = 10;

/** The order in which those that wait at the same time are to be executed. */
export const byPriority = (one: JournalCheckout, other: JournalCheckout): number => {
  const moreJoined = other.arrival - one.arrival;
  const heavier = (one.books - other.books) * JOINED_PER_BOOK + moreJoined;
  return heavier === 0 ? one.arrival - other.arrival : -heavier;
};

/**
 * For a queue that is executed one by one: each was the first of all that waited then. A leader chooses when the outcome
 * of the one before is committed, so it knew at least all that the journal had up to there.
 */
export const assertOneByOne = (checkouts: JournalCheckout[]): void => {
  const executed = inOrderOfExecution(checkouts);
  for (const [place, one] of executed.entries()) {
    const before = executed[place - 1];
    if (before === undefined) continue;
    const known = checkouts.filter((other) => other.sequence < endOf(before) && endOf(other) >= endOf(one));
    // What was queued since may have been chosen already if it is first even so, and need not have been.
    const [first] = known.sort(byPriority);
    if (first === undefined || byPriority(one, first) <= 0) continue;
    assert.unreachable(
      `${place} in the order of execution: ${shown(one)} went before ${shown(first)}, which had waited`,
    );
  }
};

const shown = ({ id, books, arrival, sequence }: JournalCheckout): string =>
  `${id} (${books} books, arrival ${arrival}, sequence ${sequence})`;
