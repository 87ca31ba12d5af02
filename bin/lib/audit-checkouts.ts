/** The rules of checkouts: what was approved is executed at most once, as it stands. In which order, is not judged. */
import { hash } from 'node:crypto';
import type { CheckoutMovement, Line, OrderMovement, RejectionMovement } from '@till/shared/movement';
import type { Expect } from './audit-findings.ts';

export type CheckoutCounts = { queued: number; placed: number; refused: number };

export type CheckoutAudit = {
  take(movement: CheckoutMovement): void;
  /** Any order or refusal; most are the outcome of none. */
  takeOutcome(movement: OrderMovement | RejectionMovement): void;
  counts(): CheckoutCounts;
};

const CHECKOUT = 'checkout ';
/** In place of what a checkout is to buy, once it has its outcome. */
const DONE = '';

/** `isBlind` says whether a line that cannot be read came before, which may have been a checkout. */
export const createCheckoutAudit = (expect: Expect, isBlind: () => boolean): CheckoutAudit => {
  const checkouts = new Map<string, string>();
  const counts = { queued: 0, placed: 0, refused: 0 };

  return {
    take({ checkout: { id, lines, customer, card } }) {
      expect('journal.checkouts', !checkouts.has(id), () => `checkout ${JSON.stringify(id)} was recorded before`);
      // Not quoted: whatever it is, it is too much.
      expect('journal.form', /^\d{0,4}$/.test(card), () => 'keeps more of the card than its last four digits');
      checkouts.set(id, digestOf(lines, customer));
      counts.queued += 1;
    },
    takeOutcome({ kind, key, order }) {
      if (!key.startsWith(CHECKOUT)) return;
      const id = key.slice(CHECKOUT.length);
      const asked = checkouts.get(id);
      expect(
        'journal.checkouts',
        asked !== undefined || isBlind(),
        () => `an outcome of checkout ${JSON.stringify(id)}, which was not recorded before`,
      );
      if (asked === undefined) return;
      expect('journal.checkouts', asked !== DONE, () => `a second outcome of checkout ${JSON.stringify(id)}`);
      if (asked === DONE) return;
      const isSame = order.type !== 'sell' && digestOf(order.lines, order.customer) === asked;
      expect('journal.checkouts', isSame, () => `checkout ${JSON.stringify(id)} asked for something else`);
      checkouts.set(id, DONE);
      counts.queued -= 1;
      counts[kind === 'order' ? 'placed' : 'refused'] += 1;
    },
    counts: () => counts,
  };
};

/** Of one size, however many lines there are: 32 bytes in a string. */
const digestOf = (lines: Line[], customer: string | undefined): string => {
  const asked = [customer ?? null, ...lines.map(({ name, quantity }) => [name, quantity])];
  return hash('sha256', JSON.stringify(asked), 'binary');
};
