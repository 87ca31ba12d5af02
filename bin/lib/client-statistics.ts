/** What a run measures: every duration is kept, the number of requests is bounded. */

export type RequestKind = 'lookup' | 'order' | 'check';
export const requestKinds: readonly RequestKind[] = ['lookup', 'order', 'check'];

export type KindSummary = {
  /** Requests that were answered as they may be. */
  count: number;
  errors: number;
  retries: number;
  p50Ms: number;
  p95Ms: number;
  p99Ms: number;
  maxMs: number;
};

export type Statistics = {
  answered(kind: RequestKind, durationMs: number): void;
  failed(kind: RequestKind): void;
  retried(kind: RequestKind): void;
  total(what: 'count' | 'errors' | 'retries'): number;
  summary(): Record<RequestKind, KindSummary>;
};

/** The least value that `percent` of all values do not exceed; 0 when there are none. `sorted` is in rising order. */
export const percentile = (sorted: readonly number[], percent: number): number =>
  sorted[Math.max(0, Math.ceil((percent / 100) * sorted.length) - 1)] ?? 0;

export const createStatistics = (): Statistics => {
  const kept = { lookup: emptyKind(), order: emptyKind(), check: emptyKind() };
  return {
    answered: (kind, durationMs) => {
      kept[kind].durationsMs.push(durationMs);
    },
    failed: (kind) => {
      kept[kind].errors += 1;
    },
    retried: (kind) => {
      kept[kind].retries += 1;
    },
    total: (what) =>
      requestKinds.reduce(
        (sum, kind) => sum + (what === 'count' ? kept[kind].durationsMs.length : kept[kind][what]),
        0,
      ),
    summary: () => ({ lookup: summaryOf(kept.lookup), order: summaryOf(kept.order), check: summaryOf(kept.check) }),
  };
};

type Kind = { durationsMs: number[]; errors: number; retries: number };

const emptyKind = (): Kind => ({ durationsMs: [], errors: 0, retries: 0 });

const summaryOf = ({ durationsMs, errors, retries }: Kind): KindSummary => {
  const sorted = durationsMs.toSorted((a, b) => a - b);
  return {
    count: sorted.length,
    errors,
    retries,
    p50Ms: rounded(percentile(sorted, 50)),
    p95Ms: rounded(percentile(sorted, 95)),
    p99Ms: rounded(percentile(sorted, 99)),
    maxMs: rounded(sorted.at(-1) ?? 0),
  };
};

const rounded = (ms: number): number => Math.round(ms * 100) / 100;
