/** Verdicts that record nothing. */
import type { Outcome } from '@till/shared/movement';
import type { Decision, Verdict } from './types.ts';

export const unrecorded = (outcome: Outcome): Verdict => ({ outcome, movement: null });

export const conflict = (key: string): Verdict => unrecorded({ key, status: 'conflict' });

/** The first decision again. */
export const replay = (key: string, decision: Decision): Verdict => {
  if (decision.status === 'cancelled') return unrecorded({ key, ...decision, replayed: true });
  const { fingerprint: _, ...first } = decision;
  return unrecorded({ key, ...first, replayed: true });
};
