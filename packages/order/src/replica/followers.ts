/** The leader's side of replication: what each follower is sent, and what its answers mean. */
import { assert } from '@till/shared/assert';
import { advanceCommit } from './commit.ts';
import { endOf, holds, positionAt } from './entry.ts';
import { considerProposal } from './in-sync.ts';
import { type Follower, type Leadership, type Replica, recordOf } from './state.ts';
import type { Effect, Message } from './types.ts';

/** Keeps the list of followers as the record has it. Another run of a replica starts from nothing. */
export const alignFollowers = (replica: Replica, leadership: Leadership, effects: Effect[]): void => {
  const record = recordOf(replica);
  assert(record !== null, 'A leader must have a cluster record');
  for (const { id, incarnation } of record.registered) {
    const known = leadership.followers.get(id);
    if (id === replica.id || known?.incarnation === incarnation) continue;
    const follower: Follower = {
      id,
      incarnation,
      matched: false,
      next: 0,
      held: 0,
      commitIndex: 0,
      sentAt: null,
      lastSentAt: replica.now,
      misses: 0,
      levelSince: null,
      levelForMs: known?.levelForMs ?? replica.limits.levelForMs,
    };
    leadership.followers.set(id, follower);
    sendTo(replica, leadership, follower, effects);
  }
};

/** Sends every follower that is not waited for what it lacks. */
export const sendToAll = (replica: Replica, leadership: Leadership, effects: Effect[]): void => {
  for (const follower of leadership.followers.values()) {
    if (follower.sentAt !== null) continue;
    if (!follower.matched || follower.next <= replica.log.lastIndex()) sendTo(replica, leadership, follower, effects);
  }
};

/** One message to one follower: a probe until a common place is known, then entries; without entries it is a beat. */
const sendTo = (replica: Replica, leadership: Leadership, follower: Follower, effects: Effect[]): void => {
  const { limits, log } = replica;
  const head = { term: leadership.term, leaderIncarnation: leadership.incarnation };
  follower.sentAt = replica.now;
  follower.lastSentAt = replica.now;
  const message: Message = follower.matched
    ? {
        type: 'append',
        ...head,
        previous: positionAt(log, follower.next - 1),
        entries: log.slice(follower.next, limits.appendEntriesMax, limits.appendBytesMax),
        commitIndex: replica.commitIndex,
      }
    : { type: 'probe', ...head };
  effects.push({ type: 'send', to: follower.id, message });
};

/** Time has passed: sends again what was not answered, and beats to followers that are idle. */
export const tendFollowers = (replica: Replica, leadership: Leadership, effects: Effect[]): void => {
  const { limits, now } = replica;
  for (const follower of leadership.followers.values()) {
    if (follower.sentAt !== null && now - follower.sentAt >= limits.peerWaitMs) {
      follower.misses += 1;
      follower.levelSince = null;
      if (follower.misses >= limits.missesMax) follower.matched = false;
      sendTo(replica, leadership, follower, effects);
    } else if (follower.sentAt === null && now - follower.lastSentAt >= limits.beatMs) {
      sendTo(replica, leadership, follower, effects);
    }
    noteLevel(replica, follower);
  }
};

/**
 * A follower says where it stands. If it knows more committed than this log has, this log lost something that was
 * acknowledged: it must not lead. Otherwise the highest place that both share is where sending starts.
 */
export const takePosition = (
  replica: Replica,
  leadership: Leadership,
  { from, message }: { from: number; message: Extract<Message, { type: 'position' }> },
  effects: Effect[],
): 'matched' | 'ignored' | 'this_log_is_short' => {
  const { log } = replica;
  const follower = leadership.followers.get(from);
  if (follower === undefined || message.leaderIncarnation !== leadership.incarnation) return 'ignored';
  if (message.onceCommitted > log.lastIndex()) return 'this_log_is_short';
  if (message.incarnation !== follower.incarnation) return 'ignored';
  answered(follower);
  let common = 0;
  for (const place of message.locator) {
    if (place.index > common && place.index <= log.lastIndex() && holds(log, place)) common = place.index;
  }
  if (common < message.commitIndex && message.locator.some(({ index }) => index === message.commitIndex)) {
    effects.push({
      type: 'halt',
      reason: `order-${from} has another committed entry at ${message.commitIndex} than this log`,
    });
    return 'ignored';
  }
  follower.matched = true;
  follower.next = common + 1;
  sendTo(replica, leadership, follower, effects);
  return 'matched';
};

/** A follower holds everything up to a place, on its disk. Counted only if it is the same run and the same history. */
export const takeAck = (
  replica: Replica,
  leadership: Leadership,
  { from, message }: { from: number; message: Extract<Message, { type: 'ack' }> },
  effects: Effect[],
): void => {
  const { log } = replica;
  const follower = leadership.followers.get(from);
  if (follower === undefined || message.leaderIncarnation !== leadership.incarnation) return;
  if (message.incarnation !== follower.incarnation && !replica.without.has('incarnationInAcks')) return;
  if (message.held.index > log.lastIndex() || !holds(log, message.held)) return;
  answered(follower);
  follower.commitIndex = Math.max(follower.commitIndex, message.commitIndex);
  follower.held = Math.max(follower.held, message.held.index);
  if (follower.matched) follower.next = follower.held + 1;
  noteLevel(replica, follower);
  advanceCommit(replica, leadership, effects);
  considerProposal(replica, leadership);
  const behind = !follower.matched || follower.next <= log.lastIndex();
  if (behind || (leadership.phase === 'draining' && follower.commitIndex < replica.commitIndex)) {
    sendTo(replica, leadership, follower, effects);
  }
};

/** A follower that was taken out of the set must be level for longer before it counts again. */
export const punishRemoved = (
  replica: Replica,
  leadership: Leadership,
  { was, is }: { was: { id: number; incarnation: number }[]; is: { id: number; incarnation: number }[] },
): void => {
  for (const { id, incarnation } of was) {
    const follower = leadership.followers.get(id);
    if (follower === undefined || follower.incarnation !== incarnation || is.some((member) => member.id === id))
      continue;
    follower.levelSince = null;
    follower.levelForMs = Math.min(follower.levelForMs * 2, replica.limits.levelForMsMax);
  }
};

const answered = (follower: Follower): void => {
  follower.sentAt = null;
  follower.misses = 0;
};

/** Level: nothing but what may be on its way is missing. */
const noteLevel = (replica: Replica, follower: Follower): void => {
  const lag = endOf(replica.log).index - follower.held;
  const isLevel = follower.matched && follower.misses === 0 && lag <= 2 * replica.limits.appendEntriesMax;
  if (!isLevel) follower.levelSince = null;
  else follower.levelSince ??= replica.now;
};
