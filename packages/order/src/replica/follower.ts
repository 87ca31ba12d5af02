/** Following: taking the leader's entries, and saying what is on disk. */
import { assert } from '@till/shared/assert';
import { endOf, follows, holds, positionAt } from './entry.ts';
import { appendEntries, cutEntries, incarnationOf, type Replica } from './state.ts';
import type { Effect, Entry, Message, Position } from './types.ts';

/** The leader asks where this log stands. */
export const takeProbe = (replica: Replica, from: number, effects: Effect[]): void =>
  sendPosition(replica, from, effects);

/**
 * Entries from the leader. What equals them stays, what conflicts with them is cut, never anything only because the
 * message is short. Acknowledged once on disk.
 */
export const takeEntries = (
  replica: Replica,
  { from, message }: { from: number; message: Extract<Message, { type: 'append' }> },
  effects: Effect[],
): void => {
  const { log } = replica;
  if (!holds(log, message.previous)) {
    sendPosition(replica, from, effects);
    return;
  }
  let end = message.previous;
  const added: Entry[] = [];
  for (const entry of message.entries) {
    if (!follows(end, entry)) {
      effects.push({
        type: 'halt',
        reason: `Entry ${entry.index} from order-${from} does not chain to the entry before it`,
      });
      return;
    }
    if (added.length === 0 && !isHeld(replica, entry)) {
      if (entry.index <= log.lastIndex() && !cutFrom(replica, entry.index, effects)) return;
      added.push(entry);
    } else if (added.length > 0) added.push(entry);
    end = { index: entry.index, hash: entry.hash };
  }
  if (replica.without.has('truncateOnlyOnConflict') && added.length === 0 && log.lastIndex() > end.index) {
    cutEntries(replica, end.index + 1, effects);
  }
  if (added.length > 0) appendEntries(replica, added, effects);
  replica.verified = Math.max(replica.verified, end.index);
  replica.commitIndex = Math.max(replica.commitIndex, Math.min(message.commitIndex, replica.verified));
  if (replica.stored >= replica.verified || replica.without.has('storeBeforeAck')) sendAck(replica, effects);
};

/** Says what is on this disk and known to equal the leader's log. */
export const sendAck = (replica: Replica, effects: Effect[]): void => {
  const { following } = replica;
  const incarnation = incarnationOf(replica);
  if (following === null || incarnation === null) return;
  const stored = replica.without.has('storeBeforeAck') ? replica.log.lastIndex() : replica.stored;
  const held = positionAt(replica.log, Math.min(stored, replica.verified));
  // A log that was found short holds everything committed again: it may be counted, and lead.
  if (held.index >= replica.commitIndex && replica.commitIndex >= replica.shortOf)
    replica.clean = replica.halted === null;
  effects.push({
    type: 'send',
    to: following.leader,
    message: {
      type: 'ack',
      term: replica.durable.term,
      leaderIncarnation: following.leaderIncarnation,
      incarnation,
      held,
      commitIndex: replica.commitIndex,
    },
  });
};

const isHeld = (replica: Replica, entry: Entry): boolean => replica.log.at(entry.index)?.hash === entry.hash;

/** Drops a conflicting tail. Below the commit index that would be a promise broken: stop instead. */
const cutFrom = (replica: Replica, from: number, effects: Effect[]): boolean => {
  if (from <= replica.commitIndex) {
    effects.push({
      type: 'halt',
      reason: `The leader asks to cut at ${from}, but ${replica.commitIndex} is committed`,
    });
    return false;
  }
  cutEntries(replica, from, effects);
  return true;
};

const sendPosition = (replica: Replica, from: number, effects: Effect[]): void => {
  const { following } = replica;
  const incarnation = incarnationOf(replica);
  assert(following?.leader === from, 'Only the leader of the term is told where this log stands');
  if (incarnation === null) return;
  effects.push({
    type: 'send',
    to: from,
    message: {
      type: 'position',
      term: replica.durable.term,
      leaderIncarnation: following.leaderIncarnation,
      incarnation,
      last: endOf(replica.log),
      commitIndex: replica.commitIndex,
      onceCommitted: Math.max(replica.commitIndex, replica.shortOf),
      locator: locatorOf(replica),
    },
  });
};

/**
 * Places from the end back in steps that double, and the commit index: enough to find a common prefix that is at most
 * twice as far back as it must be, in one message (the block locator of Bitcoin).
 */
const locatorOf = (replica: Replica): Position[] => {
  const { log, commitIndex } = replica;
  const indexes = new Set<number>();
  for (let at = log.lastIndex(), step = 1; at > 0; at -= step, step *= 2) indexes.add(at);
  if (commitIndex > 0) indexes.add(commitIndex);
  return [...indexes].sort((a, b) => b - a).map((index) => positionAt(log, index));
};
