/** What differs from seed to seed besides chance itself: how many of each, how large the bounds are, which faults. */
import type { SinkLimits } from '@till/order/outbox/core/types';
import type { ReplicaLimits } from '@till/order/replica/types';
import type { SeedProduct } from '@till/shared/movement';
import type { Chance } from './chance.ts';
import type { Weather } from './network.ts';
import { type Fault, type Theme, themed } from './themes.ts';

/** What the outbox delivers to: a shop that is told quantities, a receiver of events. */
export type SinkKind = 'shop' | 'events';

export type OutboxSettings = {
  sinks: SinkKind[];
  limits: SinkLimits;
  /** How long one attempt may take. */
  deliverWaitMs: number;
  /** A dead letter that is sent again arrives within this time, or never. */
  lateMsMax: number;
  /** How often at most an operator looks after the dead letters. */
  operatorEveryMs: number;
};

export type Settings = {
  replicas: number[];
  clients: number;
  products: SeedProduct[];
  /** The time with faults and new requests. */
  turmoilMs: number;
  /** How long everything may take to come to rest after that. */
  restMsMax: number;
  faults: Fault[];
  /** The network when no fault makes it worse, and within what time late copies of messages come. */
  weather: Weather;
  lateMsMax: number;
  /** How long a machine stays down: one of these at most. */
  downMsMax: number[];
  /** Share of reads at the catalog whose answer takes its time, so that it is overtaken by changes. */
  slowReads: number;
  /** Usual time from one fault to the next. */
  faultEveryMs: number;
  drift: number;
  syncMsMax: number;
  thinkMsMax: number;
  /** Share of the clients' wishes that only look a product up; of the others, those about checkouts; of the rest, cancellations. */
  lookups: number;
  checkouts: number;
  cancels: number;
  replica: ReplicaLimits;
  outbox: OutboxSettings;
  replicaTickMs: number;
  suspectAfterMs: number;
  healthEveryMs: number;
  requestWaitMs: number;
  batchesMax: number;
  cacheCapacity: number;
  restockEveryMs: number;
  restockLevel: number;
  /** Most journal lines in one answer of the catalog. */
  linesMax: number;
  catalogQueueMax: number;
};

/** How long a slow sink takes at most. */
export const SLOW_SINK_MS_MAX = 400;

const outboxOf = (chance: Chance, sinks: SinkKind[]): OutboxSettings => {
  const deliverWaitMs = chance.pick([50, 150]);
  const lateMsMax = SLOW_SINK_MS_MAX + 50;
  return {
    sinks,
    deliverWaitMs,
    lateMsMax,
    operatorEveryMs: chance.pick([50, 400]),
    limits: {
      unsettledMax: chance.pick([2, 8, 64]),
      aheadMax: chance.pick([5, 100]),
      attemptsInFlightMax: chance.pick([1, 3, 8]),
      attemptsMax: chance.pick([1, 1, 3, 8]),
      pauseMs: chance.pick([20, 100]),
      pauseMsMax: 500,
      noteEveryMs: chance.pick([100, 400]),
      deadPerNotePause: chance.pick([1, 100]),
      deadMax: chance.pick([2, 50]),
      errorLengthMax: 100,
      inheritedWaitMs: deliverWaitMs + 2 * lateMsMax,
    },
  };
};

export const settingsOf = (chance: Chance, theme?: Theme | undefined): Settings => {
  const quick = chance.happens(0.5);
  const rotateLeader = chance.happens(0.15);
  const { sinks, ...chosen } = themed(chance, theme);
  return {
    ...chosen,
    outbox: outboxOf(chance, sinks),
    turmoilMs: chance.integer(2000, 7000),
    restMsMax: 60_000,
    drift: chance.pick([0, 0.02, 0.2]),
    syncMsMax: chance.pick([0.5, 2, 20]),
    replica: {
      peerWaitMs: quick ? 30 : 120,
      missesMax: chance.integer(2, 4),
      levelForMs: chance.pick([10, 50, 250]),
      levelForMsMax: 1000,
      markEveryMs: chance.pick([20, 500]),
      beatMs: quick ? 30 : 80,
      handOverAfterMs: chance.pick([20, 100, 400]),
      drainMs: 150,
      requestWaitMs: chance.pick([300, 1500]),
      catalogWaitMs: chance.pick([100, 400]),
      catalogIdleMs: chance.pick([30, 100]),
      appendEntriesMax: chance.pick([1, 2, 8, 64]),
      appendBytesMax: chance.pick([600, 100_000]),
      ordersInCallMax: chance.pick([1, 3, 50]),
      queueLengthMax: chance.pick([4, 100]),
      minInSync: chosen.replicas.length > 1 && chance.happens(0.1) ? 2 : 1,
      checkoutsSeenMax: quick ? 2 : 256,
      checkoutsInCallMax: rotateLeader ? 1 : chance.pick([1, 3, 64]),
      checkoutsPerBook: chance.pick([1, 3, 10]),
      rotateLeader,
    },
    replicaTickMs: quick ? 15 : 40,
    suspectAfterMs: quick ? 150 : 400,
    healthEveryMs: quick ? 40 : 100,
    requestWaitMs: chance.pick([500, 1500]),
    batchesMax: chance.integer(1, 2),
    restockEveryMs: chance.pick([50, 200, 0]),
    restockLevel: chance.integer(1, 30),
    linesMax: chance.pick([1, 3, 100]),
    catalogQueueMax: chance.pick([2, 100]),
  };
};
