/**
 * What the clients were told, and whether it can be true (K1 to K7): each answer against what the journal says of its
 * key, against earlier answers to that key, and against the order of time.
 */
import { fingerprintOf } from '@till/front/orders';
import type { Order } from '@till/shared/movement';
import type { JournalCheck } from './checks/journal.ts';
import type { FindReply, OrderReply } from './nodes/orders.ts';
import { mustHold } from './violation.ts';

/** An order that a client wants made, under one key; or under one that the front makes. */
export type Intent = { key: string | null; order: Order };

export type Sent = {
  intent: Intent;
  /** Highest sequence that anybody had been told when this key was first sent. */
  floor: number;
  /** The answer to this key that had been given when this was sent. */
  before: OrderReply | null;
};

export type History = {
  sending(intent: Intent): Sent;
  answered(sent: Sent, reply: OrderReply): void;
  /** Numbers that must be found from now on. */
  acknowledged(): readonly number[];
  /** A query was answered: `known`, if the number had been acknowledged before the query was sent. */
  found(query: { number: number } | { key: string }, reply: FindReply, known: boolean): void;
};

export const createHistory = (journal: JournalCheck, products: ReadonlySet<string>): History => {
  const answers = new Map<string, OrderReply>();
  const floors = new Map<string, number>();
  const numbers: number[] = [];
  const isAcknowledged = new Set<number>();
  let told = 0;

  const checkDecided = ({ intent, floor, before }: Sent, reply: OrderReply): void => {
    const { key, status } = reply;
    const decided = journal.byKey(key);
    mustHold(decided !== undefined, 'K1', () => `${key} is answered with ${status}, the journal has nothing of it`);
    const kind = status === 200 ? 'order' : 'rejection';
    mustHold(
      decided.kind === kind,
      'K2',
      () => `${key} is answered with ${status}, the journal has an ${decided.kind}`,
    );
    const same = fingerprintOf(decided.order) === fingerprintOf(intent.order);
    mustHold(same, 'K1', () => `${key} is answered with ${status}, the journal has another order`);
    if (reply.status === 200 && decided.kind === 'order') {
      mustHold(
        reply.number === decided.number,
        'K2',
        () => `${key} gets ${reply.number}, the journal has ${decided.number}`,
      );
      if (!isAcknowledged.has(reply.number)) {
        isAcknowledged.add(reply.number);
        numbers.push(reply.number);
      }
    }
    mustHold(
      decided.sequence > floor,
      'K6',
      () => `${key} was sent after ${floor} was told, and has ${decided.sequence}`,
    );
    if (before?.status === 200 && reply.status === 200) {
      mustHold(reply.replayed, 'K2', () => `${key} is answered a second time as if it were new`);
    }
    told = Math.max(told, decided.sequence);
  };

  return {
    sending: (intent) => {
      const { key } = intent;
      if (key === null) return { intent, floor: told, before: null };
      const floor = floors.get(key) ?? told;
      floors.set(key, floor);
      return { intent, floor, before: answers.get(key) ?? null };
    },
    answered: (sent, reply) => {
      const { intent } = sent;
      const { key, status } = reply;
      if (status === 503) return;
      const isKnown = intent.order.lines.every(({ name }) => products.has(name));
      if (status === 404) {
        mustHold(!isKnown, 'K1', () => `${key} is answered with 404`);
        return;
      }
      if (status === 422) {
        const decided = journal.byKey(key);
        const differs = decided !== undefined && fingerprintOf(decided.order) !== fingerprintOf(intent.order);
        mustHold(differs, 'K3', () => `${key} is answered with 422, and has no other order`);
        return;
      }
      checkDecided(sent, reply);
      const earlier = answers.get(key);
      const equal = earlier === undefined || (earlier.status === status && numberOf(earlier) === numberOf(reply));
      mustHold(equal, 'K2', () => `${key} is answered with ${JSON.stringify(reply)} after ${JSON.stringify(earlier)}`);
      answers.set(key, reply);
    },
    acknowledged: () => numbers,
    found: (query, reply, known) => {
      const text = JSON.stringify(query);
      if (reply.status === 503) return;
      if (reply.status === 404) {
        mustHold(!known, 'K1', () => `${text} is not found, and was acknowledged`);
        return;
      }
      const { found } = reply;
      const decided = journal.byKey(found.key);
      const isAsked = 'key' in query ? found.key === query.key : found.number === query.number;
      mustHold(isAsked, 'K1', () => `${text} finds ${JSON.stringify(found)}`);
      const same =
        decided?.kind === 'order' &&
        decided.number === found.number &&
        decided.sequence === found.sequence &&
        JSON.stringify(decided.order) === JSON.stringify(found.order);
      mustHold(same, 'K1', () => `${text} finds ${JSON.stringify(found)}, the journal has ${JSON.stringify(decided)}`);
      told = Math.max(told, found.sequence);
    },
  };
};

const numberOf = (reply: OrderReply): number | null => (reply.status === 200 ? reply.number : null);
