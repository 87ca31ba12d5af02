/**
 * One sink's decisions: which event is tried when, when it is given up, and when progress is recorded.
 *
 * In order per product: an event is tried only when every earlier event that shares a product with it is settled. Others
 * go on beside it. An event that fails waits, longer each time; a sink that takes nothing is paused as a whole, and
 * then probed with one event.
 */
import { assert } from '@till/shared/assert';
import { createItem, deliveredOf, type Item, isFull, progressOf, type Sink, worthOf } from './state.ts';
import type { Effect, Input, Result, Taken } from './types.ts';

/** The state is changed in place; effects are to be performed in their order. */
export const step = (sink: Sink, input: Input): Effect[] => {
  take(sink, input);
  forget(sink);
  return [...attempts(sink), ...notes(sink)];
};

const take = (sink: Sink, input: Input): void => {
  switch (input.type) {
    case 'tick':
      sink.now = Math.max(sink.now, input.now);
      return;
    case 'taken':
      for (const movement of input.movements) takeIn(sink, movement);
      return;
    case 'result':
      conclude(sink, input);
      return;
    case 'replay':
      ask(sink, input);
      return;
    case 'noted':
      noted(sink, input.sequence);
  }
};

const takeIn = (sink: Sink, movement: Taken): void => {
  const { sequence } = movement;
  assert(sequence === sink.taken + 1, () => `Movement ${sequence} must not follow ${sink.taken}`);
  sink.taken = sequence;
  if (movement.kind === 'note') return;
  // A dead letter after the last note's place is settled already.
  if (movement.kind === 'event' && !sink.dead.has(sequence)) {
    const item = { ...createItem(sequence, movement.products), worthBefore: sink.worth };
    sink.unsettled.set(sequence, item);
    for (const product of item.products) {
      const turns = sink.turns.get(product);
      if (turns === undefined) sink.turns.set(product, [sequence]);
      else turns.push(sequence);
    }
  }
  sink.worth = sequence;
};

// Results.

const conclude = (sink: Sink, { attempt, result, jitter }: Extract<Input, { type: 'result' }>): void => {
  const item = sink.underWay.get(attempt);
  assert(item !== undefined, () => `Attempt ${attempt} is not under way`);
  sink.underWay.delete(attempt);
  item.isUnderWay = false;
  if (result.kind === 'delivered') {
    sink.failures = 0;
    deliver(sink, item);
    return;
  }
  item.error = result.error.slice(0, sink.limits.errorLengthMax);
  if (result.kind === 'refused') sink.failures = 0;
  else pause(sink, result, jitter);
  if (result.kind === 'unavailable' && result.isUncounted === true) return;
  item.attempts += 1;
  item.notBefore = sink.now + pauseAfter(sink, item.attempts, jitter);
  giveUp(sink, item);
};

/** Several attempts under way that fail together are one failure. */
const pause = (sink: Sink, result: Extract<Result, { kind: 'unavailable' }>, jitter: number): void => {
  const isFirst = sink.now >= sink.pausedUntil;
  if (isFirst && result.isUncounted !== true) sink.failures += 1;
  sink.failures = Math.max(sink.failures, 1);
  const ownMs = isFirst ? pauseAfter(sink, sink.failures, jitter) : 0;
  sink.pausedUntil = Math.max(sink.pausedUntil, sink.now + Math.max(ownMs, result.retryAfterMs ?? 0));
};

/** Between four fifths of it and the whole: what failed together is not tried together again. */
const pauseAfter = ({ limits }: Sink, times: number, jitter: number): number =>
  Math.min(limits.pauseMs * 2 ** Math.min(times - 1, 30), limits.pauseMsMax) * (0.8 + 0.2 * jitter);

const isExhausted = (sink: Sink, item: Item): boolean => item.attempts >= sink.limits.attemptsMax;

const deliver = (sink: Sink, item: Item): void => {
  if (item.asked === null) return endTurn(sink, item);
  item.isDelivered = true;
  item.holds = false;
  // There is room now for one that could not be given up.
  for (const other of sink.unsettled.values()) if (!other.isUnderWay) giveUp(sink, other);
};

/** Dead letters that were delivered after all, once everything up to them is settled. */
const forget = (sink: Sink): void => {
  const behind = sink.without.has('keepUntilBehind') ? sink.taken : deliveredOf(sink);
  const over = [...sink.replays.values()].filter((item) => item.isDelivered && item.sequence <= behind);
  if (over.length === 0) return;
  for (const { sequence } of over) {
    sink.replays.delete(sequence);
    sink.dead.delete(sequence);
  }
  sink.isNoteUrgent = true;
};

/**
 * After its last attempt an event becomes a dead letter, if there is room for one more. It is settled when that is recorded:
 * another leader would try it again, and bring it after those of its products that had gone on.
 */
const giveUp = (sink: Sink, item: Item): void => {
  const before = sink.dead.get(item.sequence);
  if (item.isGivenUp || !isExhausted(sink, item) || (before === undefined && isFull(sink))) return;
  const attempts = (before?.attempts ?? 0) + item.attempts;
  sink.dead.set(item.sequence, { sequence: item.sequence, attempts, error: item.error ?? '' });
  item.isGivenUp = true;
  sink.isNoteUrgent = true;
  if (item.asked === null && sink.without.has('recordBeforeGoingOn')) endTurn(sink, item);
};

