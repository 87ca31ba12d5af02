/** A view with the movements of one batch on top: the first of them are decided, and those after them must see it. */
import type { Movement } from '@till/shared/movement';
import type { Decision, Product, Target, View } from './types.ts';

/** `movements`: those of the batch so far; the caller adds to it. */
export const createOverlay = (view: View, movements: readonly Movement[]): Target => {
  const products = new Map<string, Product>();
  const decisions = new Map<string, Decision>();
  const cancellations = new Map<number, number>();
  const waiting = new Map<string, boolean>();
  const notes = new Map<string, number>();
  let { waitingCount } = view;
  return {
    sequence: view.sequence,
    number: view.number,
    time: view.time,
    get waitingCount() {
      return waitingCount;
    },
    product: (foldedName) => products.get(foldedName) ?? view.product(foldedName),
    decision: (key) => decisions.get(key) ?? view.decision(key),
    cancellation: (number) => cancellations.get(number) ?? view.cancellation(number),
    isWaiting: (checkoutId) => waiting.get(checkoutId) ?? view.isWaiting(checkoutId),
    lastNote: (sink) => notes.get(sink) ?? view.lastNote(sink),
    movement: (sequence) => movements[sequence - view.sequence - 1] ?? view.movement(sequence),
    putProduct: (foldedName, product) => {
      products.set(foldedName, product);
    },
    putDecision: (key, decision) => {
      decisions.set(key, decision);
    },
    putCancellation: (number, sequence) => {
      cancellations.set(number, sequence);
    },
    putWaiting: (checkoutId, waits) => {
      waiting.set(checkoutId, waits);
      waitingCount += waits ? 1 : -1;
    },
    putNote: (sink, sequence) => {
      notes.set(sink, sequence);
    },
  };
};
