/** How far a sink of the outbox has got: a note replaces the sink's last one, and only that. */
import type { PlacedNote } from '@till/shared/movement';
import type { Base, StockRule, Target, Verdict } from './types.ts';
import { unrecorded } from './verdict.ts';

export const decideNote = (
  target: Target,
  base: Base,
  { key, note }: PlacedNote,
  without: ReadonlySet<StockRule>,
): Verdict => {
  const { sink, after, delivered, dead } = note;
  const last = target.lastNote(sink);
  // Compare-and-set: a deposed leader's note, or one that was sent twice, must not undo a later one.
  if (after !== last && !without.has('noteOnLast')) return unrecorded({ key, status: 'stale', sequence: last });
  const { sequence } = base;
  const again = note.again.map((one) => (one.asked === 0 ? { ...one, asked: sequence } : one));
  return {
    outcome: { key, status: 'noted', sequence },
    movement: { ...base, kind: 'note', sink, delivered, dead, again },
  };
};
