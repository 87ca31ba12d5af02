/** The rules of the outbox: each note of a sink goes on from the one before, and nothing is given up in silence. */
import type { NoteMovement } from '@till/shared/movement';
import type { Expect } from './audit-findings.ts';
import { createSequenceSet } from './sequence-set.ts';

/** How a sink stands at the end of the journal. `waiting`: movements of stock that it has not got yet. */
export type SinkSummary = { sink: string; delivered: number; dead: number; waiting: number };

export type OutboxAudit = {
  /** A movement of stock: what sinks are told of. */
  takeEvent(sequence: number): void;
  take(movement: NoteMovement): void;
  sinks(): SinkSummary[];
};

/** What the last note of a sink says. */
type Standing = {
  delivered: number;
  dead: Set<number>;
  /** By the sequence of the dead letter, that of the note that asked for it. */
  again: Map<number, number>;
};

const NOTHING: Standing = { delivered: 0, dead: new Set(), again: new Map() };

/** `isBlind` says whether a line that cannot be read came before, which may have been a note or a movement of stock. */
export const createOutboxAudit = (expect: Expect, isBlind: () => boolean): OutboxAudit => {
  const events = createSequenceSet();
  const standings = new Map<string, Standing>();

  return {
    takeEvent(sequence) {
      events.add(sequence);
    },
    take({ sequence, sink, delivered, dead, again }) {
      const counts = [delivered, ...dead.flatMap((letter) => [letter.sequence, letter.attempts])];
      const isForm = typeof sink === 'string' && sink !== '' && counts.every(isCount);
      expect('journal.form', isForm, () => `a note of sink ${JSON.stringify(sink)} without its fields`);
      const last = standings.get(sink) ?? NOTHING;
      const now: Standing = {
        delivered,
        dead: new Set(dead.map((letter) => letter.sequence)),
        again: new Map(again.map((request) => [request.sequence, request.asked])),
      };
      standings.set(sink, now);
      const name = JSON.stringify(sink);

      expect('outbox.notes', delivered >= last.delivered, () => `${name} falls from ${last.delivered} to ${delivered}`);
      expect('outbox.notes', delivered < sequence, () => `${name} has settled ${delivered}, which is yet to come`);

      const isOnce = now.dead.size === dead.length && now.again.size === again.length;
      expect('outbox.events', isOnce, () => `${name} has a dead letter twice`);
      for (const letter of new Set([...now.dead, ...now.again.keys()])) {
        expect(
          'outbox.events',
          events.has(letter) || isBlind(),
          () => `${name} has dead letter ${letter}, which is no earlier movement of stock`,
        );
      }
      if (isBlind()) return;
      for (const letter of last.dead) {
        expect(
          'outbox.letters',
          now.dead.has(letter) || last.again.has(letter),
          () => `${name} forgets dead letter ${letter}, which nobody asked for again`,
        );
      }
      for (const letter of now.dead) {
        expect(
          'outbox.letters',
          last.dead.has(letter) || letter > last.delivered,
          () => `${name} gives up ${letter}, which was settled at ${last.delivered} before`,
        );
      }
      for (const [letter, asked] of now.again) {
        expect(
          'outbox.letters',
          now.dead.has(letter),
          () => `${name} is to send ${letter} again, which is no dead letter`,
        );
        expect(
          'outbox.letters',
          asked === sequence || asked === last.again.get(letter),
          () => `${name} is to send ${letter} again since ${asked}, which is not when it was asked for`,
        );
      }
    },
    sinks: () =>
      [...standings].map(([sink, { delivered, dead }]) => {
        const ahead = [...dead].filter((letter) => letter > delivered).length;
        return { sink, delivered, dead: dead.size, waiting: events.countAfter(delivered) - ahead };
      }),
  };
};

const isCount = (value: unknown): boolean => Number.isSafeInteger(value) && Number(value) >= 0;
