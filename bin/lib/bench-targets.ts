/** What is aimed at: ratios out of one run, so that they mean the same on a slow machine and on a fast one. */
import type { Growth, GrowthSample } from './bench-growth.ts';
import { type Figure, type Series, type Spread, spreadOf, valuesOf } from './bench-subject.ts';

/** A figure of a measurement; of several, that with the best median counts. */
type Place = { subject: string; names: readonly string[]; figure: Figure };

type Aims = {
  title: string;
  better: 'more' | 'less';
  aim: number;
  stretch: number;
  unit: '' | ' ms' | ' bytes';
};

export type Target = Aims & {
  of: Place;
  /** What it is divided by; without it, the figure itself is aimed at. */
  by?: Place;
};

export type Verdict = Aims & {
  /** null if it was not measured. */
  measured: Spread | null;
  /** By which share of the aim it is better (above 0) or worse than that. */
  overAim: number | null;
  overStretch: number | null;
};

const perSecond = (subject: string, ...names: string[]): Place => ({ subject, names, figure: 'perSecond' });

/** Stands for the runtime that the others are compared with. */
const TILL = 'till';
const ALL_ORDERS = ['order-1', 'order-8', 'order-32', 'order-128'];
const POSTGRES_ORDERS = ['order-1', 'order-8', 'order-16', 'order-32', 'order-128'];

const ratio = (target: Pick<Target, 'title' | 'of' | 'aim' | 'stretch'> & { by: Place }): Target => ({
  ...target,
  better: 'more',
  unit: '',
});

export const targets: readonly Target[] = [
  ratio({
    title: 'cached lookups ÷ bare GETs, 32 clients',
    of: perSecond(TILL, 'lookup-cached-32'),
    by: perSecond('bare', 'get-32'),
    aim: 0.85,
    stretch: 0.95,
  }),
  ratio({
    title: 'orders ÷ bare POSTs, 32 clients',
    of: perSecond(TILL, 'order-32'),
    by: perSecond('bare', 'post-32'),
    aim: 0.15,
    stretch: 0.25,
  }),
  ratio({
    title: 'orders ÷ bare POSTs, 128 clients',
    of: perSecond(TILL, 'order-128'),
    by: perSecond('bare', 'post-128'),
    aim: 0.3,
    stretch: 0.45,
  }),
  ratio({
    title: 'orders ÷ puts of etcd, 32 clients',
    of: perSecond(TILL, 'order-32'),
    by: perSecond('etcd', 'put-32'),
    aim: 2.5,
    stretch: 4,
  }),
  ratio({
    title: 'orders ÷ puts of etcd, 128 clients',
    of: perSecond(TILL, 'order-128'),
    by: perSecond('etcd', 'put-128'),
    aim: 4,
    stretch: 6,
  }),
  ratio({
    title: 'orders ÷ transactions of PostgreSQL, 32 clients',
    of: perSecond(TILL, 'order-32'),
    by: perSecond('postgres', 'order-32'),
    aim: 1.3,
    stretch: 2,
  }),
  ratio({
    title: 'orders ÷ transactions of PostgreSQL, each at its best',
    of: perSecond(TILL, ...ALL_ORDERS),
    by: perSecond('postgres', ...POSTGRES_ORDERS),
    aim: 3,
    stretch: 4,
  }),
  {
    title: 'an order, one client, p50',
    of: { subject: TILL, names: ['order-1'], figure: 'p50Ms' },
    better: 'less',
    aim: 1.5,
    stretch: 1,
    unit: ' ms',
  },
  {
    title: 'orders, 32 clients, p99 ÷ p50',
    of: { subject: TILL, names: ['order-32'], figure: 'p99Ms' },
    by: { subject: TILL, names: ['order-32'], figure: 'p50Ms' },
    better: 'less',
    aim: 4,
    stretch: 2.5,
    unit: '',
  },
  ratio({
    title: 'order queries ÷ bare GETs, 32 clients',
    of: perSecond(TILL, 'order-query-32'),
    by: perSecond('bare', 'get-32'),
    aim: 0.35,
    stretch: 0.6,
  }),
  {
    title: 'a cached lookup beside 128 clients that order, p99',
    of: { subject: TILL, names: ['lookup-under-orders-8'], figure: 'p99Ms' },
    better: 'less',
    aim: 10,
    stretch: 5,
    unit: ' ms',
  },
  ratio({
    title: 'orders while a replica catches up ÷ orders when it has',
    of: perSecond(TILL, 'order-during-catch-up-32'),
    by: { subject: TILL, names: ['order-during-catch-up-32'], figure: { also: 'perSecondWhenLevel' } },
    aim: 0.8,
    stretch: 0.9,
  }),
  {
    title: 'longest time without an answer, with restocks and snapshots',
    of: { subject: TILL, names: ['order-with-restocks-32'], figure: { also: 'longestGapMs' } },
    better: 'less',
    aim: 50,
    stretch: 25,
    unit: ' ms',
  },
  ...['bun', 'deno'].map((runtime) =>
    ratio({
      title: `orders on ${runtime} ÷ orders on node, 32 clients`,
      of: perSecond(runtime, 'order-32'),
      by: perSecond('node', 'order-32'),
      aim: 0.8,
      stretch: 1.2,
    }),
  ),
];

