/** What is measured, and what comes of it. */

/** One measurement of one round. */
export type Sample = {
  perSecond: number;
  /** null where the load tool does not tell. */
  p50Ms: number | null;
  p99Ms: number | null;
  /** Requests that got another answer than they must, or none. */
  failed: number;
  /** How much of one processor core each process used; not known everywhere. */
  cores?: Record<string, number>;
  /** What else was seen, by its name with its unit. */
  also?: Record<string, number>;
};

export type Measurement = {
  name: string;
  title: string;
  /** Requests under way at any time. */
  clients: number;
  /** Only while the subject is open. */
  run(): Promise<Sample>;
};

/** A system under load. It is opened for each round, so that only one of them runs at any time, and each begins empty. */
export type Subject = {
  name: string;
  title: string;
  measurements: Measurement[];
  open(): Promise<void>;
  close(): Promise<void>;
};

/** A store of somebody else's, to compare with. */
export type Peer = {
  title: string;
  /** How it is run and loaded, and what its answer does not promise though Till's does. */
  notes: string;
  /** null if it can be measured here, else why not, and what to do about it. */
  missing: string | null;
  subject: Subject;
};

/** All rounds of one measurement. */
export type Series = {
  subject: string;
  subjectTitle: string;
  name: string;
  title: string;
  clients: number;
  samples: Sample[];
};

export type Spread = { median: number; min: number; max: number };

/** null of no values at all. */
export const spreadOf = (values: readonly number[]): Spread | null => {
  const sorted = values.toSorted((a, b) => a - b);
  const [min, max] = [sorted[0], sorted.at(-1)];
  if (min === undefined || max === undefined) return null;
  const half = sorted.length >> 1;
  const upper = sorted[half] ?? max;
  return { median: sorted.length % 2 === 1 ? upper : (upper + (sorted[half - 1] ?? min)) / 2, min, max };
};

/** One that every measurement has, or what a certain one has seen besides. */
export type Figure = 'perSecond' | 'p50Ms' | 'p99Ms' | { also: string };

/** A figure in each round; rounds that do not tell it are left out. */
export const valuesOf = ({ samples }: Series, figure: Figure): number[] =>
  samples
    .map((sample) => (typeof figure === 'string' ? sample[figure] : (sample.also?.[figure.also] ?? null)))
    .filter((value) => value !== null);

/** The name by which --only finds it. */
export const fullName = (subject: { name: string }, measurement: { name: string }): string =>
  `${subject.name}/${measurement.name}`;
