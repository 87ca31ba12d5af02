/** What the tests of the replica's core stand on: records, journals, logs and messages, made by hand. */

import type { Member } from '@till/shared/cluster';
import type { Outcome, PlacedOrder } from '@till/shared/movement';
import { seal, ZERO_HASH } from '@till/shared/sealed';
import { endOf, movementEntry, positionAt, START, startEntry } from '../src/replica/entry.ts';
import { createLog } from '../src/replica/log.ts';
import { createReplica, type Replica, type ReplicaRule } from '../src/replica/state.ts';
import { step } from '../src/replica/step.ts';
import type {
  CatalogAnswer,
  ClusterRecord,
  Effect,
  Entry,
  Log,
  Message,
  Position,
  ReplicaLimits,
} from '../src/replica/types.ts';

export const limits: ReplicaLimits = {
  peerWaitMs: 100,
  missesMax: 3,
  levelForMs: 200,
  levelForMsMax: 1000,
  markEveryMs: 60_000,
  beatMs: 50,
  handOverAfterMs: 600,
  drainMs: 300,
  requestWaitMs: 1000,
  catalogWaitMs: 200,
  catalogIdleMs: 250,
  appendEntriesMax: 4,
  appendBytesMax: 65_536,
  ordersInCallMax: 3,
  queueLengthMax: 6,
  minInSync: 1,
  checkoutsSeenMax: 256,
  checkoutsInCallMax: 2,
  checkoutsPerBook: 3,
  rotateLeader: false,
};

export const member = (id: number, incarnation = 1): Member => ({ id, incarnation });

/** Three replicas in sync, the runs `1a`, `2a` and `3a`; 3 leads term 1 at version 2. */
export const record = (over: Partial<ClusterRecord> = {}): ClusterRecord => ({
  storeId: 'store',
  term: 1,
  version: 2,
  leader: member(3),
  inSync: [member(1), member(2), member(3)],
  registered: [1, 2, 3].map((id) => ({ id, incarnation: 1, boot: `${id}a` })),
  ...over,
});

/** A journal of the catalog: line n is the movement of sequence n. `mark` makes two histories differ. */
export const journal = (length: number, mark = ''): string[] => {
  const lines: string[] = [];
  let hash = ZERO_HASH;
  for (let sequence = 1; sequence <= length; sequence += 1) {
    const sealed = seal(hash, `{"sequence":${sequence},"term":1,"time":0,"kind":"fence","mark":"${mark}"}`);
    hash = sealed.hash;
    lines.push(sealed.line);
  }
  return lines;
};

/** One line of a journal, whatever stands before it. */
export const lineOf = (sequence: number, movement: { kind: string } & Record<string, unknown>): string =>
  seal(ZERO_HASH, JSON.stringify({ sequence, term: 1, time: 0, ...movement })).line;

/** `t2` is the start of term 2, `m` the next movement of the journal, `x` the next movement of another history. */
export const history = (words: string, term = 1): Entry[] => {
  const entries: Entry[] = [];
  let after: Position = START;
  let sequence = 0;
  let current = term;
  for (const word of words.split(' ').filter((one) => one !== '')) {
    if (word.startsWith('t')) current = Number(word.slice(1));
    else sequence += 1;
    const line = journal(sequence, word === 'x' ? 'other' : '')[sequence - 1] ?? '';
    const entry = word.startsWith('t') ? startEntry(after, current, sequence) : movementEntry(after, current, line);
    entries.push(entry);
    after = { index: entry.index, hash: entry.hash };
  }
  return entries;
};

type Start = {
  id?: number;
  boot?: string;
  log?: string;
  record?: ClusterRecord | null;
  limits?: Partial<ReplicaLimits>;
  halted?: string;
  committed?: Position;
  without?: ReplicaRule[];
};

/** A replica, by default number 1 that follows 3, which knows the record but has not heard from the leader yet. */
export const create = (start: Start = {}): Replica => {
  const id = start.id ?? 1;
  const known = start.record === undefined ? record() : start.record;
  return createReplica({
    id,
    boot: start.boot ?? `${id}a`,
    limits: { ...limits, ...start.limits },
    durable: {
      storeId: known?.storeId ?? null,
      term: known?.term ?? 0,
      record: known,
      committed: start.committed ?? START,
    },
    log: createLog(history(start.log ?? '')),
    now: 0,
    halted: start.halted ?? null,
    without: start.without ?? [],
  });
};

export const take = (replica: Replica, from: number, message: Message): Effect[] =>
  step(replica, { type: 'message', from, message });

export const tick = (replica: Replica, ms = 10): Effect[] => step(replica, { type: 'tick', now: replica.now + ms });

/** Lets time pass in ticks of 10 ms. */
export const pass = (replica: Replica, ms: number): Effect[] => {
  const effects: Effect[] = [];
  for (const until = replica.now + ms; ms > 0; ms -= 10)
    effects.push(...step(replica, { type: 'tick', now: until - ms + 10 }));
  return effects;
};

/** Everything that is being written is on the disk. */
export const store = (replica: Replica): Effect[] => step(replica, { type: 'stored', write: replica.writes });

