/**
 * What the outbox sends and notes (I18, K8). Every movement that changes stock is an event. The first arrivals of each
 * product's events come to a sink in their order, but for those that a note has given up; the notes of a sink form a chain,
 * and what they call settled has arrived or is named as a dead letter.
 */
import type { Movement, NoteMovement } from '@till/shared/movement';
import { mustHold } from '../violation.ts';

type Sink = {
  /** Events that have arrived at least once. */
  arrived: Set<number>;
  /** Events that some note has called dead, and the sequence of the first one that did. */
  givenUp: Map<number, number>;
  askedFor: Set<number>;
  /** Requests to send one again that came to nothing, as `SEQUENCE.ASKED`. */
  givenUpAgain: Set<string>;
  note: NoteMovement | null;
  /** By product: how many of its events at the beginning have arrived or were given up. */
  settled: Map<string, number>;
};

export type OutboxCheck = {
  /** The journal has an event. */
  happened(sequence: number, products: string[]): void;
  /** The catalog has decided a note that was placed on top of the one at `after`. */
  follows(sequence: number, after: number): void;
  /** The journal has a note. */
  noted(movement: NoteMovement): void;
  /** A sink was sent an event and has taken it. */
  arrived(sink: string, sequence: number): void;
  /** A dead letter need not be sent again: all its products have changed since. */
  skipped(sink: string, sequence: number): void;
  /** Whether a note of the sink after the one at `since` has called it dead. */
  wasGivenUp(sink: string, sequence: number, since: number): boolean;
  /** Whether a dead letter that was to be sent again, as asked for then, was given up again. */
  wasGivenUpAgain(sink: string, letter: { sequence: number; asked: number }): boolean;
  /** Whether any note of the sink has said that this dead letter is to be sent again. */
  wasAskedFor(sink: string, sequence: number): boolean;
  /** Events that the last note of a sink does not call settled, and dead letters that are being sent again. */
  open(sink: string): number;
  /** The dead letters of the last note of a sink. */
  dead(sink: string): number[];
};

