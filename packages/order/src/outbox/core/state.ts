/** The state of one sink, and what follows from it. */
import type { DeadLetter, Progress } from '@till/shared/movement';
import type { OutboxRule, SinkLimits } from './types.ts';

/** An event that is not settled, or a dead letter that is sent again. */
export type Item = {
  sequence: number;
  products: string[];
  attempts: number;
  /** Why the last attempt failed. */
  error: string | null;
  /** Not to be tried before this time. */
  notBefore: number;
  isUnderWay: boolean;
  /** null: an event in its turn. Else a dead letter: the sequence that the request was recorded with, 0 until it is. */
  asked: number | null;
  /** The highest sequence before it that is worth a note. */
  worthBefore: number;
  /**
   * A dead letter that has been tried, or may have been by another leader: no later event of its products goes out until
   * it is settled, or what was sent of it could arrive after them.
   */
  holds: boolean;
  /** It is among the dead letters, but that is not recorded yet: until then its products wait, or it would come to life again. */
  isGivenUp: boolean;
  /**
   * A dead letter that was delivered, but is not behind `deliveredOf` yet: until then it stays in the notes, or another leader
   * would take it for an event in its turn.
   */
  isDelivered: boolean;
};

export type Sink = {
  limits: SinkLimits;
  without: ReadonlySet<OutboxRule>;
  now: number;
  /** Every movement up to this sequence was taken in. */
  taken: number;
  /** The highest of them that is not a note. */
  worth: number;
  /** Events that are not settled, in order. */
  unsettled: Map<number, Item>;
  /** The same by product: an event may be tried when it is the first of each of its products. */
  turns: Map<string, number[]>;
  /** Dead letters that somebody asked for, in the order of the requests. */
  replays: Map<number, Item>;
  dead: Map<number, DeadLetter>;
  /** By number of the attempt. */
  underWay: Map<number, Item>;
  attempts: number;
  /** Times in a row that the sink took nothing: only one event probes it then. */
  failures: number;
  pausedUntil: number;
  /** The sequence of the last note, and how far it says that everything is settled. */
  notedAt: number;
  noted: number;
  /** What is being recorded, and what is over with it. */
  noting: { progress: Progress; givenUp: Item[] } | null;
  /** When the last one began to be. */
  notingAt: number;
  /** Dead letters have changed in a way that the last note does not tell. */
  isNoteUrgent: boolean;
};

export type LastNote = {
  sequence: number;
  progress: Progress;
  /** The products of a dead letter that is to be sent again. */
  productsOf(sequence: number): string[];
};

/** A sink as its last note left it; everything after that is taken in, and sent, again. */
export const createSink = (start: {
  limits: SinkLimits;
  now: number;
  note: LastNote | null;
  without?: readonly OutboxRule[];
}): Sink => {
  const { limits, now, note } = start;
  const { delivered, dead, again } = note?.progress ?? { delivered: 0, dead: [], again: [] };
  const replays = again.map(
    ({ sequence, asked }): Item => ({
      ...createItem(sequence, note?.productsOf(sequence) ?? []),
      asked,
      notBefore: now + limits.inheritedWaitMs,
      holds: true,
    }),
  );
  return {
    limits,
    without: new Set(start.without),
    now,
    taken: delivered,
    worth: delivered,
    unsettled: new Map(),
    turns: new Map(),
    replays: new Map(replays.map((item) => [item.sequence, item])),
    dead: new Map(dead.map((letter) => [letter.sequence, letter])),
    underWay: new Map(),
    attempts: 0,
    failures: 0,
    pausedUntil: now,
    notedAt: note?.sequence ?? 0,
    noted: delivered,
    noting: null,
    notingAt: now,
    isNoteUrgent: false,
  };
};

export const createItem = (sequence: number, products: string[]): Item => ({
  sequence,
  products,
  attempts: 0,
  error: null,
  notBefore: 0,
  isUnderWay: false,
  asked: null,
  worthBefore: 0,
  holds: false,
  isGivenUp: false,
  isDelivered: false,
});

const firstUnsettled = (sink: Sink): Item | undefined => sink.unsettled.values().next().value;

/** The highest sequence such that every event up to it is settled. */
export const deliveredOf = (sink: Sink): number => {
  const first = firstUnsettled(sink);
  return first === undefined ? sink.taken : first.sequence - 1;
};

/** The highest sequence up to there that is worth a note. */
export const worthOf = (sink: Sink): number => firstUnsettled(sink)?.worthBefore ?? sink.worth;

/** How many more movements may be taken in. */
export const roomOf = (sink: Sink): number =>
  Math.max(
    0,
    Math.min(sink.limits.unsettledMax - sink.unsettled.size, sink.limits.aheadMax - (sink.taken - deliveredOf(sink))),
  );

/** No further event can be given up: those that should be stay where they are, and their products wait. */
export const isFull = (sink: Sink): boolean => deadLettersOf(sink).length >= sink.limits.deadMax;

/** Those that somebody should look at. */
export const deadLettersOf = (sink: Sink): DeadLetter[] =>
  [...sink.dead.values()].filter(({ sequence }) => sink.replays.get(sequence)?.isDelivered !== true);

export const progressOf = (sink: Sink): Progress => ({
  delivered: sink.without.has('noteOnlySettled') ? sink.taken : deliveredOf(sink),
  dead: [...sink.dead.values()],
  again: [...sink.replays.values()]
    .filter(({ isGivenUp }) => !isGivenUp)
    .map(({ sequence, asked }) => ({ sequence, asked: asked ?? 0 })),
});

/** Dead letters that are being sent again. */
export const replayingOf = (sink: Sink): number[] =>
  [...sink.replays.values()]
    .filter(({ isDelivered, isGivenUp }) => !isDelivered && !isGivenUp)
    .map(({ sequence }) => sequence);

/** What is tried now or waits to be tried again, at most `max` of them. */
export const tryingOf = (sink: Sink, max: number): { sequence: number; attempts: number; error: string | null }[] =>
  [...sink.replays.values(), ...sink.unsettled.values()]
    .filter(
      ({ asked, attempts, isUnderWay, isGivenUp }) => !isGivenUp && (asked !== null || attempts > 0 || isUnderWay),
    )
    .slice(0, max)
    .map(({ sequence, attempts, error }) => ({ sequence, attempts, error }));

/** How one event stands. */
export const standingOf = (
  sink: Sink,
  sequence: number,
): { state: 'delivered' | 'pending' | 'dead'; attempts: number; error: string | null } => {
  const item = sink.replays.get(sequence) ?? sink.unsettled.get(sequence);
  if (item?.isDelivered === true) return { state: 'delivered', attempts: item.attempts, error: null };
  if (item?.isGivenUp === false) return { state: 'pending', attempts: item.attempts, error: item.error };
  const letter = sink.dead.get(sequence);
  if (letter !== undefined) return { state: 'dead', attempts: letter.attempts, error: letter.error };
  return { state: sequence <= sink.taken ? 'delivered' : 'pending', attempts: 0, error: null };
};
