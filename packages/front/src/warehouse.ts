/**
 * Asks a warehouse that is not ours whether what an order takes is there: one question per product, all at once. How often,
 * how long, and what happens while it is down: shared/src/outside.ts. It answers for the moment; the catalog decides.
 */
import { monotonicMs } from '@till/shared/clock';
import { Problem } from '@till/shared/errors';
import { limits } from '@till/shared/limits';
import type { Logger } from '@till/shared/logger';
import type { Metrics } from '@till/shared/metrics';
import type { Line } from '@till/shared/movement';
import { foldName } from '@till/shared/names';
import { createOutside, type OutsideAnswer, OutsideError, type OutsideState } from '@till/shared/outside';
import Type from 'typebox';
import { Compile } from 'typebox/compile';

export type WarehouseAnswer =
  | { ok: true }
  /** It has no such product; this is the first line's that it does not know. */
  | { ok: false; unknown: string }
  /** Too few are left of a product: the text says of which. */
  | { ok: false; short: string };

export type Warehouse = {
  /**
   * For lines that are to be bought. Throws a `Problem`: 503 `warehouse_down` when it cannot be asked, 429 `queue_full`
   * when too many questions are open already; or the signal's reason.
   */
  check(lines: readonly Line[], options: { deadlineMs: number; signal?: AbortSignal }): Promise<WarehouseAnswer>;
  close(): Promise<void>;
};

export type WarehouseOptions = {
  url: string;
  /** How long a warehouse that is down is not asked. */
  holdMs: number;
  /** The longest that a check may ask for: else a warehouse that hangs could never be told from a caller in a hurry. */
  waitMs: number;
  metrics: Pick<Metrics, 'counter' | 'gauge'>;
  logger: Pick<Logger, 'info' | 'warn'>;
  /** A clock that only goes forward; the hold is measured with it. */
  nowMs?(): number;
};

const DEADLINE_MS = 5000;
/** So that the first attempt and three retries fit into the deadline, with the pauses between them. */
const ATTEMPT_MS = 1000;
const RETRIES = 3;

const isInventory = Compile(Type.Object({ sku: Type.String(), available: Type.Integer() }));

const stateNumbers: Record<OutsideState, number> = { closed: 0, half_open: 1, open: 2 };

export const createWarehouse = (options: WarehouseOptions): Warehouse => {
  const { url, holdMs, metrics, logger } = options;
  const outside = createOutside({
    name: 'the warehouse',
    url,
    deadlineMs: DEADLINE_MS,
    retries: RETRIES,
    attemptMs: Math.min(ATTEMPT_MS, options.waitMs),
    holdMs,
    ...(options.nowMs && { nowMs: options.nowMs }),
    onState: (state, failure) => {
      if (state === 'open' && failure !== null)
        logger.warn({ holdMs, failure: failure.message }, 'the warehouse is down');
      if (state === 'closed') logger.info('the warehouse answers again');
    },
  });
  const checks = metrics.counter({
    name: 'till_warehouse_checks_total',
    help: 'Orders that the warehouse was asked about, by what it said: ok, unknown, short, down',
    labelNames: ['result'],
  });
  metrics.gauge({
    name: 'till_warehouse_state',
    help: 'Whether the warehouse is asked: 0 yes, 1 one question tries, 2 no, it is down',
    collect() {
      this.set(stateNumbers[outside.state()]);
    },
  });

  /** How many there are; null if the warehouse does not know the product. */
  const ask = async ({ name }: Line, left: { ms(): number; signal: AbortSignal }): Promise<number | null> => {
    const answer = await outside.call({
      method: 'GET',
      path: `/products/${encodeURIComponent(name)}/inventory`,
      isUsable: (given) => given.status === 404 || availableOf(given, name) !== null,
      deadlineMs: left.ms(),
      signal: left.signal,
    });
    return answer.status === 404 ? null : availableOf(answer, name);
  };

  /** The answers in the order of the sums. The first failure ends what is still under way: it cannot help any more. */
  const askAll = async (sums: Line[], endMs: number, signal?: AbortSignal): Promise<(number | null)[]> => {
    const ending = new AbortController();
    const end = () => ending.abort(signal?.reason);
    signal?.addEventListener('abort', end);
    if (signal?.aborted) end();
    const left = { ms: () => endMs - monotonicMs(), signal: ending.signal };
    try {
      // While it is not known to be up again, one question goes ahead: the others would be refused at once.
      const ahead = outside.state() === 'closed' ? [] : sums.slice(0, 1);
      const first = await Promise.all(ahead.map((sum) => ask(sum, left)));
      return [...first, ...(await Promise.all(sums.slice(ahead.length).map((sum) => ask(sum, left))))];
    } finally {
      signal?.removeEventListener('abort', end);
      ending.abort();
    }
  };

  const check: Warehouse['check'] = async (lines, { deadlineMs, signal }) => {
    const sums = addUp(lines);
    try {
      const answer = judge(sums, await askAll(sums, monotonicMs() + Math.min(deadlineMs, DEADLINE_MS), signal));
      checks.inc({ result: answer.ok ? 'ok' : 'unknown' in answer ? 'unknown' : 'short' });
      return answer;
    } catch (error) {
      if (!(error instanceof OutsideError)) throw error;
      if (error.kind === 'full') {
        throw new Problem(429, 'queue_full', 'Cannot ask the warehouse: too many questions wait already', later());
      }
      checks.inc({ result: 'down' });
      const heldMs = error.kind !== 'open' && outside.state() !== 'closed' ? holdMs : error.retryAfterMs;
      const text = 'Cannot check the stock: the warehouse does not answer';
      throw new Problem(503, 'warehouse_down', text, later(heldMs));
    }
  };

  return { check, close: outside.close };
};

const later = (ms = 0): Record<string, string> => ({
  'retry-after': String(Math.max(Math.ceil(ms / 1000), limits.retryAfterSeconds)),
});

/** One line per product, in the spelling that comes first: two halves of too much are too much. */
const addUp = (lines: readonly Line[]): Line[] => {
  const sums = new Map<string, Line>();
  for (const { name, quantity } of lines) {
    const sum = sums.get(foldName(name));
    if (sum === undefined) sums.set(foldName(name), { name, quantity });
    else sum.quantity += quantity;
  }
  return [...sums.values()];
};

/** How many it says there are, or null if that is not an answer to this question. */
const availableOf = ({ status, text }: OutsideAnswer, name: string): number | null => {
  const inventory = status === 200 ? parse(text) : null;
  return isInventory.Check(inventory) && foldName(inventory.sku) === foldName(name) ? inventory.available : null;
};

const parse = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    // No schema accepts it.
    return undefined;
  }
};

/** An unknown product comes first, as in the catalog: nothing is remembered of such an order. */
const judge = (sums: Line[], available: (number | null)[]): WarehouseAnswer => {
  const unknown = sums.find((_, at) => available[at] === null);
  if (unknown !== undefined) return { ok: false, unknown: unknown.name };
  for (const [at, { name, quantity }] of sums.entries()) {
    const left = Math.max(available[at] ?? 0, 0);
    if (quantity > left)
      return { ok: false, short: `Cannot buy ${quantity} of "${name}": ${left} left in the warehouse` };
  }
  return { ok: true };
};
