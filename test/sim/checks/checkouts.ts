/**
 * The queue of checkouts, as the journal tells it (I17): each checkout has at most one outcome, which is its own order or
 * refusal; a leader executes the heaviest of those that wait in its log; and over all leaders nobody is overtaken by a
 * later one that weighs no more.
 */
import { checkoutKey, checkoutOf } from '@till/shared/keys';
import type { CheckoutMovement, OrderMovement, PlacedOrder, RejectionMovement } from '@till/shared/movement';
import { mustHold } from '../violation.ts';

type Outcome = OrderMovement | RejectionMovement;
export type KnownCheckout = { movement: CheckoutMovement; outcome: Outcome | null };
type Checkout = KnownCheckout & { arrival: number; rank: number };

export type CheckoutsCheck = {
  /** The journal has a checkout. */
  queued(movement: CheckoutMovement): void;
  /** The journal has an order or a refusal; most are of no checkout. */
  decided(movement: Outcome): void;
  /** A leader whose log holds everything up to a sequence is going to execute these, of at most so many. */
  chosen(leader: number, choice: { orders: readonly PlacedOrder[]; logEnd: number; most: number }): void;
  byId(id: string): KnownCheckout | undefined;
  /** How many have no outcome. */
  waiting(): number;
};

/** `perBook`: how many later checkouts weigh as much as one book. */
export const createCheckoutsCheck = (perBook: number): CheckoutsCheck => {
  const byId = new Map<string, Checkout>();
  const arrivals: Checkout[] = [];
  /** All before this place have an outcome. */
  let settled = 0;

  const settle = (): void => {
    while (arrivals[settled]?.outcome != null) settled += 1;
  };

  return {
    queued: (movement) => {
      const { id, lines } = movement.checkout;
      mustHold(!byId.has(id), 'I17', () => `checkout ${id} is queued at ${movement.sequence} again`);
      const books = lines.reduce((sum, { quantity }) => sum + quantity, 0);
      const arrival = arrivals.length;
      const checkout: Checkout = { movement, outcome: null, arrival, rank: books * perBook - arrival };
      byId.set(id, checkout);
      arrivals.push(checkout);
    },
    decided: (movement) => {
      const id = checkoutOf(movement.key);
      if (id === null) return;
      const checkout = byId.get(id);
      mustHold(
        checkout !== undefined,
        'I17',
        () => `movement ${movement.sequence} executes ${id}, which nobody queued`,
      );
      mustHold(checkout.outcome === null, 'I17', () => `checkout ${id} has a second outcome at ${movement.sequence}`);
      const { lines, customer } = checkout.movement.checkout;
      const isSame =
        JSON.stringify(movement.order.lines) === JSON.stringify(lines) && movement.order.customer === customer;
      mustHold(isSame, 'I17', () => `movement ${movement.sequence} executes something else than checkout ${id}`);
      checkout.outcome = movement;
      for (let at = settled; at < checkout.arrival; at += 1) {
        const earlier = arrivals[at];
        if (earlier === undefined || earlier.outcome !== null) continue;
        const isOutranked = checkout.rank > earlier.rank;
        mustHold(
          isOutranked,
          'I17',
          () => `checkout ${id} overtakes ${earlier.movement.checkout.id} and weighs no more`,
        );
      }
      settle();
    },
    chosen: (leader, { orders, logEnd, most }) => {
      const waiting = arrivals
        .filter(({ movement, outcome }) => movement.sequence <= logEnd && (outcome?.sequence ?? Infinity) > logEnd)
        .sort((one, other) => other.rank - one.rank || one.arrival - other.arrival);
      const expected = waiting.slice(0, most).map(({ movement }) => checkoutKey(movement.checkout.id));
      const actual = orders.map(({ key }) => key);
      mustHold(
        JSON.stringify(actual) === JSON.stringify(expected),
        'I17',
        () => `replica ${leader} executes ${actual.join(', ')}, and its log has ${expected.join(', ')} waiting first`,
      );
    },
    byId: (id) => byId.get(id),
    waiting: () => arrivals.slice(settled).filter(({ outcome }) => outcome === null).length,
  };
};
