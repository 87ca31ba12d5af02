/**
 * Leading: from the record that names this run to the first order, and from each order to its commit.
 *
 * The order of a takeover (each step closes a hole that the simulator finds when it is left out): the term is on disk;
 * every in-sync follower has taken the term and said where it stands; nobody knows more committed than this log has; the
 * first entry of the term is on every in-sync disk; the catalog refuses older terms and has returned what the log
 * lacks; that is committed; orders are taken.
 */
import { assert } from '@till/shared/assert';
import type { Member } from '@till/shared/cluster';
import { unseal } from '@till/shared/sealed';
import { advanceCommit } from './commit.ts';
import { endOf, movementEntry, movementIn, sequenceAt, sequenceOf, startEntry } from './entry.ts';
import { alignFollowers, punishRemoved, sendToAll, tendFollowers } from './followers.ts';
import { considerProposal, proposeHandOver, successorOf } from './in-sync.ts';
import { createCheckoutQueue, executeNext } from './queue.ts';
import { answerAll, answerCommitted, answerOverdue, decided, nextSlots } from './requests.ts';
import { appendEntries, type CatalogCall, type Leadership, type Replica, recordOf } from './state.ts';
import type { CatalogAnswer, Effect, Entry, Log } from './types.ts';

/** Begins to lead the term that the record gives to this run. */
export const takeOver = (replica: Replica, incarnation: number, effects: Effect[]): void => {
  const leadership: Leadership = {
    term: replica.durable.term,
    incarnation,
    phase: 'positions',
    followers: new Map(),
    startIndex: 0,
    readyIndex: 0,
    proposal: null,
    proposals: 0,
    requests: [],
    queued: 0,
    call: null,
    callAfter: 0,
    catalogHasMore: false,
    catalogBehind: false,
    preferredSince: null,
    drainingSince: 0,
    queue: createCheckoutQueue(replica),
    rotating: false,
  };
  replica.leadership = leadership;
  replica.following = null;
  alignFollowers(replica, leadership, effects);
  goOn(replica, leadership, effects);
};

/** Gives up leading: whatever waits is answered, what became of it is open. */
export const stepDown = (replica: Replica, effects: Effect[]): void => {
  const { leadership } = replica;
  if (leadership === null) return;
  replica.leadership = null;
  answerAll(leadership, effects);
};

/** The record changed within this leader's term. */
export const recordChanged = (replica: Replica, leadership: Leadership, was: Member[], effects: Effect[]): void => {
  const record = recordOf(replica);
  assert(record !== null, 'A leader must have a cluster record');
  const { proposal } = leadership;
  if (proposal !== null && record.version > proposal.version) leadership.proposal = null;
  punishRemoved(replica, leadership, { was, is: record.inSync });
  alignFollowers(replica, leadership, effects);
  advanceCommit(replica, leadership, effects);
  goOn(replica, leadership, effects);
};

/** The manager does not grant a proposal: it never will at this version. */
export const proposalRefused = (
  leadership: Leadership,
  { proposal, version }: { proposal: number; version: number },
): void => {
  if (leadership.proposal?.id !== proposal || leadership.proposal.version !== version) return;
  leadership.proposal = null;
};

/** Time has passed. */
export const tend = (replica: Replica, leadership: Leadership, effects: Effect[]): void => {
  const { limits, now } = replica;
  tendFollowers(replica, leadership, effects);
  answerOverdue(replica, leadership, effects);
  if (leadership.call !== null && now - leadership.call.sentAt >= limits.catalogWaitMs) {
    leadership.call = null;
    leadership.callAfter = now;
  }
  considerProposal(replica, leadership);
  tendHandOver(replica, leadership);
  goOn(replica, leadership, effects);
};

/** Moves to the next phase as soon as its condition holds, and keeps the catalog busy. */
export const goOn = (replica: Replica, leadership: Leadership, effects: Effect[]): void => {
  if (leadership.phase === 'positions' && everyFollowerMatched(replica, leadership)) {
    const after = endOf(replica.log);
    const entry = startEntry(after, leadership.term, sequenceAt(replica.log, after.index));
    leadership.startIndex = entry.index;
    leadership.phase = 'barrier';
    appendOwn(replica, leadership, [entry], effects);
  }
  if (leadership.phase === 'barrier' && replica.commitIndex >= leadership.startIndex) leadership.phase = 'fencing';
  if (leadership.phase === 'catching_up' && replica.commitIndex >= leadership.readyIndex) leadership.phase = 'serving';
  executeNext(replica, leadership);
  callCatalog(replica, leadership, effects);
};

const everyFollowerMatched = (replica: Replica, leadership: Leadership): boolean => {
  const inSync = recordOf(replica)?.inSync ?? [];
  return inSync.every(({ id, incarnation }) => {
    if (id === replica.id) return incarnation === leadership.incarnation;
    const follower = leadership.followers.get(id);
    return follower?.incarnation === incarnation && follower.matched;
  });
};

const appendOwn = (replica: Replica, leadership: Leadership, entries: Entry[], effects: Effect[]): void => {
  if (entries.length === 0) return;
  appendEntries(replica, entries, effects);
  sendToAll(replica, leadership, effects);
};

