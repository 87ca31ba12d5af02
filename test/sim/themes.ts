/** What a run is about: how many there are of each, what clients want most, and which faults there are. */
import type { SeedProduct } from '@till/shared/movement';
import type { Chance } from './chance.ts';
import { FAIR_WEATHER } from './network.ts';
import type { Settings, SinkKind } from './settings.ts';

export const FAULTS = [
  'crash',
  'crash_at_effect',
  'crash_many',
  'pause',
  'cut',
  'isolate',
  'false_suspicion',
  'slow_disk',
  'stream',
  'leave',
  'weather',
  'lost_store',
  'lost_record',
  'old_record',
  'sink',
] as const;
export type Fault = (typeof FAULTS)[number];

const productsOf = (chance: Chance, countMax: number): SeedProduct[] =>
  ['Fox', 'Tux', 'Lego', 'Uno', 'GameStart', 'FishCo', 'Emma']
    .slice(0, chance.integer(2, countMax))
    .map((name, at) => ({
      name,
      kind: at < 4 ? ('toy' as const) : ('stock' as const),
      price: chance.integer(100, 5000) / 100,
      quantity: chance.integer(0, chance.pick([40, 400])),
      restock: at < 4,
    }));

/** A lost store and a lost record together are more than is promised: the record may be rebuilt from before the loss. */
const faultsOf = (chance: Chance): Fault[] => {
  const faults = FAULTS.filter(() => chance.happens(0.45));
  return faults.includes('lost_store') ? faults.filter((fault) => !fault.endsWith('_record')) : faults;
};

export type Themed = { sinks: SinkKind[] } & Pick<
  Settings,
  | 'replicas'
  | 'clients'
  | 'products'
  | 'faults'
  | 'faultEveryMs'
  | 'thinkMsMax'
  | 'lookups'
  | 'checkouts'
  | 'cancels'
  | 'slowReads'
  | 'cacheCapacity'
  | 'weather'
  | 'lateMsMax'
  | 'downMsMax'
>;

const replicasOf = (count: number): number[] => Array.from({ length: count }, (_, at) => at + 1);

/** Any kind of fault, but only some kinds at a time: a mix of everything would hide what needs a long stretch of one kind. */
const anything = (chance: Chance): Themed => ({
  replicas: replicasOf(chance.pick([3, 3, 3, 3, 3, 3, 2, 2, 1, 5])),
  clients: chance.integer(1, 5),
  products: productsOf(chance, 7),
  faults: faultsOf(chance),
  faultEveryMs: chance.pick([60, 150, 300, 600]),
  thinkMsMax: chance.pick([5, 50, 200]),
  lookups: 0.2,
  checkouts: chance.pick([0, 0.15, 0.5]),
  cancels: chance.pick([0, 0.1, 0.3]),
  sinks: chance.pick<SinkKind[]>([[], [], ['shop'], ['events'], ['shop', 'events']]),
  slowReads: 0.05,
  cacheCapacity: chance.pick([0, 1, 2, 4, 10]),
  weather: FAIR_WEATHER,
  lateMsMax: 15_000,
  downMsMax: [30, 300, 1500],
});

/** What concerns the logs alone needs nothing else to happen. */
const onlyOrders = { checkouts: 0, cancels: 0, sinks: [] };

/** What the front shows: few products, many lookups, slow reads, a bad stream. */
const lookups = (chance: Chance): Themed => ({
  ...anything(chance),
  replicas: replicasOf(chance.integer(1, 2)),
  clients: chance.integer(3, 8),
  products: productsOf(chance, 3),
  faults: ['stream', 'stream', 'stream', 'weather', ...faultsOf(chance).filter(() => chance.happens(0.3))],
  faultEveryMs: chance.pick([30, 100]),
  thinkMsMax: 5,
  lookups: 0.75,
  slowReads: 0.4,
  cacheCapacity: chance.pick([0, 1, 1, 2]),
});

/** One life after the other: replicas come back at once, on slow disks or without their stores, while old messages are about. */
const lives = (chance: Chance): Themed => ({
  ...anything(chance),
  replicas: replicasOf(chance.integer(2, 3)),
  faults: chance.pick<Fault[]>([
    ['lost_store', 'lost_store', 'crash'],
    ['crash', 'crash', 'slow_disk', 'slow_disk'],
    ['crash', 'crash_at_effect', 'pause', 'leave'],
  ]),
  faultEveryMs: chance.pick([100, 300]),
  ...onlyOrders,
  weather: { ...FAIR_WEATHER, late: chance.pick([0.05, 0.2]) },
  lateMsMax: chance.pick([200, 1000]),
  downMsMax: [30, 100],
});

/** The in-sync set shrinks and grows all the time, and the manager hears of it late. */
const sets = (chance: Chance): Themed => ({
  ...anything(chance),
  replicas: replicasOf(chance.pick([3, 4, 5])),
  faults: ['cut', 'cut', 'cut', 'isolate', 'pause', 'weather'],
  faultEveryMs: chance.pick([20, 60]),
  ...onlyOrders,
  thinkMsMax: 5,
  lookups: 0,
  weather: { ...FAIR_WEATHER, slow: chance.pick([0.1, 0.3]), slowMsMax: chance.pick([60, 150]) },
  lateMsMax: 1000,
});

/** The outbox: sinks that fail in every way, and leaders that come and go. */
const deliveries = (chance: Chance): Themed => ({
  ...anything(chance),
  replicas: replicasOf(chance.integer(1, 3)),
  clients: chance.integer(1, 3),
  // Enough of everything, so that most orders are events.
  products: productsOf(chance, chance.pick([2, 7, 7])).map((product) => ({ ...product, quantity: 10_000 })),
  faults: ['sink', 'sink', 'sink', 'sink', 'crash', 'pause', ...faultsOf(chance).filter(() => chance.happens(0.2))],
  faultEveryMs: chance.pick([60, 150, 300]),
  downMsMax: [30, 300],
  thinkMsMax: chance.pick([20, 150, 400]),
  lookups: 0,
  sinks: chance.pick<SinkKind[]>([['shop'], ['events'], ['shop', 'events']]),
});

/** The queue of checkouts, under leaders that change. */
const checkouts = (chance: Chance): Themed => ({
  ...anything(chance),
  replicas: replicasOf(chance.integer(2, 3)),
  clients: chance.integer(3, 6),
  faults: chance.pick<Fault[]>([
    ['crash', 'crash_at_effect'],
    ['pause', 'cut', 'crash'],
    ['crash', 'leave', 'false_suspicion', 'weather'],
  ]),
  faultEveryMs: chance.pick([100, 300]),
  thinkMsMax: 20,
  lookups: 0,
  checkouts: 0.8,
  cancels: 0.3,
});

/** What a run is about. A run of its own choice is most often about anything. */
export const THEMES = ['anything', 'lookups', 'lives', 'sets', 'deliveries', 'checkouts'] as const;
export type Theme = (typeof THEMES)[number];
const themes: Record<Theme, (chance: Chance) => Themed> = {
  anything,
  lookups,
  lives,
  sets,
  deliveries,
  checkouts,
};
const choice: Theme[] = ['anything', 'anything', 'anything', 'anything', ...THEMES.slice(1)];

export const themed = (chance: Chance, theme?: Theme | undefined): Themed => {
  const chosen = chance.pick(choice);
  return themes[theme ?? chosen](chance);
};
