/**
 * Performs what the stock core decides: store, then send, then answer.
 *
 * One batch at a time: decided on the state that is on disk, appended with one fsync, taken into the state, told to the
 * subscribers, answered. Meanwhile the next batch fills up in the queue. So there is only one state here, and all of it
 * is on disk: whoever reads it, at whatever moment, sees nothing that a crash could take back.
 *
 * When a write fails, nothing is known any more about what is on disk: every call that waits is told so, and
 * `onFailed` ends the process. The next start reads the journal again.
 */
import { monotonicMs } from '@till/shared/clock';
import type { CatalogDecision } from '@till/shared/contract';
import { Problem } from '@till/shared/errors';
import { JournalDamaged } from '@till/shared/journal';
import { limits } from '@till/shared/limits';
import type { Movement, Outcome, Placed, SeedProduct } from '@till/shared/movement';
import type { OrderLog } from '@till/shared/order-log';
import type { Changes } from './changes.ts';
import type { MovementJournal } from './movement-journal.ts';
import { stateOf } from './product-state.ts';
import { createQueue } from './queue.ts';
import type { Page } from './recent-lines.ts';
import { applyMovement } from './stock/apply.ts';
import { accepts, decide } from './stock/decide.ts';
import type { Command, Product, Stock } from './stock/types.ts';
import { readTrail, type Trail } from './trail.ts';
import { createTurns } from './turns.ts';

export type Driver = {
  /** Names this run of the catalog. */
  readonly epoch: string;
  /** What is on disk. To be read only. */
  readonly stock: Stock;
  /**
   * Decides orders, and whatever else is placed, for the leader of `term`, which must have fenced it before, and returns the
   * journal from `after` on. Without any it only returns the journal.
   */
  place(call: { term: number; after: number; orders: Placed[] }): Promise<CatalogDecision>;
  /** Shuts older terms out, on disk, before it returns the journal, the movement at `after` included. Fencing again is harmless. */
  fence(call: { term: number; after: number }): Promise<CatalogDecision>;
  /** The catalog's own commands, in the same queue. Nobody waits for them; if there is no room they are dropped. */
  restock(commands: Command[]): void;
  /** A page of the journal. */
  history(range: { after: number; linesMax: number }): Promise<Page>;
  /**
   * The changes of stock after a sequence, up to what is on disk now: of one product by its own name, or of all (null). One
   * reading at a time; throws a `Problem` when too many wait for their turn.
   */
  trail(range: { after: number; changesMax: number; name: string | null }): Promise<Trail & { asOf: number }>;
  /** Weight of what waits to be decided. */
  queueLength(): number;
  /** null while it serves; else the reason why not. */
  whyNotReady(): 'stopping' | 'journal_failed' | null;
  /** Refuses what is new, finishes what waits. */
  drain(): Promise<void>;
};

/** What one batch took, for the metrics. */
export type BatchMeasures = { orders: number; movements: readonly Movement[]; storeMs: number };

export type DriverDeps = {
  epoch: string;
  journal: MovementJournal;
  /** The stock as the journal tells it. */
  stock: Stock;
  changes: Pick<Changes, 'publish'>;
  /** Milliseconds since 1970. */
  now(): number;
  onBatch(measures: BatchMeasures): void;
  /** Hears of each decision, if anybody wants to know. */
  orderLog?: OrderLog | null;
  /** The journal, or our own promises, are broken: nothing is decided any more, and the process must end. */
  onFailed(error: unknown): void;
};

type Job = {
  /** Term of the leader that asks; null for the catalog's own commands. */
  term: number | null;
  after: number;
  commands: Command[];
  weight: number;
  /** A fence: it is decided alone, as the term of a batch is one. */
  alone: boolean;
  resolve(decision: CatalogDecision | Promise<CatalogDecision>): void;
  reject(error: Error): void;
};

