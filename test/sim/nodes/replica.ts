/** A replica: the replica core, its log and state on the virtual disk, and the effects performed in their order. */
import type { OutboxRule } from '@till/order/outbox/core/types';
import { countedSet } from '@till/order/replica/commit';
import { readEntry, sequenceAt } from '@till/order/replica/entry';
import { findIn, movementsAfter, noteIn, type Query } from '@till/order/replica/find';
import { createLog } from '@till/order/replica/log';
import {
  createReplica,
  isReadable,
  type Leadership,
  NEW_STORE,
  type Replica,
  type ReplicaRule,
  type Request,
  statusOf,
} from '@till/order/replica/state';
import { step } from '@till/order/replica/step';
import type { CatalogAnswer, Durable, Effect, Entry, Input, Message, PlaceResult } from '@till/order/replica/types';
import { assert } from '@till/shared/assert';
import type { ClusterRecord } from '@till/shared/cluster';
import type { Placed, PlacedOrder } from '@till/shared/movement';
import { createDisk, type Disk } from '../disk.ts';
import type { Checks } from '../invariants.ts';
import { createMachine, type Machine } from '../machine.ts';
import type { Network } from '../network.ts';
import type { Settings } from '../settings.ts';
import { effectText, inputText } from '../trace.ts';
import { mustHold } from '../violation.ts';
import type { World } from '../world.ts';
import { createOutbox, type DeliveryRule, type Host } from './outbox.ts';
import type { SinkNode } from './sinks.ts';

export type ReplicaNode = {
  id: number;
  machine: Machine;
  disk: Disk;
  /** The core's state in this life, for what is checked after each step and at the end. */
  core(): Replica | null;
  /** Asks it to end in order. */
  leave(): void;
  /** Loses all its files. Only while it is down. */
  loseStore(): void;
  /** Loses the end of its log, into what its state says was committed; false if it says too little. Only while down. */
  loseEnd(): boolean;
};

export type ReplicaNodeOptions = {
  world: World;
  network: Network;
  settings: Settings;
  checks: Checks;
  id: number;
  without: ReplicaRule[];
  withoutOutbox: OutboxRule[];
  withoutDelivery: DeliveryRule[];
  peer: (id: number) => Machine;
  catalog: () => Machine;
  sinks: readonly SinkNode[];
};

const STOP_WAIT_MS = 2000;

