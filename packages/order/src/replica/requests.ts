/** Batches of orders that wait at the leader: taken in, sent to the catalog, answered once committed. */
import type { Outcome } from '@till/shared/movement';
import { executed } from './queue.ts';
import type { Leadership, Replica, Request } from './state.ts';
import type { Effect, Input, Refusal } from './types.ts';

/** Takes a batch in, or refuses it at once. A refused batch was not decided. */
export const takeRequest = (
  replica: Replica,
  { request, term, orders }: Extract<Input, { type: 'propose' }>,
  effects: Effect[],
): void => {
  const { leadership } = replica;
  const reason = refusalOf(replica, term, orders.length);
  if (reason !== null || leadership === null) {
    effects.push({ type: 'answer', request, result: { ok: false, reason: reason ?? 'not_leader' } });
    return;
  }
  leadership.requests.push({
    id: request,
    orders,
    outcomes: orders.map(() => null),
    undecided: orders.length,
    sequence: 0,
    sent: false,
    deadline: replica.now + replica.limits.requestWaitMs,
  });
  leadership.queued += orders.length;
};

const refusalOf = ({ leadership, limits, durable }: Replica, term: number, orders: number): Refusal | null => {
  if (leadership === null || leadership.term !== term) return 'not_leader';
  if (leadership.catalogBehind) return 'catalog_behind';
  if (leadership.phase === 'fencing') return 'catalog_away';
  if (leadership.phase !== 'serving') return 'not_ready';
  if ((durable.record?.inSync.length ?? 0) < limits.minInSync) return 'too_few_in_sync';
  return leadership.queued + orders > limits.queueLengthMax ? 'busy' : null;
};

/** The next orders for the catalog, oldest first, with the place where each outcome belongs. */
export const nextSlots = (leadership: Leadership, ordersMax: number): { request: Request; place: number }[] => {
  const slots: { request: Request; place: number }[] = [];
  for (const request of leadership.requests) {
    if (request.undecided === 0) continue;
    for (let place = 0; place < request.orders.length; place += 1) {
      if (slots.length === ordersMax) return slots;
      if (request.outcomes[place] === null) slots.push({ request, place });
    }
  }
  return slots;
};

/** Notes what the catalog decided about one order. */
export const decided = ({ request, place }: { request: Request; place: number }, outcome: Outcome): void => {
  if (request.outcomes[place] !== null) return;
  request.outcomes[place] = outcome;
  request.undecided -= 1;
  if ('sequence' in outcome) request.sequence = Math.max(request.sequence, outcome.sequence);
};

/** Answers each batch that is decided and whose last movement is committed. */
export const answerCommitted = (
  replica: Replica,
  leadership: Leadership,
  committedSequence: number,
  effects: Effect[],
): void => {
  const isDone = ({ undecided, sequence }: Request): boolean => undecided === 0 && sequence <= committedSequence;
  const own = leadership.requests.find((request) => request.id === null && isDone(request));
  if (own !== undefined) executed(replica, leadership, own.outcomes);
  settle(leadership, effects, (request) =>
    isDone(request) ? { ok: true, outcomes: request.outcomes.filter((outcome) => outcome !== null) } : null,
  );
};

/** Answers each batch that has waited too long. Whether it was decided is open only if it reached the catalog. */
export const answerOverdue = (replica: Replica, leadership: Leadership, effects: Effect[]): void => {
  settle(leadership, effects, (request) => {
    if (request.deadline > replica.now) return null;
    return { ok: false, reason: request.sent ? 'unknown' : 'catalog_away' };
  });
};

/** Answers everything that waits: this replica does not lead any more. */
export const answerAll = (leadership: Leadership, effects: Effect[]): void => {
  settle(leadership, effects, (request) => ({ ok: false, reason: request.sent ? 'unknown' : 'not_leader' }));
};

const settle = (
  leadership: Leadership,
  effects: Effect[],
  resultOf: (request: Request) => Extract<Effect, { type: 'answer' }>['result'] | null,
): void => {
  const waiting: Request[] = [];
  for (const request of leadership.requests) {
    const result = resultOf(request);
    if (result === null) waiting.push(request);
    else if (request.id !== null) {
      leadership.queued -= request.orders.length;
      effects.push({ type: 'answer', request: request.id, result });
    }
  }
  if (waiting.length < leadership.requests.length) leadership.requests = waiting;
};
