/** The vocabulary of one sink of the outbox: what comes in and what goes out. All of it is plain data. */
import type { Progress } from '@till/shared/movement';

/** Rules that test builds can switch off, to show that the simulator finds what each one prevents. */
export const OUTBOX_RULES = [
  'noteOnlySettled',
  'orderPerProduct',
  'recordBeforeGoingOn',
  'holdWhileSentAgain',
  'keepUntilBehind',
] as const;
export type OutboxRule = (typeof OUTBOX_RULES)[number];

/** A committed movement, as far as a sink's core must know it. Only an event is delivered; the products are those it moves. */
export type Taken =
  | { kind: 'event'; sequence: number; products: string[] }
  /** A note of any sink: progress over notes alone is not worth another note. */
  | { kind: 'note'; sequence: number }
  | { kind: 'other'; sequence: number };

/** What became of one attempt. */
export type Result =
  | { kind: 'delivered' }
  /** The sink does not want this event. */
  | { kind: 'refused'; error: string }
  /** The sink does not take anything now, or nobody knows what it did. `isUncounted`: it was not even asked. */
  | { kind: 'unavailable'; error: string; retryAfterMs?: number; isUncounted?: true };

export type Input =
  /** `now` is a monotonic clock in milliseconds. */
  | { type: 'tick'; now: number }
  /** What follows the last one that was taken in, in order, at most `roomOf` of them. */
  | { type: 'taken'; movements: Taken[] }
  /** `jitter` from 0 to 1: how much of the random part of a pause is waited. */
  | { type: 'result'; attempt: number; result: Result; jitter: number }
  /** Somebody asks to send a dead letter again. */
  | { type: 'replay'; sequence: number; products: string[] }
  /** The note that was under way is recorded, at this sequence. */
  | { type: 'noted'; sequence: number };

export type Effect =
  /** Deliver the event; its `result` comes back under the number. `asked`: of a dead letter that is sent again. */
  | { type: 'attempt'; attempt: number; sequence: number; asked: number | null }
  /**
   * Record the progress, on top of the note at `after`; as long as it takes, for `noted` is what comes back. An `again` with
   * `asked` 0 gets the new note's own sequence.
   */
  | { type: 'note'; after: number; progress: Progress };

/** Times in milliseconds of the tick's clock, and counts. */
export type SinkLimits = {
  /** Events that are not settled and are kept in mind: the later ones wait in the log. */
  unsettledMax: number;
  /** How far the sink may run ahead of an event that is not settled: so much is sent again after a failover. */
  aheadMax: number;
  attemptsInFlightMax: number;
  /** Attempts to deliver an event before it becomes a dead letter. */
  attemptsMax: number;
  /** First pause after a failure; doubles up to the longest one. */
  pauseMs: number;
  pauseMsMax: number;
  /** How often progress is recorded while it moves; with many dead letters, which are all in the note, it is less often. */
  noteEveryMs: number;
  /** So many dead letters make a note as large as to take `noteEveryMs` again. */
  deadPerNotePause: number;
  /** When there are so many dead letters, no further event is given up: none is forgotten. */
  deadMax: number;
  /** Characters of an error that are kept. */
  errorLengthMax: number;
  /** How long a dead letter that was asked for under another leader waits, so that what that one sent has arrived. */
  inheritedWaitMs: number;
};
