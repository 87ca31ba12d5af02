/**
 * The queue of approved checkouts: which one is executed next. A checkout waits in the log; it is executed as an order
 * under a key of its own, so that it has one outcome whoever executes it, and however often.
 *
 * Priority is the number of books, and ageing: a checkout that `checkoutsPerBook` later ones have joined behind weighs one
 * book more. All that wait age alike, so the order between two of them never changes: `books * checkoutsPerBook - arrival`
 * is the same comparison, needs no clock, and says at once that nothing starves: it can be overtaken only by those that
 * arrive within `checkoutsPerBook` times the difference in books.
 */
import { assert } from '@till/shared/assert';
import { fingerprintOf } from '@till/shared/fingerprint';
import { checkoutKey } from '@till/shared/keys';
import type { Order, Outcome, PlacedOrder } from '@till/shared/movement';
import TinyQueue from 'tinyqueue';
import type { Waiting } from './contents.ts';
import { ofKind } from './find.ts';
import { type Leadership, type Replica, recordOf } from './state.ts';

export type CheckoutQueue = {
  heap: TinyQueue<Waiting>;
  /** Checkouts of the log that have been looked at, those that wait are in the heap. */
  seen: number;
  /** What is being executed has no outcome yet, or it is not committed. */
  executing: boolean;
};

export const createCheckoutQueue = ({ limits, log, without }: Replica): CheckoutQueue => {
  const weight = without.has('heaviestFirst') ? 0 : limits.checkoutsPerBook;
  const age = without.has('checkoutsAge') ? 0 : 1;
  const rank = ({ books, arrival }: Waiting): number => books * weight - arrival * age;
  return {
    heap: new TinyQueue<Waiting>([], (one, other) => rank(other) - rank(one) || one.arrival - other.arrival),
    seen: without.has('inheritCheckouts') ? log.contents.checkoutCount() : 0,
    executing: false,
  };
};

/** Puts the next checkouts in line for the catalog, if none is being executed. */
export const executeNext = (replica: Replica, leadership: Leadership): void => {
  const { limits, log } = replica;
  const { queue } = leadership;
  if (leadership.phase !== 'serving' || !hasSeenAll(replica, queue)) return;
  if (queue.executing || leadership.rotating) return;
  if ((recordOf(replica)?.inSync.length ?? 0) < limits.minInSync) return;
  const orders: PlacedOrder[] = [];
  while (orders.length < limits.checkoutsInCallMax) {
    const next = queue.heap.pop();
    if (next === undefined) break;
    if (log.contents.checkout(next.id)?.outcome === undefined) orders.push(executionOf(replica, next));
  }
  if (orders.length === 0) return;
  queue.executing = true;
  leadership.requests.push({
    id: null,
    orders,
    outcomes: orders.map(() => null),
    undecided: orders.length,
    sequence: 0,
    sent: false,
    // Nobody waits for it but the queue: it is asked for until it is decided, or until this replica leads no more.
    deadline: Number.POSITIVE_INFINITY,
  });
};

/**
 * Looks at the next checkouts of the log and says whether those were the last ones: before that nobody knows which one is
 * the heaviest. A new leader has all of them before it, so it takes several steps; each tick is one.
 */
const hasSeenAll = ({ limits, log }: Replica, queue: CheckoutQueue): boolean => {
  const count = log.contents.checkoutCount();
  if (queue.seen === count) return true;
  for (const waiting of log.contents.waiting(queue.seen, limits.checkoutsSeenMax)) queue.heap.push(waiting);
  queue.seen = Math.min(count, queue.seen + limits.checkoutsSeenMax);
  return queue.seen === count;
};

/** The leader's own orders are committed: the next ones may go, or the next leader. */
export const executed = (replica: Replica, leadership: Leadership, outcomes: (Outcome | null)[]): void => {
  for (const outcome of outcomes) {
    const isOutcome = outcome?.status === 'accepted' || outcome?.status === 'rejected';
    assert(isOutcome, `"${outcome?.key}" must end as an order or a refusal, not as ${outcome?.status}`);
  }
  leadership.queue.executing = false;
  leadership.rotating = replica.limits.rotateLeader;
};

const executionOf = ({ log, durable, without }: Replica, { id, index }: Waiting): PlacedOrder => {
  const entry = log.at(index);
  assert(entry !== undefined, `The checkout "${id}" must be in the log`);
  const { lines, customer } = ofKind(entry, 'checkout').checkout;
  const order: Order = { lines, many: true, customer };
  const own = without.has('ownOrderPerCheckout') ? `${id} in term ${durable.term}` : id;
  return { key: checkoutKey(own), fingerprint: fingerprintOf(order), order };
};