/** The event is settled: the next ones of its products may go. */
const endTurn = (sink: Sink, { sequence, products }: Item): void => {
  sink.unsettled.delete(sequence);
  for (const product of products) {
    const turns = sink.turns.get(product) ?? [];
    const isInTurn = turns[0] === sequence || sink.without.has('orderPerProduct');
    assert(isInTurn, () => `Event ${sequence} must be the first of its products`);
    if (turns.length === 1) sink.turns.delete(product);
    else turns.splice(turns.indexOf(sequence), 1);
  }
};

// Dead letters that are asked for.

const ask = (sink: Sink, { sequence, products }: Extract<Input, { type: 'replay' }>): void => {
  if (!sink.dead.has(sequence) || sink.replays.has(sequence)) return;
  sink.replays.set(sequence, { ...createItem(sequence, products), asked: 0 });
  sink.isNoteUrgent = true;
};

// Attempts.

const attempts = (sink: Sink): Effect[] => {
  const effects: Effect[] = [];
  while (sink.now >= sink.pausedUntil) {
    const item = sink.failures > 0 ? probe(sink) : next(sink);
    if (item === undefined) break;
    sink.attempts += 1;
    item.isUnderWay = true;
    if (item.asked !== null) item.holds = true;
    sink.underWay.set(sink.attempts, item);
    effects.push({ type: 'attempt', attempt: sink.attempts, sequence: item.sequence, asked: item.asked });
  }
  return effects;
};

const next = (sink: Sink): Item | undefined =>
  sink.underWay.size < sink.limits.attemptsInFlightMax ? candidates(sink).next().value : undefined;

/** One event alone, that which was tried least: it may be another one that brings the sink down each time. */
const probe = (sink: Sink): Item | undefined => {
  if (sink.underWay.size > 0) return undefined;
  return [...candidates(sink)].reduce<Item | undefined>(
    (least, item) => (least === undefined || item.attempts < least.attempts ? item : least),
    undefined,
  );
};

/** What may be tried now, in the order in which it should be. */
function* candidates(sink: Sink): Generator<Item, undefined> {
  for (const item of sink.replays.values()) if (mayBeSentAgain(sink, item)) yield item;
  const holding = [...sink.replays.values()].filter(({ holds }) => holds && !sink.without.has('holdWhileSentAgain'));
  for (const item of sink.unsettled.values()) if (mayBeTried(sink, item, holding)) yield item;
}

/** What should be given up and cannot be is tried on: dead letters behind it may wait for it, and there would be no room for ever. */
const isWaiting = (sink: Sink, item: Item): boolean =>
  item.isUnderWay || item.isDelivered || item.isGivenUp || sink.now < item.notBefore;

const mayBeTried = (sink: Sink, item: Item, holding: Item[]): boolean =>
  !isWaiting(sink, item) &&
  (sink.without.has('orderPerProduct') ||
    item.products.every((product) => sink.turns.get(product)?.[0] === item.sequence)) &&
  !holding.some((replay) => replay.sequence < item.sequence && shares(replay, item));

/**
 * It is recorded that it was asked for; every earlier event of its products is settled; and nothing else of them is out. What
 * is earlier may be on its way once more after a change of leader.
 */
const mayBeSentAgain = (sink: Sink, item: Item): boolean =>
  item.asked !== 0 &&
  !isWaiting(sink, item) &&
  item.sequence <= sink.taken &&
  item.products.every((product) => (sink.turns.get(product)?.[0] ?? item.sequence) >= item.sequence) &&
  ![...sink.underWay.values()].some((other) => shares(other, item));

const shares = (one: Item, other: Item): boolean => one.products.some((product) => other.products.includes(product));

// Notes.

/** One note at a time is under way; the next one is made on top of it. */
const notes = (sink: Sink): Effect[] => {
  if (sink.noting !== null || !isNoteDue(sink)) return [];
  const progress = progressOf(sink);
  const givenUp = [...sink.replays.values(), ...sink.unsettled.values()].filter((item) => item.isGivenUp);
  sink.noting = { progress, givenUp };
  sink.notingAt = sink.now;
  sink.isNoteUrgent = false;
  return [{ type: 'note', after: sink.notedAt, progress }];
};

/**
 * At once for a request, since somebody waits for it; at once for a change among few dead letters, but all of them are in
 * each note, so less often when they are many; about once a second for progress.
 */
const isNoteDue = (sink: Sink): boolean => {
  const { limits, now, notingAt, dead } = sink;
  if ([...sink.replays.values()].some(({ asked }) => asked === 0)) return true;
  const urgentAt = notingAt + limits.noteEveryMs * Math.floor(dead.size / limits.deadPerNotePause);
  if (sink.isNoteUrgent) return now >= urgentAt;
  return worthOf(sink) > sink.noted && now >= urgentAt + limits.noteEveryMs;
};

const noted = (sink: Sink, sequence: number): void => {
  const { noting } = sink;
  assert(noting !== null, 'No note is under way');
  sink.noting = null;
  sink.notedAt = sequence;
  sink.noted = noting.progress.delivered;
  for (const item of noting.givenUp) {
    if (item.asked === null) endTurn(sink, item);
    else sink.replays.delete(item.sequence);
  }
  for (const { sequence: letter, asked } of noting.progress.again) {
    const item = sink.replays.get(letter);
    if (item !== undefined && asked === 0) item.asked = sequence;
  }
};
