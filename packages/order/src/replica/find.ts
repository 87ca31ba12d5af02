/** Looking up what is committed: orders and checkouts. */
import { assert } from '@till/shared/assert';
import type { Movement, Progress, StoredCheckout, StoredOrder } from '@till/shared/movement';
import { movementOf } from './contents.ts';
import { sequenceAt } from './entry.ts';
import type { Entry, Log } from './types.ts';

export type Query = { number: number } | { key: string } | { checkout: string };
export type Found = StoredOrder | StoredCheckout | null;

/** What the log says up to the commit index. */
export const findIn = (log: Log, commitIndex: number, query: Query): Found => {
  const committed = (index: number | undefined): Entry | undefined =>
    index === undefined || index > commitIndex ? undefined : log.at(index);
  if ('checkout' in query) return checkoutIn(log, query.checkout, committed);
  const entry = committed('number' in query ? log.contents.order(query.number) : log.contents.key(query.key));
  const order = entry === undefined ? null : orderIn(entry);
  if (order === null) return null;
  const cancellation = committed(log.contents.cancellation(order.number));
  return cancellation === undefined ? order : { ...order, sequence: cancellation.sequence, cancelled: true };
};

/** What the last note of a sink says, and where it stands. */
export const noteIn = (log: Log, sink: string): { index: number; sequence: number; progress: Progress } | null => {
  const index = log.contents.note(sink);
  const entry = index === undefined ? undefined : log.at(index);
  if (entry === undefined) return null;
  const { sequence, delivered, dead, again } = ofKind(entry, 'note');
  return { index: entry.index, sequence, progress: { delivered, dead, again } };
};

/** The committed movements after a sequence, in order, at most `max`. */
export const movementsAfter = (log: Log, commitIndex: number, after: number, max: number): Movement[] => {
  // Sequences never fall along the log: the first entry beyond `after` is found by halving.
  let low = 1;
  let high = commitIndex + 1;
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    if (sequenceAt(log, middle) > after) high = middle;
    else low = middle + 1;
  }
  const movements: Movement[] = [];
  while (low <= commitIndex && movements.length < max) {
    const wanted = Math.min(commitIndex + 1 - low, max - movements.length);
    const entries = log.slice(low, wanted, READ_BYTES_MAX);
    for (const entry of entries) {
      const movement = movementOf(entry);
      if (movement !== null) movements.push(movement);
    }
    low += entries.length;
  }
  return movements;
};

/** How much of the log is read at once. */
const READ_BYTES_MAX = 1024 * 1024;

/** The order that an entry records, or null if it records something else. */
export const orderIn = (entry: Entry): StoredOrder | null => {
  const movement = movementOf(entry);
  if (movement?.kind !== 'order') return null;
  return { number: movement.number, key: movement.key, sequence: movement.sequence, order: movement.order };
};

const checkoutIn = (
  log: Log,
  id: string,
  committed: (index: number | undefined) => Entry | undefined,
): StoredCheckout | null => {
  const places = log.contents.checkout(id);
  const entry = committed(places?.index);
  if (entry === undefined) return null;
  const { sequence, checkout } = ofKind(entry, 'checkout');
  const outcome = committed(places?.outcome);
  if (outcome === undefined) return { id, sequence, checkout, state: 'queued' };
  const decided = movementOf(outcome);
  if (decided?.kind === 'order') {
    return { id, sequence: decided.sequence, checkout, state: 'placed', number: decided.number };
  }
  const { reason, message, sequence: refusedAt } = ofKind(outcome, 'rejection');
  return { id, sequence: refusedAt, checkout, state: 'refused', reason, message };
};

/** The movement of an entry that is known to be of that kind. */
export const ofKind = <Kind extends Movement['kind']>(entry: Entry, kind: Kind): Extract<Movement, { kind: Kind }> => {
  const movement = movementOf(entry);
  assert(movement?.kind === kind, `Entry ${entry.index} must be of kind "${kind}"`);
  return movement as Extract<Movement, { kind: Kind }>;
};