/** The words of the effects, in their order: `save`, `send append 2`, `answer`. */
export const words = (effects: Effect[]): string[] =>
  effects.map((effect) => (effect.type === 'send' ? `send ${effect.message.type} ${effect.to}` : effect.type));

export const sent = <Type extends Message['type']>(effects: Effect[], type: Type): Extract<Message, { type: Type }>[] =>
  effects.flatMap((effect) =>
    effect.type === 'send' && effect.message.type === type ? [effect.message as Extract<Message, { type: Type }>] : [],
  );

export const answers = (effects: Effect[]) =>
  effects.flatMap((effect) => (effect.type === 'answer' ? [[effect.request, effect.result] as const] : []));

export const calls = (effects: Effect[]) =>
  effects.flatMap((effect) => (effect.type === 'decide' || effect.type === 'fence' ? [effect] : []));

export const halts = (effects: Effect[]): string[] =>
  effects.flatMap((effect) => (effect.type === 'halt' ? [effect.reason] : []));

// What a follower hears from the leader, 3

type Append = Extract<Message, { type: 'append' }>;

export const probe = (over: Partial<Extract<Message, { type: 'probe' }>> = {}): Message => ({
  type: 'probe',
  term: 1,
  leaderIncarnation: 1,
  ...over,
});

/** The entries of a history after an index, up to another. */
export const append = (entries: Entry[], after: number, over: Partial<Append> & { to?: number } = {}): Message => {
  const { to, ...fields } = over;
  return {
    type: 'append',
    term: 1,
    leaderIncarnation: 1,
    previous: positionAt(createLog(entries), after),
    entries: entries.slice(after, to),
    commitIndex: 0,
    ...fields,
  };
};

// What a leader hears

export const position = (
  leader: Replica,
  log: Log,
  over: Partial<Extract<Message, { type: 'position' }>> = {},
): Message => ({
  type: 'position',
  term: leader.durable.term,
  leaderIncarnation: leader.leadership?.incarnation ?? 0,
  incarnation: 1,
  last: endOf(log),
  commitIndex: 0,
  onceCommitted: over.commitIndex ?? 0,
  locator: log.lastIndex() === 0 ? [] : [endOf(log)],
  ...over,
});

export const ack = (
  leader: Replica,
  index: number,
  over: Partial<Extract<Message, { type: 'ack' }>> = {},
): Message => ({
  type: 'ack',
  term: leader.durable.term,
  leaderIncarnation: leader.leadership?.incarnation ?? 0,
  incarnation: 1,
  held: positionAt(leader.log, index),
  commitIndex: leader.commitIndex,
  ...over,
});

/** All of the log is on the leader's disk and on those of these followers. */
export const replicate = (leader: Replica, followers = [1, 2]): Effect[] => {
  const effects = store(leader);
  for (const id of followers) effects.push(...take(leader, id, ack(leader, leader.log.lastIndex())));
  return effects;
};

/** The catalog answers the call that is open. */
export const answer = (leader: Replica, given: CatalogAnswer): Effect[] =>
  step(leader, { type: 'catalog', call: leader.leadership?.call?.id ?? 0, answer: given });

export const decided = (lines: string[], outcomes: Outcome[] = [], more = false): CatalogAnswer => ({
  kind: 'decided',
  outcomes,
  lines,
  more,
});

/** Replica 3, named leader of term 2 by a new record: it has just begun to take over. */
export const takingOver = (start: Start = {}): { leader: Replica; effects: Effect[] } => {
  const leader = create({ id: 3, log: 't1 m', ...start });
  const named = record({
    term: 2,
    version: 3,
    ...(start.record ?? {}),
    ...(start.record ? { term: 2, version: 3 } : {}),
  });
  return { leader, effects: step(leader, { type: 'record', record: named }) };
};

/** The same when every in-sync follower has said that it has this very log. */
export const atBarrier = (start: Start = {}): { leader: Replica; effects: Effect[] } => {
  const { leader, effects } = takingOver(start);
  for (const { id, incarnation } of leader.durable.record?.inSync ?? []) {
    if (id !== 3) effects.push(...take(leader, id, position(leader, leader.log, { incarnation })));
  }
  return { leader, effects };
};

/** Replica 3 leads term 2 and takes orders: its log is `t1 m t2 m`, all of it committed. */
export const serving = (start: Start = {}): Replica => {
  const { leader } = atBarrier(start);
  const followers = (leader.durable.record?.inSync ?? []).map(({ id }) => id).filter((id) => id !== 3);
  replicate(leader, followers);
  answer(leader, decided(journal(2)));
  replicate(leader, followers);
  return leader;
};

export const placed = (key: string): PlacedOrder => ({
  key,
  fingerprint: 'f',
  order: { lines: [{ name: 'Fox', quantity: 1 }] },
});

export const accepted = (key: string, sequence: number): Outcome => ({
  key,
  status: 'accepted',
  sequence,
  number: sequence,
  replayed: false,
});

/** A batch of orders for the leader of term 2. */
export const place = (leader: Replica, request: number, keys: string[], term = 2): Effect[] =>
  step(leader, { type: 'propose', request, term, orders: keys.map(placed) });
