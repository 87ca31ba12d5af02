/** The front's configuration manager: the election core, its record on the virtual disk, the health checks. */
import { createElection, leaderOf, step } from '@till/front/election/election';
import type { Effect, ElectionRule, Input } from '@till/front/election/types';
import type { ClusterRecord, Member, ReplicaStatus } from '@till/shared/cluster';
import type { Document } from '../disk.ts';
import type { Checks } from '../invariants.ts';
import type { Machine } from '../machine.ts';
import type { Network } from '../network.ts';
import type { Settings } from '../settings.ts';
import { recordText } from '../trace.ts';
import type { World } from '../world.ts';

export type Manager = {
  record(): ClusterRecord | null;
  leader(): { leader: Member; term: number } | { reason: string };
  /** Takes a replica for dead without looking. */
  suspect(id: number): void;
  /** Looks at once. */
  checkNow(id: number): void;
  /** Told at each new record. */
  onRecord(run: () => void): void;
};

export const startManager = (options: {
  world: World;
  network: Network;
  settings: Settings;
  checks: Checks;
  machine: Machine;
  store: Document<ClusterRecord>;
  replica: (id: number) => Machine;
  withoutElection: ElectionRule[];
}): Manager => {
  const { world, network, settings, checks, machine, store } = options;
  const listeners: (() => void)[] = [];
  const election = createElection({
    replicas: settings.replicas,
    limits: { suspectAfterMs: settings.suspectAfterMs },
    record: store.read(),
    newStoreId: world.chance.name('store'),
    now: machine.clockMs(),
    without: options.withoutElection,
  });

  const checkHealth = (id: number, refused: { proposal: number; version: number } | null): void => {
    network.call<ReplicaStatus>({
      from: machine,
      to: options.replica(id),
      route: 'health',
      body: { record: election.record, refused },
      waitMs: settings.suspectAfterMs,
      done: (answer) => {
        if (answer.kind === 'ok') take({ type: 'status', now: machine.clockMs(), status: answer.body });
        else if (answer.kind !== 'timeout') take({ type: 'gone', now: machine.clockMs(), id });
      },
    });
  };

  const perform = (effect: Effect): void => {
    machine.effect();
    switch (effect.type) {
      case 'store':
        world.count('cluster records');
        world.trace('front', `stores ${recordText(effect.record)}`);
        store.write(effect.record);
        checks.recorded(effect.record);
        return;
      case 'notify':
        checkHealth(effect.to, null);
        return;
      case 'refuse':
        world.count('refused proposals');
        checkHealth(effect.to, { proposal: effect.proposal, version: effect.version });
    }
  };

  const take = (input: Input): void => {
    const before = election.record;
    const effects = step(election, input);
    for (const effect of effects) perform(effect);
    const after = election.record;
    if (after === before) return;
    if (before !== null && after !== null && after.term > before.term) {
      const handedOver = before.inSync.length === after.inSync.length;
      world.count(handedOver ? 'hand-overs' : 'elections');
    }
    for (const listener of listeners) listener();
  };

  for (const id of settings.replicas) {
    const check = (): void => {
      machine.after(settings.healthEveryMs, check);
      checkHealth(id, null);
    };
    check();
  }
  const tick = (): void => {
    machine.after(settings.healthEveryMs, tick);
    take({ type: 'tick', now: machine.clockMs() });
  };
  tick();

  return {
    record: () => election.record,
    leader: () => leaderOf(election),
    suspect: (id) => take({ type: 'gone', now: machine.clockMs(), id }),
    checkNow: (id) => checkHealth(id, null),
    onRecord: (run) => {
      listeners.push(run);
    },
  };
};
