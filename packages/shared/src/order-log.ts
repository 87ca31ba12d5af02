/**
 * What each service says of each order's way, for `bin/trace`: one line of the log for each step, with the order's key, and
 * with its number, sequence, index and term as soon as they are known. Whoever is to say it asks once for a batch
 * whether there is such a log at all. Nobody is named: neither the customer nor what a card has.
 */
import type { Config } from './config.ts';
import type { Logger } from './logger.ts';
import type { Movement, Outcome, Placed } from './movement.ts';

/** The message of every such line. */
export const ORDER_STEP = 'order step';

/** An event of the outbox, and to whom it goes. */
export type DeliveryStep = { sequence: number; sink: string; attempts: number };

export type OrderLog = {
  /** The front has taken it in, and will ask the leader. */
  received(placed: Placed): void;
  /** The front has the outcome to answer with. */
  answered(placed: Placed, outcome: Outcome): void;
  /** The front has no outcome to answer with. */
  unanswered(placed: Placed, reason: string): void;
  /** The front sends a batch again. A reason that stays the same is said once for each order. */
  retried(batch: readonly Placed[], reason: string): void;
  /** The leader of a term has taken a batch in, to have it decided. */
  proposed(term: number, batch: readonly Placed[]): void;
  /** The catalog has decided it, and its movements are on the catalog's disk; or the leader has heard so. */
  decided(term: number, outcomes: readonly Outcome[]): void;
  /** Entries, given as their lines, are on this replica's disk. */
  stored(entries: readonly { line: string }[]): void;
  /** Entries, given as their lines, are on the disk of every in-sync replica. */
  committed(entries: readonly { line: string }[]): void;
  /** A sink of the outbox has taken the event. */
  delivered(delivery: DeliveryStep): void;
  /** A sink of the outbox has not taken the event: it is tried again, or given up. */
  failed(delivery: DeliveryStep & { error: string }): void;
};

/** null unless LOG_ORDERS is on. */
export const createOrderLog = (
  { logOrders }: Pick<Config, 'logOrders'>,
  logger: Pick<Logger, 'info'>,
): OrderLog | null => {
  if (!logOrders) return null;
  const retries = new WeakMap<Placed, string>();
  const say = (step: string, fields: object): void => logger.info({ step, ...fields }, ORDER_STEP);

  const sayPlaced = (step: string, batch: readonly Placed[], fields: object): void => {
    for (const placed of batch) if (!('note' in placed)) say(step, { ...namesOf(placed), ...fields });
  };
  const sayEntries = (step: string, entries: readonly { line: string }[]): void => {
    for (const { line } of entries) {
      const { index, term, movement } = JSON.parse(line) as { index: number; term: number; movement?: Movement };
      const names = movement === undefined ? null : namesIn(movement);
      if (names !== null) say(step, { ...names, index, term });
    }
  };

  return {
    received: (placed) => sayPlaced('received', [placed], {}),
    answered: (placed, { key: _, ...outcome }) => sayPlaced('answered', [placed], outcome),
    unanswered: (placed, reason) => sayPlaced('answered', [placed], { status: 'unavailable', reason }),
    retried(batch, reason) {
      const fresh = batch.filter((placed) => retries.get(placed) !== reason);
      for (const placed of fresh) retries.set(placed, reason);
      sayPlaced('retried', fresh, { reason });
    },
    proposed: (term, batch) => sayPlaced('proposed', batch, { term }),
    decided(term, outcomes) {
      for (const outcome of outcomes) {
        if (outcome.status !== 'noted' && outcome.status !== 'stale') say('decided', { ...outcome, term });
      }
    },
    stored: (entries) => sayEntries('stored', entries),
    committed: (entries) => sayEntries('committed', entries),
    delivered: ({ sequence, sink, attempts }) => say('delivered', { sequence, sink, attempts }),
    failed: ({ sequence, sink, attempts, error }) => say('failed', { sequence, sink, attempts, error }),
  };
};

/** What tells one thing that was placed from all others. */
const namesOf = (placed: Exclude<Placed, { note: unknown }>): object => {
  if ('cancel' in placed) return { kind: 'cancel', key: placed.key, of: placed.cancel.of };
  const asked = placed.onlyIfKnown === true ? { onlyIfKnown: true } : {};
  if ('checkout' in placed) return { kind: 'checkout', key: placed.key, checkout: placed.checkout.id, ...asked };
  const { key, alsoKey } = placed;
  return { kind: 'order', key, ...(alsoKey === undefined ? {} : { alsoKey }), ...asked };
};

/** The same of a movement; null for one that is no order's. */
const namesIn = (movement: Movement): object | null => {
  const { kind, sequence } = movement;
  switch (kind) {
    case 'order':
    case 'rejection': {
      const { key, alsoKey } = movement;
      const number = kind === 'order' ? { number: movement.number } : {};
      return { kind, key, ...(alsoKey === undefined ? {} : { alsoKey }), ...number, sequence };
    }
    case 'cancel':
      return { kind, key: movement.key, of: movement.of, number: movement.number, sequence };
    case 'checkout':
      return { kind, key: movement.key, checkout: movement.checkout.id, sequence };
    default:
      return null;
  }
};
