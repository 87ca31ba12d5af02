/** The front: one process of three parts that share its machine. Here it only starts them and joins them up. */
import type { CacheRule } from '@till/front/cache/types';
import type { ElectionRule } from '@till/front/election/types';
import type { ClusterRecord } from '@till/shared/cluster';
import { createDisk } from '../disk.ts';
import type { Checks } from '../invariants.ts';
import { createMachine, type Machine } from '../machine.ts';
import type { Network } from '../network.ts';
import type { Settings } from '../settings.ts';
import type { Streams } from '../stream.ts';
import { recordText } from '../trace.ts';
import type { World } from '../world.ts';
import { serveLookups } from './lookups.ts';
import { type Manager, startManager } from './manager.ts';
import { serveOrders } from './orders.ts';
import { serveReplays } from './replays.ts';

export type FrontNode = {
  machine: Machine;
  manager(): Manager | null;
  /** Takes a live replica for dead. */
  suspect(id: number): void;
  /** Loses the stored cluster record. Only while it is down. */
  loseRecord(): void;
  /** Gets back an older record than the last. Only while it is down. */
  rollBack(record: ClusterRecord): void;
};

export type FrontOptions = {
  world: World;
  network: Network;
  streams: Streams;
  settings: Settings;
  checks: Checks;
  replica: (id: number) => Machine;
  catalog: () => Machine;
  withoutElection: ElectionRule[];
  withoutCache: CacheRule[];
};

export const createFrontNode = (options: FrontOptions): FrontNode => {
  const { world, settings, checks } = options;
  let manager: Manager | null = null;
  const machine = createMachine(world, {
    name: 'front',
    drift: settings.drift,
    program: (own) => {
      manager = startManager({ ...options, machine: own, store });
      const lookups = serveLookups({ ...options, machine: own });
      serveOrders({ ...options, machine: own, manager, lookups });
      serveReplays({ ...options, machine: own, manager });
    },
  });
  machine.onDown(() => {
    manager = null;
  });
  const store = createDisk(world, machine, settings.syncMsMax).document<ClusterRecord>();
  return {
    machine,
    manager: () => manager,
    suspect: (id) => machine.hear(() => manager?.suspect(id)),
    loseRecord: () => {
      world.count('lost records');
      world.trace('front', 'loses its cluster record');
      store.lose();
      checks.record.lost();
    },
    rollBack: (record) => {
      world.count('records rolled back');
      world.trace('front', `gets back ${recordText(record)}`);
      store.write(record);
      checks.record.lost();
    },
  };
};
