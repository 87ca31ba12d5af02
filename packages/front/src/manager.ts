/**
 * The configuration manager's shell: checks the health of every replica, performs what the election core decides, and
 * tells the rest of the front who leads. Nobody calls it: registrations and proposals come back with the health checks.
 */
import { CallError, createClient } from '@till/shared/client';
import { monotonicMs, sleep } from '@till/shared/clock';
import { orderContract } from '@till/shared/contract';
import { limits } from '@till/shared/limits';
import type { Logger } from '@till/shared/logger';
import { randomName } from '@till/shared/random';
import type { Cluster } from './cluster-view.ts';
import { createElection, isAlive, leaderOf, step } from './election/election.ts';
import type { Effect, Input } from './election/types.ts';
import type { RecordStore } from './record-store.ts';

export type Manager = Cluster & { close(): Promise<void> };

export const createManager = (deps: {
  /** Where each replica is, by id. */
  urls: Map<number, string>;
  store: RecordStore;
  suspectAfterMs: number;
  /** The record could not be stored: this front must not go on. */
  onFailed: (error: Error) => void;
  logger: Logger;
}): Manager => {
  const { urls, store, suspectAfterMs, logger } = deps;
  const election = createElection({
    replicas: [...urls.keys()],
    limits: { suspectAfterMs },
    record: store.read(),
    newStoreId: randomName(),
    now: monotonicMs(),
  });
  const refused = new Map<number, { proposal: number; version: number }>();
  const closing = new AbortController();
  const waiting = new Set<() => void>();
  let known = JSON.stringify(leaderOf(election));
  let storedTerm = election.record?.term ?? 0;
  let elections = 0;

  const input = (given: Input): void => {
    try {
      for (const effect of step(election, given)) perform(effect);
    } catch (error) {
      deps.onFailed(error instanceof Error ? error : new Error(String(error)));
    }
    const leader = JSON.stringify(leaderOf(election));
    if (leader === known) return;
    known = leader;
    logger.info({ leader: leaderOf(election) }, 'leader');
    wake();
  };

  const perform = (effect: Effect): void => {
    switch (effect.type) {
      case 'store': {
        store.write(effect.record);
        const { term, version, leader, inSync } = effect.record;
        logger.info({ term, version, leader: leader?.id, inSync: inSync.map(({ id }) => id) }, 'cluster record');
        if (term > storedTerm) elections += 1;
        storedTerm = term;
        wake();
        return;
      }
      case 'notify':
        checkers.get(effect.to)?.now();
        return;
      case 'refuse':
        refused.set(effect.to, { proposal: effect.proposal, version: effect.version });
        checkers.get(effect.to)?.now();
    }
  };

  const wake = (): void => {
    for (const resolve of waiting) resolve();
    waiting.clear();
  };

  /** Health checks of one replica, one after another; `now` brings the next one forward. */
  const createChecker = (id: number, url: string) => {
    const client = createClient(orderContract, { url, timeoutMs: suspectAfterMs, links: true });
    let pause = new AbortController();
    let brokenBefore = false;

    const check = async (): Promise<void> => {
      const told = refused.get(id) ?? null;
      try {
        const status = await client.health({ body: { record: election.record, refused: told } });
        brokenBefore = false;
        if (refused.get(id) === told) refused.delete(id);
        input({ type: 'status', now: monotonicMs(), status });
      } catch (error) {
        if (!(error instanceof CallError)) throw error;
        // One broken connection may be an idle one that the replica closed; if it died, the next one is refused.
        const isGone = error.kind === 'refused' || (error.kind === 'broken' && brokenBefore);
        const retryNow = error.kind === 'broken' && !brokenBefore;
        brokenBefore = error.kind === 'broken';
        if (isGone) input({ type: 'gone', now: monotonicMs(), id });
        if (retryNow) pause.abort();
      }
    };

    const run = async (): Promise<void> => {
      while (!closing.signal.aborted) {
        pause = new AbortController();
        await check();
        await sleep(limits.healthEveryMs, pause.signal);
      }
      await client.close();
    };
    return { now: () => pause.abort(), ended: run() };
  };

  const checkers = new Map([...urls].map(([id, url]) => [id, createChecker(id, url)]));
  const ticking = setInterval(() => input({ type: 'tick', now: monotonicMs() }), limits.healthEveryMs);

  return {
    record: () => election.record,
    leader() {
      const found = leaderOf(election);
      return 'reason' in found ? null : { id: found.leader.id, term: found.term };
    },
    whyNot() {
      const found = leaderOf(election);
      return 'reason' in found ? found.reason : 'starting';
    },
    changed(afterVersion, waitMs) {
      if ((election.record?.version ?? 0) > afterVersion) return Promise.resolve();
      const { promise, resolve } = Promise.withResolvers<void>();
      const timer = setTimeout(resolve, waitMs);
      waiting.add(resolve);
      return promise.finally(() => {
        clearTimeout(timer);
        waiting.delete(resolve);
      });
    },
    suspect: (id) => checkers.get(id)?.now(),
    statuses: () =>
      election.replicas.map((id) => ({
        id,
        alive: isAlive(election, id) && election.sights.get(id)?.status != null,
        status: election.sights.get(id)?.status ?? null,
      })),
    elections: () => elections,
    async close() {
      closing.abort();
      clearInterval(ticking);
      wake();
      for (const checker of checkers.values()) checker.now();
      await Promise.all([...checkers.values()].map(({ ended }) => ended));
    },
  };
};
