/** One step of a replica: an input in, what is to be done out. docs/replication.md has the words, the messages and the states. */
import type { ClusterRecord } from '@till/shared/cluster';
import { advanceCommit } from './commit.ts';
import { sendAck, takeEntries, takeProbe } from './follower.ts';
import { takeAck, takePosition } from './followers.ts';
import { goOn, proposalRefused, recordChanged, stepDown, takeCatalogAnswer, takeOver, tend } from './leader.ts';
import { takeRequest } from './requests.ts';
import { incarnationOf, markOf, type Replica, sameMember, save } from './state.ts';
import type { Effect, Input, Message } from './types.ts';

/**
 * Takes one input and returns the effects, to be performed in order: a `save` is on disk before anything after it. An
 * `append` may be written while later effects go out; what depends on it waits for `stored`.
 */
export const step = (replica: Replica, input: Input): Effect[] => {
  const effects: Effect[] = [];
  if (replica.halted !== null) {
    if (input.type === 'propose') takeRequest(replica, input, effects);
    return effects;
  }
  take(replica, input, effects);
  const halt = effects.findIndex(({ type }) => type === 'halt');
  if (halt === -1) return effects;
  const { reason } = effects[halt] as Extract<Effect, { type: 'halt' }>;
  replica.halted = reason;
  replica.clean = false;
  stepDown(replica, effects);
  return effects.filter(({ type }) => type === 'halt' || type === 'answer');
};

const take = (replica: Replica, input: Input, effects: Effect[]): void => {
  switch (input.type) {
    case 'tick':
      replica.now = Math.max(replica.now, input.now);
      if (replica.leadership !== null) tend(replica, replica.leadership, effects);
      else if (replica.leaving) replica.drained = true;
      markCommit(replica, effects);
      return;
    case 'record':
      takeRecord(replica, input.record, effects);
      return;
    case 'refused':
      if (replica.leadership !== null) proposalRefused(replica.leadership, input);
      return;
    case 'propose':
      takeRequest(replica, input, effects);
      if (replica.leadership !== null) goOn(replica, replica.leadership, effects);
      return;
    case 'catalog':
      if (replica.leadership !== null) takeCatalogAnswer(replica, replica.leadership, input, effects);
      // The catalog knows a term that no record has: it must be known here too, or the next leader would be shut out again.
      if (input.answer.kind === 'old_term' && input.answer.term > replica.durable.term)
        seeTerm(replica, input.answer.term, effects);
      return;
    case 'stored':
      takeStored(replica, input.write, effects);
      return;
    case 'message':
      takeMessage(replica, input, effects);
      return;
    case 'leave':
      replica.leaving = true;
      return;
  }
};

/** Saves the commit index now and then, so that a log that is put back older, or lost, is recognised at the next start. */
const markCommit = (replica: Replica, effects: Effect[]): void => {
  const isNew = markOf(replica) > replica.durable.committed.index;
  if (isNew && replica.now - replica.markedAt >= replica.limits.markEveryMs) save(replica, {}, effects);
};

/** A newer cluster record. This run leads if it is named, incarnation and all, and if it has seen no higher term. */
const takeRecord = (replica: Replica, record: ClusterRecord, effects: Effect[]): void => {
  const { durable, leadership } = replica;
  if (durable.storeId !== null && durable.storeId !== record.storeId) return;
  if (durable.record !== null && record.version <= durable.record.version) return;
  const isNamed = record.registered.some(({ id, boot }) => id === replica.id && boot === replica.boot);
  if (durable.storeId === null && !isNamed) return;
  const was = durable.record?.inSync ?? [];
  if (record.term > durable.term) newTerm(replica, effects);
  save(replica, { storeId: record.storeId, term: Math.max(durable.term, record.term), record }, effects);
  const incarnation = incarnationOf(replica);
  const leads =
    record.leader !== null &&
    record.term === replica.durable.term &&
    ((incarnation !== null && sameMember(record.leader, { id: replica.id, incarnation })) ||
      (replica.without.has('grantNamesRun') && record.leader.id === replica.id));
  if (!leads) {
    stepDown(replica, effects);
    return;
  }
  if (leadership !== null && replica.leadership === leadership) recordChanged(replica, leadership, was, effects);
  else if (replica.following === null && replica.clean) takeOver(replica, record.leader?.incarnation ?? 0, effects);
};

/** A higher term: whoever led or was followed is history. */
const newTerm = (replica: Replica, effects: Effect[]): void => {
  stepDown(replica, effects);
  replica.following = null;
  replica.verified = 0;
};

const takeStored = (replica: Replica, write: number, effects: Effect[]): void => {
  const done = replica.writing.filter((writing) => writing.write <= write);
  replica.writing = replica.writing.filter((writing) => writing.write > write);
  const stored = Math.max(0, ...done.map(({ last }) => last));
  if (stored <= replica.stored) return;
  replica.stored = stored;
  if (replica.leadership !== null) {
    advanceCommit(replica, replica.leadership, effects);
    goOn(replica, replica.leadership, effects);
  } else sendAck(replica, effects);
};

const takeMessage = (
  replica: Replica,
  { from, message }: Extract<Input, { type: 'message' }>,
  effects: Effect[],
): void => {
  const { durable } = replica;
  if (incarnationOf(replica) === null) return;
  if (message.type === 'refuse') {
    if (message.term > durable.term) seeTerm(replica, message.term, effects);
    return;
  }
  if (message.term < durable.term && !replica.without.has('refuseLowerTerm')) {
    const isFromLeader = message.type === 'probe' || message.type === 'append';
    if (isFromLeader) effects.push({ type: 'send', to: from, message: { type: 'refuse', term: durable.term } });
    return;
  }
  if (message.term > durable.term) seeTerm(replica, message.term, effects);
  if (message.type === 'probe' || message.type === 'append') takeFromLeader(replica, { from, message }, effects);
  else takeFromFollower(replica, { from, message }, effects);
};

const seeTerm = (replica: Replica, term: number, effects: Effect[]): void => {
  newTerm(replica, effects);
  save(replica, { term }, effects);
};

type FromLeader = Extract<Message, { type: 'probe' | 'append' }>;
type FromFollower = Extract<Message, { type: 'position' | 'ack' }>;

const takeFromLeader = (
  replica: Replica,
  { from, message }: { from: number; message: FromLeader },
  effects: Effect[],
): void => {
  if (replica.leadership !== null && !replica.without.has('refuseLowerTerm')) {
    effects.push({ type: 'halt', reason: `order-${from} leads term ${message.term}, and so does this replica` });
    return;
  }
  stepDown(replica, effects);
  replica.following = { leader: from, leaderIncarnation: message.leaderIncarnation };
  if (message.type === 'probe') takeProbe(replica, from, effects);
  else takeEntries(replica, { from, message }, effects);
};

const takeFromFollower = (
  replica: Replica,
  { from, message }: { from: number; message: FromFollower },
  effects: Effect[],
): void => {
  const { leadership } = replica;
  if (leadership === null || leadership.term !== message.term) return;
  if (message.type === 'ack') takeAck(replica, leadership, { from, message }, effects);
  else if (takePosition(replica, leadership, { from, message }, effects) === 'this_log_is_short') {
    replica.clean = false;
    if (message.type === 'position') replica.shortOf = Math.max(replica.shortOf, message.onceCommitted);
    stepDown(replica, effects);
    return;
  }
  goOn(replica, leadership, effects);
};