export const createOutboxCheck = (movement: (sequence: number) => Movement | undefined): OutboxCheck => {
  const sinks = new Map<string, Sink>();
  const events: number[] = [];
  const eventsOf = new Map<string, number[]>();
  const isEvent = new Set<number>();
  const afters = new Map<number, number>();

  const sinkOf = (name: string): Sink => {
    const known = sinks.get(name);
    if (known !== undefined) return known;
    const sink: Sink = {
      arrived: new Set(),
      givenUp: new Map(),
      askedFor: new Set(),
      givenUpAgain: new Set(),
      note: null,
      settled: new Map(),
    };
    sinks.set(name, sink);
    return sink;
  };

  /** The events after a sequence, oldest first. */
  const eventsAfter = (sequence: number): number[] => {
    let from = events.length;
    while ((events[from - 1] ?? 0) > sequence) from -= 1;
    return events.slice(from);
  };

  /** K8: whatever came before of the same product has arrived, or was given up. */
  const checkTurn = (sink: Sink, name: string, sequence: number, product: string): void => {
    const all = eventsOf.get(product) ?? [];
    let at = sink.settled.get(product) ?? 0;
    for (; (all[at] ?? sequence) < sequence; at += 1) {
      const earlier = all[at] as number;
      const isSettled = sink.arrived.has(earlier) || sink.givenUp.has(earlier);
      mustHold(isSettled, 'K8', () => `event ${sequence} of "${product}" comes to ${name} before event ${earlier}`);
    }
    sink.settled.set(product, at);
  };

  return {
    happened: (sequence, products) => {
      events.push(sequence);
      isEvent.add(sequence);
      for (const product of products) {
        const known = eventsOf.get(product);
        if (known === undefined) eventsOf.set(product, [sequence]);
        else known.push(sequence);
      }
    },
    follows: (sequence, after) => {
      afters.set(sequence, after);
    },
    noted: (note) => {
      const { sequence, delivered, dead, again } = note;
      const name = note.sink;
      const sink = sinkOf(name);
      const before = sink.note;
      const after = before?.sequence ?? 0;
      mustHold(
        afters.get(sequence) === after,
        'I18',
        () => `note ${sequence} of ${name} was made on top of ${afters.get(sequence)}, the last one is ${after}`,
      );
      const from = before?.delivered ?? 0;
      mustHold(delivered >= from, 'I18', () => `note ${sequence} takes ${name} back from ${from} to ${delivered}`);
      mustHold(delivered < sequence, 'I18', () => `note ${sequence} of ${name} is about ${delivered}, in the future`);
      const letters = new Set(dead.map((letter) => letter.sequence));
      mustHold(letters.size === dead.length, 'I18', () => `note ${sequence} of ${name} names a dead letter twice`);
      for (const letter of letters) {
        const isPast = isEvent.has(letter) && letter < sequence;
        mustHold(isPast, 'I18', () => `note ${sequence} of ${name} gives up ${letter}, which is no event`);
      }
      for (const one of again) {
        mustHold(letters.has(one.sequence), 'I18', () => `note ${sequence} of ${name} sends ${one.sequence} again`);
        mustHold(one.asked > 0 && one.asked <= sequence, 'I18', () => `note ${sequence} of ${name}: no such request`);
      }
      for (const event of eventsAfter(from)) {
        if (event > delivered) break;
        const isSettled = sink.arrived.has(event) || letters.has(event);
        mustHold(isSettled, 'I18', () => `note ${sequence} of ${name} passes event ${event}, which never arrived`);
      }
      for (const letter of before?.dead ?? []) {
        const isKept = letters.has(letter.sequence) || sink.arrived.has(letter.sequence);
        mustHold(isKept, 'I18', () => `note ${sequence} of ${name} forgets the dead letter ${letter.sequence}`);
      }
      const attemptsOf = (one: NoteMovement | null, letter: number): number =>
        one?.dead.find((other) => other.sequence === letter)?.attempts ?? Number.POSITIVE_INFINITY;
      for (const { sequence: letter, asked } of before?.again ?? []) {
        if (!letters.has(letter) || again.some((one) => one.sequence === letter && one.asked === asked)) continue;
        const isTried = attemptsOf(note, letter) > attemptsOf(before, letter);
        mustHold(isTried, 'I18', () => `note ${sequence} of ${name} forgets that ${letter} was asked for`);
        sink.givenUpAgain.add(`${letter}.${asked}`);
      }
      for (const letter of letters) if (!sink.givenUp.has(letter)) sink.givenUp.set(letter, sequence);
      for (const one of again) sink.askedFor.add(one.sequence);
      sink.note = note;
    },
    arrived: (name, sequence) => {
      const event = movement(sequence);
      mustHold(
        event !== undefined && isEvent.has(sequence) && 'stock' in event,
        'K8',
        () => `${name} is sent ${sequence}, which is no event`,
      );
      const sink = sinkOf(name);
      if (sink.arrived.has(sequence)) return;
      for (const change of event.stock) checkTurn(sink, name, sequence, change.name);
      sink.arrived.add(sequence);
    },
    skipped: (name, sequence) => {
      const event = movement(sequence);
      for (const change of event !== undefined && 'stock' in event ? event.stock : []) {
        const last = eventsOf.get(change.name)?.at(-1) ?? 0;
        mustHold(last > sequence, 'K8', () => `${name} is not sent ${sequence}, the last event of "${change.name}"`);
      }
      sinkOf(name).arrived.add(sequence);
    },
    wasGivenUp: (name, sequence, since) => (sinkOf(name).givenUp.get(sequence) ?? 0) > since,
    wasGivenUpAgain: (name, { sequence, asked }) => sinkOf(name).givenUpAgain.has(`${sequence}.${asked}`),
    wasAskedFor: (name, sequence) => sinkOf(name).askedFor.has(sequence),
    open: (name) => {
      const { note } = sinkOf(name);
      return eventsAfter(note?.delivered ?? 0).length + (note?.again.length ?? 0);
    },
    dead: (name) => sinkOf(name).note?.dead.map(({ sequence }) => sequence) ?? [],
  };
};