export const createDriver = (deps: DriverDeps): Driver => {
  const { epoch, journal, stock, changes } = deps;
  const queue = createQueue<Job>({ lengthMax: limits.queueLengthMax });
  const trailTurns = createTurns({ waitingMax: limits.trailsWaitingMax });
  let state: 'serving' | 'draining' | 'failed' = 'serving';
  let working: Promise<void> | null = null;

  const work = async (): Promise<void> => {
    let batch = queue.take(limits.ordersInBatchMax);
    while (batch.length > 0) {
      try {
        await perform(batch.filter(admitted));
      } catch (error) {
        fail(batch, error);
        return;
      }
      batch = queue.take(limits.ordersInBatchMax);
    }
    working = null;
  };

  /** Answers what cannot be decided on the state as it is now; true for the others. */
  const admitted = (job: Job): boolean => {
    if (job.term === null) return true;
    if (!accepts(stock.term, job.term)) {
      job.resolve({ kind: 'old_term', term: stock.term });
      return false;
    }
    // Before the fence too: a journal that lacks decisions must not give their sequences to new ones.
    if (job.after > stock.sequence) {
      job.resolve({ kind: 'behind', sequence: stock.sequence });
      return false;
    }
    if (job.term > stock.term && !job.alone) {
      job.reject(new Problem(400, 'not_fenced', `Cannot decide in term ${job.term}: it was never fenced`));
      return false;
    }
    return true;
  };

  const perform = async (jobs: Job[]): Promise<void> => {
    // Orders are in the stock's own term; only a fence, which is alone, brings a newer one.
    const term = Math.max(stock.term, ...jobs.map((job) => job.term ?? 0));
    const commands = jobs.flatMap((job) => (job.alone && term === stock.term ? [] : job.commands));
    const { movements, outcomes } = decide(stock, { term, now: deps.now() }, commands);
    if (movements.length > 0) {
      const startedMs = monotonicMs();
      await journal.append(movements);
      const storeMs = monotonicMs() - startedMs;
      takeIn(movements);
      deps.onBatch({ orders: outcomes.length, movements, storeMs });
    }
    deps.orderLog?.decided(term, outcomes);
    let start = 0;
    for (const job of jobs) {
      const end = job.alone || job.term === null ? start : start + job.commands.length;
      job.resolve(answer(job, outcomes.slice(start, end)));
      start = end;
    }
  };

  /** State and stream move in one step: a subscriber never hears of what cannot be read, nor reads what it was not told. */
  const takeIn = (movements: Movement[]): void => {
    const from = stock.sequence + 1;
    const changed = new Map<string, Product>();
    for (const movement of movements) {
      for (const product of applyMovement(stock, movement)) changed.set(product.name, product);
    }
    changes.publish({ from, to: stock.sequence, products: [...changed.values()].map(stateOf) });
  };

  const answer = async (job: Job, outcomes: Outcome[]): Promise<CatalogDecision> => {
    const bounds = { linesMax: limits.historyLinesMax, bytesMax: limits.historyBytesMax };
    const after = job.alone ? Math.max(0, job.after - 1) : job.after;
    const page = job.term === null ? { lines: [], more: false } : await undamaged(journal.after(after, bounds));
    return { kind: 'decided', outcomes, ...page };
  };

  /** Whoever reads hears of damage, and the process ends: the next start looks at the whole file and says what to do. */
  const undamaged = async <Value>(reading: Promise<Value>): Promise<Value> => {
    try {
      return await reading;
    } catch (error) {
      if (error instanceof JournalDamaged) fail([], error);
      throw error;
    }
  };

  const fail = (batch: Job[], error: unknown): void => {
    state = 'failed';
    const problem = new Problem(503, 'journal_failed', 'Cannot say whether this was decided: the journal failed');
    for (let jobs = batch; jobs.length > 0; jobs = queue.take(limits.ordersInBatchMax)) {
      for (const job of jobs) job.reject(problem);
    }
    deps.onFailed(error);
  };

  const submit = (job: Pick<Job, 'term' | 'after' | 'commands' | 'alone'>): Promise<CatalogDecision> =>
    new Promise((resolve, reject) => {
      if (state !== 'serving') throw stopping();
      const weight = Math.max(1, job.commands.length);
      if (!queue.push({ ...job, weight, resolve, reject })) return resolve({ kind: 'busy' });
      working ??= work();
    });

  return {
    epoch,
    stock,
    place: ({ term, after, orders }) =>
      submit({ term, after, commands: orders.map((placed) => ({ kind: 'place', placed })), alone: false }),
    fence: ({ term, after }) => submit({ term, after, commands: [{ kind: 'fence' }], alone: true }),
    restock: (commands) => {
      submit({ term: null, after: 0, commands, alone: false }).catch(() => {
        // Stopping or failed: the next run finds what is sold out again.
      });
    },
    history: ({ after, linesMax }) => undamaged(journal.after(after, { linesMax, bytesMax: limits.historyBytesMax })),
    trail: ({ after, changesMax, name }) =>
      trailTurns(async () => {
        const asOf = stock.sequence;
        return { asOf, ...(await undamaged(readTrail(journal, { after, to: asOf, changesMax, name }))) };
      }),
    queueLength: queue.length,
    whyNotReady: () => (state === 'serving' ? null : state === 'draining' ? 'stopping' : 'journal_failed'),
    drain: async () => {
      if (state === 'serving') state = 'draining';
      await working;
    },
  };
};

const stopping = (): Problem =>
  new Problem(503, 'stopping', 'Cannot decide anything more: the catalog is stopping', {
    'retry-after': String(limits.retryAfterSeconds),
  });

/** The first movement of an empty journal. */
export const seedMovements = (stock: Stock, products: SeedProduct[], now: number): Movement[] =>
  decide(stock, { term: stock.term, now }, [{ kind: 'seed', products }]).movements;