export const createReplicaNode = (options: ReplicaNodeOptions): ReplicaNode => {
  const { world, network, settings, checks, id } = options;
  let core: Replica | null = null;
  let loseAtStart = false;
  let leave = (): void => {};
  /** What was read of a line before: all lives read the same ones again. */
  const entries = new Map<string, Entry>();
  const readOnce = (line: string): Entry => {
    const entry = entries.get(line) ?? entryOf(line);
    entries.set(line, entry);
    return entry;
  };

  const program = (machine: Machine): void => {
    const boot = world.chance.name(`run-${id}`);
    if (loseAtStart) {
      loseAtStart = false;
      checks.storeLost(id, { boot, kept: file.durable.length });
    }
    checks.logs.restarted(id);
    const replica = createReplica({
      id,
      boot,
      limits: settings.replica,
      durable: state.read() ?? NEW_STORE,
      log: createLog(file.durable.map(readOnce)),
      now: machine.clockMs(),
      without: options.without,
    });
    core = replica;
    const replies = new Map<number, (body: unknown) => void>();
    let requests = 0;
    let leaving = false;
    let executing: Request | undefined;

    /** The leader's own request is the last one when it has just been made. */
    const checkQueue = ({ requests: open }: Leadership): void => {
      const last = open.at(-1);
      if (last === undefined || last.id !== null || last === executing) return;
      executing = last;
      world.count('executions of checkouts');
      checks.journal.checkouts.chosen(id, {
        orders: last.orders as PlacedOrder[],
        logEnd: sequenceAt(replica.log, replica.log.lastIndex()),
        most: settings.replica.checkoutsInCallMax,
      });
    };

    const askCatalog = (route: string, { call, ...body }: Extract<Effect, { type: 'decide' | 'fence' }>): void => {
      network.call<CatalogAnswer>({
        from: machine,
        to: options.catalog(),
        route,
        body,
        waitMs: settings.replica.catalogWaitMs,
        done: (answer) =>
          take({ type: 'catalog', call, answer: answer.kind === 'ok' ? answer.body : { kind: 'lost' } }),
      });
    };

    const perform = (effect: Effect): void => {
      machine.effect();
      switch (effect.type) {
        case 'save':
          checks.record.saved(id, effect.durable.term);
          state.write(effect.durable);
          return;
        case 'append': {
          const { write, entries } = effect;
          file.append(entries.map(({ line }) => line));
          file.sync(() => take({ type: 'stored', write }));
          return;
        }
        case 'truncate':
          file.cut(effect.from - 1);
          world.count('truncations');
          return;
        case 'send':
          network.post({
            from: machine,
            to: options.peer(effect.to),
            route: 'message',
            body: { id, message: effect.message },
          });
          return;
        case 'decide':
          askCatalog('movements', effect);
          return;
        case 'fence':
          world.count('fences');
          askCatalog('fence', effect);
          return;
        case 'answer': {
          const { result } = effect;
          if (result.ok) for (const outcome of result.outcomes) checks.acknowledged(id, outcome);
          const reply = replies.get(effect.request);
          replies.delete(effect.request);
          reply?.(result.ok ? { term: replica.durable.term, ...result } : { term: replica.durable.term, ...result });
          return;
        }
        case 'commit':
          return;
        case 'halt':
          mustHold(false, 'I14', () => `replica ${id} halts: ${effect.reason}`);
      }
    };

    const take = (input: Input): void => {
      if (world.tracing && input.type !== 'tick') world.trace(machine.name, inputText(input));
      const termBefore = replica.durable.term;
      const commitBefore = replica.commitIndex;
      const effects = step(replica, input);
      // Before anything else comes of it: what is performed may bring further inputs.
      if (replica.leadership !== null) checkQueue(replica.leadership);
      if (input.type === 'message') refusesLowerTerms(id, termBefore, input.message, effects);
      if (replica.commitIndex !== commitBefore) {
        checks.logs.committed(id, replica.commitIndex, replica.log.at);
      }
      if (replica.clean) checks.logs.clean(id, boot);
      else mustHold(checks.storesWereLost(), 'I14', () => `replica ${id} finds its store unclean`);
      for (const effect of effects) {
        if (world.tracing) world.trace(machine.name, `  ${effectText(effect)}`);
        perform(effect);
      }
      const { leadership } = replica;
      if (leadership !== null) {
        checks.record.leads(leadership.term, { id, incarnation: leadership.incarnation });
        if (replica.commitIndex !== commitBefore) {
          checks.record.counts(replica.durable.record?.version ?? 0, countedSet(replica, leadership));
        }
      }
    };

    machine.listen('health', (body, reply) => {
      const { record, refused } = body as {
        record: ClusterRecord | null;
        refused: { proposal: number; version: number } | null;
      };
      if (refused !== null) take({ type: 'refused', ...refused });
      if (record !== null) take({ type: 'record', record });
      reply(statusOf(replica));
    });
    machine.listen('message', (body) => {
      const { id: from, message } = body as { id: number; message: Message };
      take({ type: 'message', from, message });
    });
    machine.listen('orders', (body, reply) => {
      const { term, orders } = body as { term: number; orders: Placed[] };
      requests += 1;
      replies.set(requests, reply);
      take({ type: 'propose', request: requests, term, orders });
    });
    machine.listen('find', (body, reply) => {
      const { term, queries } = body as { term: number; queries: Query[] };
      if (!isReadable(replica, term)) return reply({ term: replica.durable.term, ok: false, reason: 'not_leader' });
      reply({ term, ok: true, found: queries.map((query) => findIn(replica.log, replica.commitIndex, query)) });
    });

    const host: Host = {
      leading: () => (statusOf(replica).serving ? replica.durable.term : null),
      committedSequence: () => sequenceAt(replica.log, replica.commitIndex),
      movements: (after, max) => movementsAfter(replica.log, replica.commitIndex, after, max),
      noteOf: (sink) => noteIn(replica.log, sink),
      place: (term, placed, done) => {
        requests += 1;
        replies.set(requests, (result) => done(result as PlaceResult));
        take({ type: 'propose', request: requests, term, orders: placed });
      },
    };
    const outbox =
      options.sinks.length === 0
        ? null
        : createOutbox({
            ...options,
            machine,
            host,
            without: new Set(options.withoutDelivery),
            withoutCore: options.withoutOutbox,
          });
    machine.listen('replay', (body, reply) => {
      const { term, sink, sequence } = body as { term: number; sink: string; sequence: number };
      if (outbox === null) return reply({ term, ok: false });
      outbox.replay(term, { sink, sequence }, (ok) => reply({ term, ok }));
    });

    leave = () => {
      if (leaving) return;
      leaving = true;
      world.count('leaves');
      take({ type: 'leave' });
      machine.after(STOP_WAIT_MS, () => machine.exit('waited long enough to be let go'));
    };

    const tick = (): void => {
      machine.after(settings.replicaTickMs, tick);
      take({ type: 'tick', now: machine.clockMs() });
      outbox?.pump();
      const members = replica.durable.record?.inSync ?? [];
      const isCountedOn = members.length > 1 && members.some((member) => member.id === id);
      if (leaving && replica.drained && !isCountedOn) machine.exit('nobody counts on it');
    };
    tick();
  };

  const machine = createMachine(world, { name: `order-${id}`, drift: settings.drift, program });
  const disk = createDisk(world, machine, settings.syncMsMax);
  const file = disk.file({ onDurable: (lines, kept) => checks.logs.grown(id, lines, kept) });
  const state = disk.document<Durable>();
  machine.onDown(() => {
    core = null;
    leave = () => {};
  });

  return {
    id,
    machine,
    disk,
    core: () => core,
    leave: () => machine.hear(() => leave()),
    loseStore: () => {
      assert(machine.state() === 'down', 'Only a replica that is down loses its store');
      world.count('lost stores');
      world.trace(machine.name, 'loses its store');
      loseAtStart = true;
      checks.storeLost(id, { boot: '', kept: 0 });
      checks.record.storeLost(id);
      file.lose(0);
      state.lose();
    },
    loseEnd: () => {
      assert(machine.state() === 'down', 'Only a replica that is down loses the end of its log');
      const marked = state.read()?.committed.index ?? 0;
      if (marked === 0) return false;
      const kept = world.chance.integer(0, marked - 1);
      world.count('lost ends of logs');
      world.trace(machine.name, `loses its log after ${kept}`);
      loseAtStart = true;
      checks.storeLost(id, { boot: '', kept });
      file.lose(kept);
      return true;
    },
  };
};

const entryOf = (line: string): Entry => {
  const entry = readEntry(line);
  assert(entry !== null, 'A line of the virtual disk is never damaged');
  return entry;
};

/** I7: whoever knows a higher term takes nothing from a lower one. */
const refusesLowerTerms = (id: number, term: number, message: Message, effects: Effect[]): void => {
  if (message.term >= term) return;
  for (const effect of effects) {
    const obeys =
      effect.type === 'append' ||
      effect.type === 'truncate' ||
      (effect.type === 'send' && effect.message.type !== 'refuse');
    mustHold(!obeys, 'I7', () => `replica ${id} of term ${term} obeys a ${message.type} of term ${message.term}`);
  }
};
