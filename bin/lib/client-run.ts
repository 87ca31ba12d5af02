/** All clients of one run side by side, and what came of them together. */
import { monotonicMs } from '@till/shared/clock';
import { createConnection, describeStatus, NoAnswer } from './client-connection.ts';
import type { ClientOptions } from './client-options.ts';
import { createProgress } from './client-progress.ts';
import type { KindSummary, RequestKind } from './client-statistics.ts';
import { createStatistics } from './client-statistics.ts';
import { findRepeatedNumbers } from './client-verification.ts';
import { runClient } from './client-workload.ts';
import { readCluster } from './cluster-view.ts';
import { Failure } from './command.ts';

export type RunResult = {
  probability: number;
  durationMs: number;
  requestsPerSecond: number;
  kinds: Record<RequestKind, KindSummary>;
  orders: { acknowledged: number; verified: number; outOfStock: number };
  /** What the front's cache did in the meantime, whoever asked; null if the front does not tell. */
  cache: { hits: number; misses: number } | null;
  differences: string[];
  failures: string[];
};

/** How long to wait for a front that does not answer at all. */
const FIRST_ANSWER_MS = 3000;

export const readProductNames = async (url: string, retryForMs: number): Promise<string[]> => {
  const connection = createConnection({ url, retryForMs: Math.min(retryForMs, FIRST_ANSWER_MS), onRetry: () => {} });
  try {
    const { status, body } = await connection.send({ method: 'GET', path: '/products' });
    const products = (body as { data?: { name?: unknown }[] } | null)?.data;
    const names = Array.isArray(products)
      ? products.map(({ name }) => name).filter((name) => typeof name === 'string')
      : [];
    if (status !== 200 || names.length === 0) {
      throw new Failure(`Cannot read the products at ${url}/products: ${describeStatus(status, body)}`);
    }
    return names;
  } catch (error) {
    if (!(error instanceof NoAnswer)) throw error;
    throw new Failure(
      `Cannot reach the front at ${url}: ${error.message}\nIs it started (npm start)? Is the port right (PORT_BASE, --url)?`,
    );
  } finally {
    await connection.close();
  }
};

export const runClients = async (
  options: ClientOptions & { names: string[]; probability: number; isStopping: () => boolean },
): Promise<RunResult> => {
  const { url, clients, requests, probability } = options;
  const statistics = createStatistics();
  const before = await readCluster(url);
  const progress = createProgress({ total: clients * requests, statistics });
  const startedAt = monotonicMs();
  const results = await Promise.all(
    Array.from({ length: clients }, (_, at) =>
      runClient({ ...options, client: at + 1, statistics, onStep: progress.step }),
    ),
  ).finally(progress.stop);
  const durationMs = monotonicMs() - startedAt;
  const after = await readCluster(url);

  const orders = results.flatMap(({ acknowledged }) => acknowledged);
  return {
    probability,
    durationMs: Math.round(durationMs),
    requestsPerSecond: Math.round((statistics.total('count') * 1000) / durationMs),
    kinds: statistics.summary(),
    orders: {
      acknowledged: orders.length,
      verified: results.reduce((sum, { verified }) => sum + verified, 0),
      outOfStock: results.reduce((sum, { outOfStock }) => sum + outOfStock, 0),
    },
    cache:
      before === null || after === null
        ? null
        : { hits: after.cache.hits - before.cache.hits, misses: after.cache.misses - before.cache.misses },
    differences: [...results.flatMap(({ differences }) => differences), ...findRepeatedNumbers(orders)],
    failures: results.flatMap(({ failures }) => failures),
  };
};

/** Every acknowledged order is there as it was acknowledged, and no request was left without an answer. */
export const isFlawless = ({ orders, differences, failures }: RunResult): boolean =>
  orders.verified === orders.acknowledged && differences.length === 0 && failures.length === 0;
