/**
 * Performs what the core decides: saves, writes, sends, asks, answers, in the order it says. Decides nothing itself.
 */
import type { Client } from '@till/shared/client';
import { sleep } from '@till/shared/clock';
import type { ClusterRecord, ReplicaStatus } from '@till/shared/cluster';
import type { catalogContract } from '@till/shared/contract';
import { JournalDamaged } from '@till/shared/journal';
import type { Logger } from '@till/shared/logger';
import type { Placed } from '@till/shared/movement';
import type { OrderLog } from '@till/shared/order-log';
import { orderLimits } from './limits.ts';
import type { FileLog } from './log.ts';
import type { OrderMetrics } from './metrics.ts';
import type { OutboxHost } from './outbox/host.ts';
import type { Peers } from './peers.ts';
import { sequenceAt } from './replica/entry.ts';
import { type Found, findIn, movementsAfter, noteIn, type Query } from './replica/find.ts';
import { isReadable, type Replica, statusOf } from './replica/state.ts';
import { step } from './replica/step.ts';
import type { CatalogAnswer, Durable, Effect, Input, Message, PlaceResult } from './replica/types.ts';

export type Driver = {
  /** A health check: takes the manager's record, and what it refused; says how this replica is. */
  health(told: { record: ClusterRecord | null; refused: { proposal: number; version: number } | null }): ReplicaStatus;
  place(term: number, orders: Placed[]): Promise<PlaceResult>;
  /** What is committed, or why this replica must not say. */
  find(term: number, queries: Query[]): { ok: true; found: Found[] } | { ok: false; reason: string };
  peers: Peers;
  /** What the outbox may know and ask. */
  outbox: OutboxHost;
  /** Leaves the set, hands over if leading; resolves when nobody counts on this replica, or after a bound. */
  leave(): Promise<void>;
  /** Takes no input any more, then lets what is being written end. Close the server first: it waits for answers. */
  close(): Promise<void>;
};