/** Asks the catalog for decisions, one call at a time: while one is on its way the next batch fills up. */
const callCatalog = (replica: Replica, leadership: Leadership, effects: Effect[]): void => {
  const { limits, log, now } = replica;
  if (leadership.call !== null || now < leadership.callAfter) return;
  const after = sequenceAt(log, log.lastIndex());
  const { term } = leadership;
  if (leadership.phase === 'fencing') {
    replica.calls += 1;
    leadership.call = { id: replica.calls, kind: 'fence', sentAt: now, slots: [] };
    effects.push({ type: 'fence', call: replica.calls, term, after });
    return;
  }
  if (leadership.phase !== 'serving' && leadership.phase !== 'draining') return;
  const slots = nextSlots(leadership, limits.ordersInCallMax);
  const idle = slots.length === 0 && !leadership.catalogHasMore;
  if (idle && (leadership.phase === 'draining' || now < leadership.callAfter + limits.catalogIdleMs)) return;
  replica.calls += 1;
  leadership.call = { id: replica.calls, kind: 'decide', sentAt: now, slots };
  const orders = slots.flatMap(({ request, place }) => {
    request.sent = true;
    return request.orders[place] ?? [];
  });
  effects.push({ type: 'decide', call: replica.calls, term, after, orders });
};

/** The catalog answered, or did not. An answer to another call than the open one is too late to be of use. */
export const takeCatalogAnswer = (
  replica: Replica,
  leadership: Leadership,
  { call, answer }: { call: number; answer: CatalogAnswer },
  effects: Effect[],
): void => {
  const open = leadership.call;
  if (open === null || open.id !== call) return;
  leadership.call = null;
  if (answer.kind === 'old_term') {
    stepDown(replica, effects);
    return;
  }
  if (answer.kind === 'lost' || answer.kind === 'busy') {
    leadership.callAfter = replica.now + 1;
    return;
  }
  leadership.catalogBehind = answer.kind === 'behind' || !agrees(replica.log, answer.lines);
  leadership.callAfter = replica.now;
  if (answer.kind === 'behind' || leadership.catalogBehind) {
    leadership.callAfter = replica.now + replica.limits.catalogWaitMs;
    return;
  }
  appendOwn(replica, leadership, newEntries(replica, leadership, answer.lines), effects);
  noteOutcomes(open, answer);
  leadership.catalogHasMore = answer.more;
  if (open.kind === 'fence') {
    leadership.phase = answer.more ? 'fencing' : 'catching_up';
    leadership.readyIndex = replica.log.lastIndex();
  }
  const committed = Math.min(replica.commitIndex, replica.log.lastIndex());
  answerCommitted(replica, leadership, sequenceAt(replica.log, committed), effects);
  advanceCommit(replica, leadership, effects);
  goOn(replica, leadership, effects);
};

const noteOutcomes = (open: CatalogCall, answer: Extract<CatalogAnswer, { kind: 'decided' }>): void => {
  open.slots.forEach((slot, place) => {
    const outcome = answer.outcomes[place];
    assert(outcome !== undefined, 'The catalog must say an outcome for each order');
    decided(slot, outcome);
  });
};

/** True unless the catalog returns another movement than the one that this log has at the same sequence. */
const agrees = (log: Log, lines: string[]): boolean => {
  const [first] = lines;
  const movement = first === undefined ? null : unseal(first);
  if (movement === null) return first === undefined;
  const sequence = sequenceOf(movement.body);
  for (let index = log.lastIndex(); sequenceAt(log, index) >= sequence && index > 0; index -= 1) {
    const body = movementIn(log.at(index));
    if (body !== null && sequenceOf(body) === sequence) return body === movement.body;
  }
  return true;
};

/** Entries for the movements that the log lacks. They come in sequence order and must follow without a gap. */
const newEntries = (replica: Replica, leadership: Leadership, lines: string[]): Entry[] => {
  if (replica.without.has('rollForward') && leadership.phase === 'fencing') return [];
  const entries: Entry[] = [];
  let end = endOf(replica.log);
  let sequence = sequenceAt(replica.log, end.index);
  for (const line of lines) {
    const next = sequenceOf(line);
    if (next <= sequence) continue;
    assert(next === sequence + 1, `Movement ${next} must not follow movement ${sequence}`);
    const entry = movementEntry(end, leadership.term, line);
    entries.push(entry);
    end = { index: entry.index, hash: entry.hash };
    sequence = next;
  }
  return entries;
};

/**
 * Planned hand-over: when a higher id has been in sync for a while, or it is another's turn, this leader lets what is under
 * way end, makes sure that the follower holds the whole log, and proposes it. Leaving is the same, but to whoever the
 * manager elects.
 */
const tendHandOver = (replica: Replica, leadership: Leadership): void => {
  const { limits, now } = replica;
  const successor = successorOf(replica, leadership);
  if (successor === null) leadership.rotating = false;
  if (leadership.phase === 'serving') {
    if (successor === null) leadership.preferredSince = null;
    else leadership.preferredSince ??= now;
    const waitMs = leadership.rotating ? 0 : limits.handOverAfterMs;
    const due = leadership.preferredSince !== null && now - leadership.preferredSince >= waitMs;
    if (replica.leaving || (due && leadership.proposal === null)) {
      leadership.phase = 'draining';
      leadership.drainingSince = now;
    }
  }
  if (leadership.phase !== 'draining') {
    if (replica.leaving) replica.drained = true;
    return;
  }
  const settled = leadership.requests.length === 0 && replica.commitIndex === replica.log.lastIndex();
  const overdue = now - leadership.drainingSince >= limits.drainMs;
  if (replica.leaving) {
    replica.drained = settled || overdue;
    return;
  }
  if (leadership.proposal !== null) return;
  const follower = successor === null ? undefined : leadership.followers.get(successor.id);
  if (successor !== null && settled && follower?.held === replica.log.lastIndex()) {
    proposeHandOver(replica, leadership, successor);
  } else if (overdue || successor === null) {
    leadership.phase = 'serving';
    leadership.preferredSince = now;
    leadership.rotating = false;
  }
};
