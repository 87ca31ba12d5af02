/** One run: a world made from a seed, its turmoil, its rest, and what was found. */
import { STOCK_RULES, type StockRule } from '@till/catalog/stock/types';
import type { CacheRule } from '@till/front/cache/types';
import { CACHE_RULES } from '@till/front/cache/types';
import { ELECTION_RULES, type ElectionRule } from '@till/front/election/types';
import { OUTBOX_RULES, type OutboxRule } from '@till/order/outbox/core/types';
import { REPLICA_RULES, type ReplicaRule } from '@till/order/replica/state';
import { createClients } from './clients/clients.ts';
import { createOperator } from './clients/operator.ts';
import { startFaults } from './faults.ts';
import { createHistory } from './history/history.ts';
import { createChecks } from './invariants.ts';
import { createNetwork } from './network.ts';
import { CATALOG_RULES, type CatalogRule, createCatalogNode } from './nodes/catalog.ts';
import { createFrontNode } from './nodes/front.ts';
import { DELIVERY_RULES, type DeliveryRule } from './nodes/outbox.ts';
import { createReplicaNode, type ReplicaNode } from './nodes/replica.ts';
import { createSinkNode } from './nodes/sinks.ts';
import { checkEnd, unsettled } from './rest.ts';
import { settingsOf } from './settings.ts';
import { createStreams } from './stream.ts';
import type { Theme } from './themes.ts';
import { mustHold, Violation } from './violation.ts';
import { type Counts, createWorld } from './world.ts';

/** Every rule that a run can leave out. */
export const RULES = [
  ...REPLICA_RULES,
  ...ELECTION_RULES,
  ...CATALOG_RULES,
  ...STOCK_RULES,
  ...OUTBOX_RULES,
  ...DELIVERY_RULES,
  ...CACHE_RULES,
] as const;
export type Rule = (typeof RULES)[number];

export type Failure = { invariant: string; what: string; tick: number; stack: string };
export type Result = { seed: number; ticks: number; counts: Counts; failure: Failure | null };

export type RunOptions = {
  seed: number;
  without?: readonly Rule[];
  /** What the run is about; left to the seed if not given. */
  theme?: Theme | undefined;
  onTrace?: ((line: string) => void) | undefined;
};

const STEPS_MAX = 400_000;
const SETTLE_CHECK_MS = 20;
const VERIFIED_PER_CLIENT = 6;

export const run = ({ seed, without = [], theme, onTrace }: RunOptions): Result => {
  const world = createWorld({ seed, onTrace });
  const settings = settingsOf(world.chance, theme);
  if (world.tracing) world.trace('world', JSON.stringify({ ...settings, products: settings.products.length }));
  const network = createNetwork(world);
  network.lateMsMax = settings.lateMsMax;
  const streams = createStreams(world, network);
  const checks = createChecks(settings);
  const left = chooseRules(without);

  const catalog = createCatalogNode({
    world,
    streams,
    settings,
    checks,
    without: new Set(left.catalog),
    withoutStock: new Set(left.stock),
  });
  const { journal } = checks;
  const sinks = settings.outbox.sinks.map((kind) => createSinkNode({ world, settings, journal, kind }));
  const replicas: ReplicaNode[] = [];
  const machineOf = (id: number) => {
    const replica = replicas[id - 1];
    if (replica === undefined) throw new Error(`There is no replica ${id}`);
    return replica.machine;
  };
  for (const id of settings.replicas) {
    replicas.push(
      createReplicaNode({
        world,
        network,
        settings,
        checks,
        id,
        without: left.replica,
        withoutOutbox: left.outbox,
        withoutDelivery: left.delivery,
        peer: machineOf,
        catalog: () => catalog.machine,
        sinks,
      }),
    );
  }
  const front = createFrontNode({
    world,
    network,
    streams,
    settings,
    checks,
    replica: machineOf,
    catalog: () => catalog.machine,
    withoutElection: left.election,
    withoutCache: left.cache,
  });
  const history = createHistory(journal, new Set(settings.products.flatMap(({ name }) => [name, name.toUpperCase()])));
  const clients = createClients({ world, network, settings, history, front: () => front.machine });

  const operator = createOperator({ world, network, settings, journal, front: () => front.machine });
  const people = [...clients.machines, operator.machine];
  for (const machine of people) network.edge.add(machine);

  let isOver = false;
  const missing = (): string | null =>
    clients.isIdle() && operator.isIdle() ? unsettled({ settings, checks, front, replicas }) : 'requests are open';

  /** Calls back once everything is at rest. */
  const settled = (done: () => void): void => {
    if (missing() !== null) return world.after(SETTLE_CHECK_MS, () => settled(done));
    checkEnd(settings, checks, sinks);
    done();
  };

  const begin = (): void => {
    for (const { machine } of [catalog, front, ...replicas, ...sinks]) machine.start();
    for (const machine of people) machine.start();
    const faults = startFaults({ world, network, streams, settings, checks, front, catalog, replicas, sinks });
    world.after(settings.turmoilMs, () => {
      faults.stop();
      clients.finish();
      operator.finish();
      settled(() => {
        const end = (): void => {
          isOver = true;
        };
        clients.verify(VERIFIED_PER_CLIENT, () => settled(end));
      });
      world.after(settings.restMsMax, () => {
        mustHold(false, 'I13', () => `no rest after ${settings.restMsMax} ms: ${missing()}`);
      });
    });
  };

  try {
    begin();
    while (!isOver) {
      mustHold(world.step(), 'I13', () => 'nothing is left to happen');
      checks.afterStep();
      if (checks.logs.isHopeless()) {
        world.count('runs given up: the last store was lost');
        break;
      }
      mustHold(world.tick() < STEPS_MAX, 'I13', () => `no end after ${STEPS_MAX} steps`);
    }
    return { seed, ticks: world.tick(), counts: world.counts, failure: null };
  } catch (error) {
    return { seed, ticks: world.tick(), counts: world.counts, failure: failureOf(error, world.tick()) };
  }
};

/** A broken invariant, or a promise that a core found broken itself: both are a find. */
const failureOf = (error: unknown, tick: number): Failure => {
  if (!(error instanceof Error)) throw error;
  const invariant = error instanceof Violation ? error.invariant : error.name;
  return { invariant, what: error.message, tick, stack: error.stack ?? '' };
};

const chooseRules = (without: readonly Rule[]) => {
  const only = <Name extends Rule>(names: readonly Name[]): Name[] => names.filter((name) => without.includes(name));
  return {
    replica: only<ReplicaRule>(REPLICA_RULES),
    election: only<ElectionRule>(ELECTION_RULES),
    catalog: only<CatalogRule>(CATALOG_RULES),
    stock: only<StockRule>(STOCK_RULES),
    outbox: only<OutboxRule>(OUTBOX_RULES),
    delivery: only<DeliveryRule>(DELIVERY_RULES),
    cache: only<CacheRule>(CACHE_RULES),
  };
};