export const createDriver = (deps: {
  replica: Replica;
  log: FileLog;
  createPeers(onMessage: (from: number, message: Message) => void): Peers;
  catalog: Pick<Client<typeof catalogContract>, 'movements' | 'fence'>;
  /** Milliseconds of a clock that only goes forward: the one that the replica was created with. */
  now(): number;
  /** Returns once it is on disk. */
  save(durable: Durable): void;
  /** A promise was found broken: keeps that on disk, so that a restart does not forget it. */
  saveHalt(reason: string): void;
  /** Called once: the log, the state or the core cannot be relied on any more, and nothing goes out. The process must end. */
  onFailed(error: Error): void;
  logger: Logger;
  /** Hears of each order's steps here, if anybody wants to know. */
  orderLog?: OrderLog | null;
  metrics: Pick<OrderMetrics, 'batch' | 'stored'>;
}): Driver => {
  const { replica, log, catalog, now, logger, orderLog = null, metrics } = deps;
  const answers = new Map<number, (result: PlaceResult) => void>();
  let requests = 0;
  let managerAt = now();
  let toldVersion = 0;
  /** The commit index before what is being performed. */
  let committed = 0;
  let state: 'running' | 'closed' | 'failed' = 'running';

  const fail = (error: unknown): void => {
    if (state === 'failed') return;
    state = 'failed';
    deps.onFailed(error instanceof Error ? error : new Error(String(error)));
  };

  /** Reads the log outside of a step: damage that is found there ends the process as well. */
  const reading = <Value>(read: () => Value): Value => {
    try {
      return read();
    } catch (error) {
      if (error instanceof JournalDamaged) fail(error);
      throw error;
    }
  };

  /** A broken promise inside the core must end the process: its state cannot be relied on any more. */
  const input = (given: Input): void => {
    if (state !== 'running') return;
    committed = replica.commitIndex;
    try {
      for (const effect of step(replica, given)) perform(effect);
    } catch (error) {
      fail(error);
    }
  };

  const perform = (effect: Effect): void => {
    switch (effect.type) {
      case 'save':
        deps.save(effect.durable);
        tellRecord(effect.durable);
        return;
      case 'append':
        write(effect);
        return;
      case 'truncate':
        logger.warn({ from: effect.from }, 'cut a tail that was never committed');
        log.cut(effect.from).catch(fail);
        return;
      case 'send':
        peers.send(effect.to, effect.message);
        return;
      case 'decide':
        metrics.batch(effect.orders.length);
        orderLog?.proposed(effect.term, effect.orders);
        ask(effect, catalog.movements({ body: { term: effect.term, after: effect.after, orders: effect.orders } }));
        return;
      case 'fence':
        logger.info({ term: effect.term, after: effect.after }, 'fencing the catalog');
        ask(effect, catalog.fence({ body: { term: effect.term, after: effect.after } }));
        return;
      case 'answer':
        answers.get(effect.request)?.(effect.result);
        answers.delete(effect.request);
        return;
      case 'commit':
        orderLog?.committed(log.view.slice(committed + 1, effect.index - committed, Number.POSITIVE_INFINITY));
        committed = effect.index;
        return;
      case 'halt':
        logger.fatal({ reason: effect.reason }, 'halted: a promise was found broken; the files stay as they are');
        deps.saveHalt(effect.reason);
    }
  };

  const tellRecord = ({ term, record }: Durable): void => {
    if (record === null || record.version === toldVersion) return;
    toldVersion = record.version;
    const inSync = record.inSync.map(({ id }) => id);
    logger.info({ term, version: record.version, leader: record.leader?.id ?? null, inSync }, 'cluster record');
  };

  const write = ({ write: number, entries }: Extract<Effect, { type: 'append' }>): void => {
    const began = now();
    log.write(entries).then(() => {
      metrics.stored(entries.length, now() - began);
      orderLog?.stored(entries);
      input({ type: 'stored', write: number });
    }, fail);
  };

  /** Whatever goes wrong with a call to the catalog leaves open what became of it. */
  const ask = ({ call, term }: { call: number; term: number }, answering: Promise<CatalogAnswer>): void => {
    answering.then(
      (answer) => {
        if (answer.kind === 'decided') orderLog?.decided(term, answer.outcomes);
        input({ type: 'catalog', call, answer });
      },
      (error) => {
        logger.debug({ error: String(error) }, 'the catalog did not answer');
        input({ type: 'catalog', call, answer: { kind: 'lost' } });
      },
    );
  };

  const peers = deps.createPeers((from, message) => input({ type: 'message', from, message }));

  const ticking = setInterval(() => {
    input({ type: 'tick', now: now() });
    peers.sweep();
  }, orderLimits.tickMs);

  const isCountedOn = (): boolean => {
    const record = replica.durable.record;
    const isMember = record?.inSync.some(({ id }) => id === replica.id) ?? false;
    return isMember && (record?.inSync.length ?? 0) > 1 && now() - managerAt < orderLimits.managerSilentMs;
  };

  const place = (term: number, orders: Placed[]): Promise<PlaceResult> => {
    if (state === 'closed') return Promise.resolve({ ok: false, reason: 'not_leader' });
    requests += 1;
    const { promise, resolve } = Promise.withResolvers<PlaceResult>();
    answers.set(requests, resolve);
    input({ type: 'propose', request: requests, term, orders });
    return promise;
  };

  const outbox: OutboxHost = {
    leading: () => (state === 'running' && statusOf(replica).serving ? replica.durable.term : null),
    storeId: () => replica.durable.storeId ?? '',
    committedSequence: () => reading(() => sequenceAt(log.view, replica.commitIndex)),
    movements: (after, max) => reading(() => movementsAfter(log.view, replica.commitIndex, after, max)),
    noteOf: (sink) => reading(() => noteIn(log.view, sink)),
    place,
  };

  return {
    peers,
    outbox,
    health({ record, refused }) {
      managerAt = now();
      if (refused !== null) input({ type: 'refused', ...refused });
      if (record !== null) input({ type: 'record', record });
      return statusOf(replica);
    },
    place,
    find(term, queries) {
      if (replica.leadership?.term !== term) return { ok: false, reason: 'not_leader' };
      if (!isReadable(replica, term)) return { ok: false, reason: 'not_ready' };
      try {
        return { ok: true, found: reading(() => queries.map((query) => findIn(log.view, replica.commitIndex, query))) };
      } catch (error) {
        // The next leader can say it.
        if (error instanceof JournalDamaged) return { ok: false, reason: 'not_ready' };
        throw error;
      }
    },
    async leave() {
      input({ type: 'leave' });
      const until = now() + orderLimits.leaveWaitMs;
      while (state === 'running' && now() < until && (!replica.drained || isCountedOn()))
        await sleep(orderLimits.tickMs);
    },
    async close() {
      if (state === 'running') state = 'closed';
      clearInterval(ticking);
      if (state === 'closed') for (const answer of answers.values()) answer({ ok: false, reason: 'unknown' });
      answers.clear();
      await peers.close();
      await log.close();
    },
  };
};
