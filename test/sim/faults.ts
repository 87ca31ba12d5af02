/** What goes wrong, and when: drawn from the seed, several at once, until the time of rest. */

import type { Checks } from './invariants.ts';
import type { Machine } from './machine.ts';
import { FAIR_WEATHER, type Network } from './network.ts';
import type { CatalogNode } from './nodes/catalog.ts';
import type { FrontNode } from './nodes/front.ts';
import type { ReplicaNode } from './nodes/replica.ts';
import { HEALTHY, type SinkFaults, type SinkNode } from './nodes/sinks.ts';
import { type Settings, SLOW_SINK_MS_MAX } from './settings.ts';
import type { Streams } from './stream.ts';
import type { Fault } from './themes.ts';
import type { World } from './world.ts';

export type Faults = {
  /** Ends every fault: what is down is started, what is cut is healed. */
  stop(): void;
};

/** A sink is back soon: while it is away nothing can go wrong with it. */
const SINK_DOWN_MS_MAX = [30, 300];

export const startFaults = (options: {
  world: World;
  network: Network;
  streams: Streams;
  settings: Settings;
  checks: Checks;
  front: FrontNode;
  catalog: CatalogNode;
  replicas: ReplicaNode[];
  sinks: SinkNode[];
}): Faults => {
  const { world, network, settings, checks, front, catalog, replicas, sinks } = options;
  const { chance } = world;
  const machines = [front.machine, catalog.machine, ...replicas.map(({ machine }) => machine)];
  const outside = sinks.map(({ machine }) => machine);
  const disks = [catalog.disk, ...replicas.map(({ disk }) => disk)];
  const heals = new Set<() => void>();
  let active = true;

  /** Ends a fault after a while, or at the time of rest. */
  const until = (msMax: number, heal: () => void): void => {
    const once = (): void => {
      if (heals.delete(once)) heal();
    };
    heals.add(once);
    world.after(chance.between(1, msMax), once);
  };

  const restart = (machine: Machine): void => {
    if (machine.state() === 'down') machine.start();
  };
  for (const machine of [...machines, ...outside]) {
    const downMsMax = outside.includes(machine) ? SINK_DOWN_MS_MAX : settings.downMsMax;
    machine.onDown(() => world.after(active ? chance.between(1, chance.pick(downMsMax)) : 50, () => restart(machine)));
  }

  const cut = (from: Machine, to: Machine, msMax: number): void => {
    if (from === to) return;
    world.trace('network', `${from.name} cannot reach ${to.name}`);
    network.cut(from, to);
    until(msMax, () => {
      world.trace('network', `${from.name} reaches ${to.name} again`);
      network.heal(from, to);
    });
  };

  /** Trouble with the leader teaches most. */
  const someMachine = (): Machine => (chance.happens(0.3) ? someReplica().machine : chance.pick(machines));
  const someReplica = (): ReplicaNode => {
    const leader = replicas.find(({ id }) => id === checks.record.current()?.leader?.id);
    return leader !== undefined && chance.happens(0.4) ? leader : chance.pick(replicas);
  };

  /** A replica may lose its store only while others hold all that it holds. */
  const mayLoseStore = ({ id }: ReplicaNode): boolean => {
    const record = checks.record.current();
    return record !== null && !checks.logs.hasLost() && record.inSync.some((member) => member.id !== id);
  };

  const perform: Record<Fault, () => void> = {
    crash: () => someMachine().crash(),
    crash_at_effect: () => {
      const machine = someMachine();
      if (machine.state() === 'running') machine.crashAtEffect(chance.integer(1, 40));
    },
    crash_many: () => {
      const share = chance.pick([0.3, 0.6, 1]);
      for (const machine of machines) if (chance.happens(share)) machine.crash();
    },
    pause: () => {
      const machine = someMachine();
      machine.pause();
      until(chance.pick([100, 1000, 3000]), machine.resume);
    },
    cut: () => {
      const from = someMachine();
      const to = someMachine();
      const msMax = chance.pick([100, 1000, 3000]);
      cut(from, to, msMax);
      if (chance.happens(0.5)) cut(to, from, msMax);
    },
    isolate: () => {
      const { machine } = someReplica();
      const msMax = chance.pick([300, 2000]);
      for (const other of [...machines, ...outside]) {
        if (chance.happens(0.3)) continue;
        cut(machine, other, msMax);
        cut(other, machine, msMax);
      }
    },
    false_suspicion: () => {
      world.count('false suspicions');
      front.suspect(chance.pick(settings.replicas));
    },
    slow_disk: () => {
      const slow = chance.happens(0.3) ? disks : [chance.pick(disks)];
      const syncMsMax = chance.pick([50, 300, 1500]);
      world.count('slow disks');
      for (const disk of slow) disk.syncMsMax = syncMsMax;
      until(3000, () => {
        for (const disk of slow) disk.syncMsMax = settings.syncMsMax;
      });
    },
    stream: () => {
      const open = options.streams.all();
      if (open.length === 0) return;
      const stream = chance.pick(open);
      const kind = chance.integer(1, 4);
      world.trace('network', `stream fault ${kind}`);
      if (kind === 1) stream.breakOff();
      if (kind === 2) stream.fallSilent();
      if (kind === 3) stream.stall(chance.between(10, 700));
      if (kind === 4) stream.skipLines(chance.integer(1, 3));
    },
    leave: () => someReplica().leave(),
    weather: () => {
      const slow = chance.happens(0.5);
      network.weather = {
        loss: chance.pick([0, 0.02, 0.1, 0.5]),
        duplicate: chance.pick([0, 0.05, 0.3]),
        late: chance.pick([0, 0, 0.02, 0.1]),
        slow: slow ? chance.between(0, 0.3) : 0,
        slowMsMax: chance.pick([50, 300, 1500]),
        usualMsMax: chance.pick([1, 10, 50]),
      };
      world.trace('network', `weather ${JSON.stringify(network.weather)}`);
      until(3000, () => {
        network.weather = settings.weather;
      });
    },
    lost_store: () => {
      const replica = someReplica();
      if (!mayLoseStore(replica)) return;
      replica.machine.crash();
      if (chance.happens(0.6) || !replica.loseEnd()) replica.loseStore();
    },
    lost_record: () => {
      // Lost again before any replica has heard of the rebuilt one, it could not be told from its successor.
      const isKnown = replicas.some(
        ({ core }) => (core()?.durable.record?.version ?? -1) >= checks.record.firstVersion(),
      );
      if (!isKnown) return;
      front.machine.crash();
      front.loseRecord();
    },
    old_record: () => {
      const past = checks.record.past();
      const version = past.at(-1)?.version ?? Number.POSITIVE_INFINITY;
      // A copy of long ago: whoever runs has heard of the last record since.
      if (past.length < 2 || replicas.some(({ core }) => (core()?.durable.record?.version ?? -1) < version)) return;
      const old = chance.pick(past.slice(0, -1));
      front.machine.crash();
      front.rollBack(old);
    },
    sink: () => {
      if (sinks.length === 0) return;
      const sink = chance.pick(sinks);
      const kind = chance.pick([1, 2, 3, 3, 3, 4, 5, 5, 6, 6]);
      world.count('faults of sinks');
      world.trace('fault', `${sink.name} has fault ${kind}`);
      if (kind === 1) return sink.machine.crash();
      if (kind === 2) return cut(someReplica().machine, sink.machine, 1000);
      const harm: Partial<SinkFaults>[] = [
        { refusals: chance.pick([0.2, 0.5, 1]) },
        { busy: chance.pick([0.2, 1]) },
        { lostAnswers: chance.pick([0.2, 1]) },
        { slowMsMax: chance.pick([50, SLOW_SINK_MS_MAX]) },
      ];
      const chosen = harm[kind - 3] as Partial<SinkFaults>;
      const healed = Object.fromEntries(Object.keys(chosen).map((one) => [one, HEALTHY[one as keyof SinkFaults]]));
      sink.faults = { ...sink.faults, ...chosen };
      until(chance.pick([200, 1500]), () => {
        sink.faults = { ...sink.faults, ...healed };
      });
    },
  };

  const next = (): void => {
    world.after(chance.between(1, 2 * settings.faultEveryMs), () => {
      if (!active) return;
      const fault = chance.pick(settings.faults);
      if (world.tracing) world.trace('fault', fault);
      perform[fault]();
      next();
    });
  };
  network.weather = settings.weather;
  if (settings.faults.length > 0) next();

  return {
    stop: () => {
      active = false;
      world.trace('fault', 'all faults end');
      for (const heal of [...heals]) heal();
      network.weather = FAIR_WEATHER;
      for (const sink of sinks) sink.faults = HEALTHY;
      for (const machine of [...machines, ...outside]) {
        machine.crashAtEffect(null);
        machine.resume();
        restart(machine);
      }
    },
  };
};
