/**
 * What was told of checkouts (K11): one that was queued is never lost, and whoever saw its outcome never sees another one,
 * or none.
 */
import type { Line, StoredCheckout } from '@till/shared/movement';
import type { JournalCheck } from '../checks/journal.ts';
import type { CheckoutReply, FindReply } from '../nodes/orders.ts';
import { mustHold } from '../violation.ts';
import type { Told } from './told.ts';

/** A checkout that a client wants made. */
export type Basket = { key: string; lines: Line[]; customer: string };

export type SentCheckout = { basket: Basket; floor: number; before: string | null };
export type AskedCheckout = { id: string; wasKnown: boolean; wasSettled: boolean };

export type CheckoutsHistory = {
  sending(basket: Basket): SentCheckout;
  answered(sent: SentCheckout, reply: CheckoutReply): void;
  /** Ids that somebody was told. */
  ids(): readonly string[];
  asking(id: string): AskedCheckout;
  found(asked: AskedCheckout, reply: FindReply<StoredCheckout>): void;
};

export const createCheckoutsHistory = (options: {
  journal: JournalCheck;
  products: ReadonlySet<string>;
  told: Told;
  /** Told of the number of each order that a checkout has become. */
  acknowledge: (number: number) => void;
}): CheckoutsHistory => {
  const { journal, products, told } = options;
  const idOf = new Map<string, string>();
  const floors = new Map<string, number>();
  const ids: string[] = [];
  const known = new Set<string>();
  const settled = new Set<string>();

  const isSame = (basket: Basket, lines: Line[], customer: string): boolean =>
    customer === basket.customer && linesText(lines) === linesText(basket.lines);

  return {
    sending: (basket) => {
      const floor = floors.get(basket.key) ?? told.highest();
      floors.set(basket.key, floor);
      return { basket, floor, before: idOf.get(basket.key) ?? null };
    },
    answered: ({ basket, floor, before }, reply) => {
      const { key, status } = reply;
      const text = (): string => `the checkout ${key} is answered with ${JSON.stringify(reply)}`;
      if (status === 503) return;
      const decided = journal.byKey(key);
      if (status === 404) {
        mustHold(!basket.lines.every(({ name }) => products.has(name)), 'K11', text);
        return;
      }
      if (status === 422) {
        const { lines, customer } = decided?.kind === 'checkout' ? decided.checkout : { lines: [], customer: '' };
        mustHold(decided !== undefined && !isSame(basket, lines, customer), 'K11', text);
        return;
      }
      mustHold(status === 200, 'K11', text);
      const { id, replayed } = reply;
      mustHold(decided?.kind === 'checkout' && decided.checkout.id === id, 'K11', text);
      mustHold(isSame(basket, decided.checkout.lines, decided.checkout.customer), 'K11', text);
      mustHold(decided.sequence > floor, 'K6', () => `${text()}, was sent after ${floor}, has ${decided.sequence}`);
      mustHold(before === null || (before === id && replayed), 'K11', () => `${text()}, was ${before} before`);
      idOf.set(key, id);
      if (!known.has(id)) ids.push(id);
      known.add(id);
      told.tell(decided.sequence);
    },
    ids: () => ids,
    asking: (id) => ({ id, wasKnown: known.has(id), wasSettled: settled.has(id) }),
    found: ({ id, wasKnown, wasSettled }, reply) => {
      const text = (): string => `checkout ${id} is found as ${JSON.stringify(reply)}`;
      if (reply.status === 503) return;
      if (reply.status === 404) {
        mustHold(!wasKnown, 'K11', text);
        return;
      }
      const { found } = reply;
      const checkout = journal.checkouts.byId(id);
      mustHold(found.id === id && checkout !== undefined, 'K11', text);
      const { movement, outcome } = checkout;
      mustHold(JSON.stringify(found.checkout) === JSON.stringify(movement.checkout), 'K11', text);
      told.tell(found.sequence);
      if (found.state === 'queued') {
        mustHold(!wasSettled, 'K11', () => `${text()}, and had an outcome`);
        mustHold(found.sequence === movement.sequence, 'K11', text);
        return;
      }
      settled.add(id);
      mustHold(found.sequence === outcome?.sequence, 'K11', text);
      if (found.state === 'refused') {
        mustHold(outcome.kind === 'rejection' && found.message === outcome.message, 'K11', text);
        return;
      }
      mustHold(outcome.kind === 'order' && found.number === outcome.number, 'K11', text);
      options.acknowledge(found.number);
    },
  };
};

/** Names may be sent in any case. */
const linesText = (lines: Line[]): string =>
  JSON.stringify(lines.map(({ name, quantity }) => [name.toUpperCase(), quantity]));