/** Every target as it was met in these rounds. A ratio is that of the two figures of one round. */
export const judge = (series: readonly Series[], till: string): Verdict[] =>
  targets.map((target) => {
    const of = valuesAt(series, target.of, till);
    const by = target.by === undefined ? of.map(() => 1) : valuesAt(series, target.by, till);
    return verdictOf(target, ratiosOf(of, by));
  });

/** What is aimed at with many orders in the store, by the rounds with them and without. */
export const judgeGrowth = ({ orders, with: grown, without }: Growth): Verdict[] => {
  const count = orders.toLocaleString('en');
  const values = (samples: readonly GrowthSample[], figure: keyof GrowthSample): number[] =>
    samples.map((sample) => sample[figure]).filter((value) => value !== null);
  const ratios = (figure: keyof GrowthSample): number[] => ratiosOf(values(grown, figure), values(without, figure));
  const [least, most] = [values(without, 'leaderBytes'), values(grown, 'leaderBytes')];
  const bytesEach = most.map((bytes, round) => (bytes - (least[round] ?? Number.NaN)) / orders);
  return [
    verdictOf(
      { title: `start with ${count} orders ÷ without`, better: 'less', aim: 1.5, stretch: 1.1, unit: '' },
      ratios('readyMs'),
    ),
    verdictOf(
      { title: `memory of the leader for each of ${count}`, better: 'less', aim: 60, stretch: 24, unit: ' bytes' },
      bytesEach,
    ),
    verdictOf(
      { title: `orders/s with ${count} orders ÷ without`, better: 'more', aim: 0.95, stretch: 1, unit: '' },
      ratios('ordersPerSecond'),
    ),
  ];
};

/** Round by round; a round that lacks one of them is left out. */
const ratiosOf = (of: readonly number[], by: readonly number[]): number[] =>
  of.slice(0, by.length).map((value, round) => value / (by[round] ?? Number.NaN));

const verdictOf = (aims: Aims, values: readonly number[]): Verdict => {
  const measured = spreadOf(values);
  const over = (aim: number): number | null => {
    if (measured === null) return null;
    const { median } = measured;
    return aims.better === 'more' ? median / aim - 1 : 1 - median / aim;
  };
  return { ...aims, measured, overAim: over(aims.aim), overStretch: over(aims.stretch) };
};

const valuesAt = (series: readonly Series[], { subject, names, figure }: Place, till: string): number[] => {
  const name = subject === TILL ? till : subject;
  const found = series
    .filter((one) => one.subject === name && names.includes(one.name))
    .map((one) => valuesOf(one, figure));
  const median = (values: number[]): number => spreadOf(values)?.median ?? 0;
  return found.reduce((best, values) => (median(values) > median(best) ? values : best), []);
};
