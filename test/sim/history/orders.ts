/** What was told of orders (K1 to K3, K6). */
import { fingerprintOf } from '@till/shared/fingerprint';
import { orderIdKey } from '@till/shared/keys';
import type { Order, OrderMovement, RejectionMovement } from '@till/shared/movement';
import type { Decided, JournalCheck } from '../checks/journal.ts';
import type { FindReply, OrderReply } from '../nodes/orders.ts';
import { mustHold } from '../violation.ts';
import type { CancelsHistory } from './cancels.ts';
import type { Told } from './told.ts';

/** An order that a client wants made: under one key, under its order id, under both, or under a key that the front makes. */
export type Intent = { key: string | null; order: Order };

export type Sent = {
  intent: Intent;
  /** Highest sequence that anybody had been told when this was first sent. */
  floor: number;
  /** The answer to this that had been given when it was sent. */
  before: OrderReply | null;
  /** Whether somebody had been told what was decided under one of its names. */
  wasKnown: boolean;
};

export type Query = { number: number } | { key: string };
export type Asked = { query: Query; mustBeFound: boolean; wasCancelled: boolean };

export type OrdersHistory = {
  sending(intent: Intent): Sent;
  answered(sent: Sent, reply: OrderReply): void;
  /** An order is known under this number from now on. */
  acknowledge(number: number): void;
  /** Numbers that must be found from now on. */
  acknowledged(): readonly number[];
  /** Whether anybody was told what was decided under this name. */
  isKnown(name: string): boolean;
  asking(query: Query): Asked;
  found(asked: Asked, reply: FindReply): void;
};

type OrderDecision = OrderMovement | RejectionMovement;
type DecidedReply = Extract<OrderReply, { replayed: boolean }>;

/** The names under which an order is sent; the first one is what it is known by. */
export const namesOf = ({ key, order }: Intent): string[] => [
  ...(order.orderId === undefined ? [] : [orderIdKey(order.orderId)]),
  ...(key === null ? [] : [key]),
];

const isOrder = (decided: Decided | undefined): decided is OrderDecision =>
  decided?.kind === 'order' || decided?.kind === 'rejection';

