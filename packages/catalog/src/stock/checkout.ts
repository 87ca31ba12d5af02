/** Whether a checkout may wait for its execution. Its products may be sold out by then: that is decided then. */
import { checkoutKey } from '@till/shared/keys';
import { limits } from '@till/shared/limits';
import type { PlacedCheckout } from '@till/shared/movement';
import { findLines } from './lines.ts';
import type { Base, Target, Verdict } from './types.ts';
import { conflict, replay, unrecorded } from './verdict.ts';

export const decideCheckout = (target: Target, base: Base, placed: PlacedCheckout): Verdict => {
  const { key, fingerprint, checkout } = placed;
  const known = target.decision(key);
  if (known !== undefined) {
    return known.status === 'queued' && known.fingerprint === fingerprint ? replay(key, known) : conflict(key);
  }
  if (placed.onlyIfKnown === true) return unrecorded({ key, status: 'not_known' });
  // The id is another one's, which waits or has its outcome; under it nobody could tell the two apart.
  const { id } = checkout;
  if (target.isWaiting(id) || target.decision(checkoutKey(id)) !== undefined) return conflict(key);

  const found = findLines(target, checkout.lines);
  if ('unknown' in found) return unrecorded({ key, status: 'unknown_product', name: found.unknown });
  if (target.waitingCount >= limits.checkoutsQueuedMax) return unrecorded({ key, status: 'queue_full' });
  return {
    outcome: { key, status: 'queued', sequence: base.sequence, id, replayed: false },
    movement: { ...base, kind: 'checkout', key, fingerprint, checkout: { ...checkout, lines: found.lines } },
  };
};
