/**
 * What is remembered under keys. Here all of it in memory; the catalog remembers only where in its journal each key is
 * (movement-journal.ts), and reads a decision there when somebody asks again.
 */
import type {
  CancelMovement,
  CheckoutMovement,
  Movement,
  OrderMovement,
  RejectionMovement,
} from '@till/shared/movement';
import type { Decision, Decisions } from './types.ts';

export const createDecisions = (): Decisions => {
  const decisions = new Map<string, Decision>();
  return {
    get count() {
      return decisions.size;
    },
    find: (key) => decisions.get(key),
    put: (key, decision) => {
      decisions.set(key, decision);
    },
  };
};

/** The movements that are the decision under a key. */
export type Keyed = OrderMovement | RejectionMovement | CancelMovement | CheckoutMovement;

/** Whether a movement is the decision under this key. */
export const isUnder = (movement: Movement, key: string): movement is Keyed =>
  'key' in movement && (movement.key === key || ('alsoKey' in movement && movement.alsoKey === key));

/** What is to be remembered of a movement under its keys. */
export const decisionOf = (movement: Keyed): Decision => {
  const { sequence } = movement;
  switch (movement.kind) {
    case 'order':
      return { status: 'accepted', fingerprint: movement.fingerprint, sequence, number: movement.number };
    case 'rejection': {
      const { fingerprint, reason, message } = movement;
      return { status: 'rejected', fingerprint, sequence, reason, message };
    }
    case 'cancel':
      return { status: 'cancelled', sequence, number: movement.number };
    case 'checkout':
      return { status: 'queued', fingerprint: movement.fingerprint, sequence, id: movement.checkout.id };
  }
};