export const createOrdersHistory = (options: {
  journal: JournalCheck;
  /** Every name that is known. */
  products: ReadonlySet<string>;
  told: Told;
  cancels: Pick<CancelsHistory, 'isDone'>;
}): OrdersHistory => {
  const { journal, products, told, cancels } = options;
  const answers = new Map<string, OrderReply>();
  const floors = new Map<string, number>();
  const numbers: number[] = [];
  const isAcknowledged = new Set<number>();
  const knownNames = new Set<string>();

  const acknowledge = (number: number): void => {
    if (isAcknowledged.has(number)) return;
    isAcknowledged.add(number);
    numbers.push(number);
  };

  const checkDecided = ({ intent, floor, before }: Sent, reply: DecidedReply): void => {
    const { key, status } = reply;
    const decided = journal.byKey(key);
    const kind = status === 200 ? 'order' : 'rejection';
    mustHold(decided !== undefined, 'K1', () => `${key} is answered with ${status}, the journal has nothing of it`);
    mustHold(
      isOrder(decided) && decided.kind === kind,
      'K2',
      () => `${key} is answered with ${status}, the journal has a ${decided.kind}`,
    );
    const same = fingerprintOf(decided.order) === fingerprintOf(intent.order);
    mustHold(same, 'K1', () => `${key} is answered with ${status}, the journal has another order`);
    if (reply.status === 200 && decided.kind === 'order') {
      mustHold(
        reply.number === decided.number,
        'K2',
        () => `${key} gets ${reply.number}, the journal has ${decided.number}`,
      );
      acknowledge(reply.number);
    }
    mustHold(
      decided.sequence > floor,
      'K6',
      () => `${key} was sent after ${floor} was told, and has ${decided.sequence}`,
    );
    if (before?.status === 200 && reply.status === 200) {
      mustHold(reply.replayed, 'K2', () => `${key} is answered a second time as if it were new`);
    }
    for (const name of namesOf(intent)) {
      const isItsName = journal.byKey(name) === decided;
      mustHold(isItsName || reply.replayed, 'K1', () => `${key} is answered as new, and is not known as ${name}`);
      if (isItsName) knownNames.add(name);
    }
    told.tell(decided.sequence);
  };

  /** K3: a conflict needs a name that belongs to something else, or two names of two orders; and says which name it is. */
  const checkConflict = ({ intent }: Sent, { key, alsoKey }: Extract<OrderReply, { status: 422 }>): void => {
    const fingerprint = fingerprintOf(intent.order);
    const isOurs = (decided: Decided | undefined): boolean =>
      isOrder(decided) && fingerprintOf(decided.order) === fingerprint;
    const [first, second] = namesOf(intent).map((name) => journal.byKey(name));
    const isFirst = first !== undefined && !isOurs(first);
    const isSecond = second !== undefined && (!isOurs(second) || (first !== undefined && first !== second));
    mustHold(alsoKey ? isSecond : isFirst, 'K3', () => `${key} is answered with 422, and has no other order`);
  };

  return {
    sending: (intent) => {
      const names = namesOf(intent);
      const [name] = names;
      if (name === undefined) return { intent, floor: told.highest(), before: null, wasKnown: false };
      const floor = floors.get(name) ?? told.highest();
      floors.set(name, floor);
      return { intent, floor, before: answers.get(name) ?? null, wasKnown: names.some((one) => knownNames.has(one)) };
    },
    answered: (sent, reply) => {
      const { intent } = sent;
      const { key } = reply;
      if (reply.status === 503) return;
      if (reply.status === 404) {
        const isKnown = intent.order.lines.every(({ name }) => products.has(name));
        mustHold(!isKnown, 'K1', () => `${key} is answered with 404`);
        return;
      }
      if (reply.status === 410) {
        mustHold(!sent.wasKnown, 'K1', () => `nothing was decided under ${key}, and it was told`);
        return;
      }
      if (reply.status === 422) return checkConflict(sent, reply);
      checkDecided(sent, reply);
      const earlier = answers.get(key);
      const equal = earlier === undefined || (earlier.status === reply.status && numberOf(earlier) === numberOf(reply));
      mustHold(equal, 'K2', () => `${key} is answered with ${JSON.stringify(reply)} after ${JSON.stringify(earlier)}`);
      answers.set(key, reply);
    },
    acknowledge,
    acknowledged: () => numbers,
    isKnown: (name) => knownNames.has(name),
    asking: (query) => {
      const decided = 'key' in query ? journal.byKey(query.key) : undefined;
      const number = 'number' in query ? query.number : decided?.kind === 'order' ? decided.number : -1;
      const mustBeFound = 'key' in query ? number >= 0 && knownNames.has(query.key) : isAcknowledged.has(number);
      return { query, mustBeFound, wasCancelled: cancels.isDone(number) };
    },
    found: ({ query, mustBeFound, wasCancelled }, reply) => {
      const text = JSON.stringify(query);
      if (reply.status === 503) return;
      if (reply.status === 404) {
        mustHold(!mustBeFound, 'K1', () => `${text} is not found, and was acknowledged`);
        return;
      }
      const { found } = reply;
      const decided = journal.byKey('key' in query ? query.key : found.key);
      const cancellation = journal.cancellation(found.number);
      const same =
        decided?.kind === 'order' &&
        decided.number === found.number &&
        decided.key === found.key &&
        (!('number' in query) || found.number === query.number) &&
        found.sequence === (found.cancelled ? cancellation?.sequence : decided.sequence) &&
        JSON.stringify(decided.order) === JSON.stringify(found.order);
      mustHold(same, 'K1', () => `${text} finds ${JSON.stringify(found)}, the journal has ${JSON.stringify(decided)}`);
      mustHold(!wasCancelled || found.cancelled === true, 'K10', () => `${text} is no longer cancelled`);
      told.tell(found.sequence);
    },
  };
};

const numberOf = (reply: OrderReply): number | null => (reply.status === 200 ? reply.number : null);
