/**
 * Harm on purpose: answers that are late, processes that kill themselves at chosen places, and journals that are not
 * synced, so that what Till promises, and what that costs, can be tried out on the very services that run. Off, nothing of it stands in anybody's way: what is wrapped stays
 * what it was. docs/decisions/021-chaos-switches.md says why the places are these.
 */
import { sleep } from './clock.ts';
import type { Config } from './config.ts';
import { catalogContract, changesPath, orderContract } from './contract.ts';
import type { JournalFile, JournalFiles } from './journal-files.ts';
import type { Logger } from './logger.ts';
import type { Fetch } from './serve.ts';

type CrashPoint = Config['chaosCrashAt'];

export type Chaos = {
  /** What is switched on here, in words; null if nothing is. */
  shown: string | null;
  /** What serves the service's requests: delays some, and crashes before an order is answered. */
  wrap(fetch: Fetch): Fetch;
  /** Files of a journal or a log: crashes before a batch is written, or after its fsync; or leaves fsync out. */
  files(files: JournalFiles): JournalFiles;
  /** Something that stores a record within one call: crashes before that, or after it. */
  store<Stored>(write: (record: Stored) => void): (record: Stored) => void;
};

export type ChaosOptions = {
  /** As PM2 calls it: front, catalog, order-1 and so on. */
  service: string;
  logger: Pick<Logger, 'warn' | 'fatal'>;
  /** Ends this process at once, with nothing done before. */
  crash?: () => void;
};

export const createChaos = (
  config: Pick<
    Config,
    'chaos' | 'chaosOn' | 'chaosLatencyMs' | 'chaosLatencyEvery' | 'chaosCrashEvery' | 'chaosCrashAt' | 'chaosNoFsync'
  >,
  { service, logger, crash = killSelf }: ChaosOptions,
): Chaos => {
  const applies = config.chaos && (config.chaosOn.length === 0 || config.chaosOn.includes(service));
  const latency = applies && config.chaosLatencyMs > 0;
  const crashAt = applies && config.chaosCrashEvery > 0 ? config.chaosCrashAt : null;
  // The front has neither a journal nor a log.
  const syncs = !(applies && config.chaosNoFsync && service !== 'front');
  const shown = [
    latency ? `1 request in ${config.chaosLatencyEvery} waits ${config.chaosLatencyMs} ms` : '',
    crashAt === null ? '' : `crashes once in ${config.chaosCrashEvery} times at ${crashAt}`,
    syncs ? '' : 'syncs nothing: what it acknowledges may be lost',
  ]
    .filter((text) => text !== '')
    .join(', ');
  if (shown === '') return OFF;
  logger.warn({ chaos: shown }, 'chaos is on: this service does harm on purpose');

  let requests = 0;
  let passings = 0;

  const pass = (point: CrashPoint): void => {
    if (point !== crashAt) return;
    passings += 1;
    if (passings % config.chaosCrashEvery !== 0) return;
    logger.fatal({ point, passing: passings }, 'killing itself, as CHAOS_CRASH_AT asks');
    crash();
  };

  /** Resolves when the request may be handled. */
  const delay = async (): Promise<void> => {
    requests += 1;
    if (requests % config.chaosLatencyEvery === 0) await sleep(config.chaosLatencyMs);
  };

  return {
    shown,
    wrap: (fetch) => async (request) => {
      const path = pathOf(request.url);
      if (latency && !UNTOUCHED.has(path)) await delay();
      const response = await fetch(request);
      const answers = crashAt === 'before_answer' && request.method === 'POST' && DECIDING.test(path);
      if (answers && (await isDone(response))) pass('before_answer');
      return response;
    },
    files: (files) => ({
      ...files,
      open: async (path) => {
        const file = await files.open(path);
        return crashing(syncs ? file : unsynced(file), pass);
      },
    }),
    store: (write) => (record) => {
      pass('before_store');
      write(record);
      pass('after_store');
    },
  };
};

const OFF: Chaos = Object.freeze({
  shown: null,
  wrap: (fetch) => fetch,
  files: (files) => files,
  store: (write) => write,
} satisfies Chaos);

/** Nothing can stand between this and the end: no handler, no flush, no farewell. */
const killSelf = (): void => {
  process.kill(process.pid, 'SIGKILL');
};

/** Delaying these would only make a service look dead, or be asked by those who look on. */
const UNTOUCHED = new Set([
  orderContract.health.path,
  // Between the replicas: packages/order/src/peer-contract.ts.
  '/messages',
  changesPath,
  '/healthz',
  '/readyz',
  '/metrics',
  '/cluster',
]);

/** Where orders are decided, of all services: the public ones, the leader's and the catalog's. */
const DECIDING = new RegExp(
  `^(?:/orders|/checkout|/webhooks/.*|${orderContract.orders.path}|${catalogContract.movements.path})$`,
);

/** The path as the routes know it. */
const pathOf = (url: string): string => {
  const { pathname } = new URL(url);
  return pathname.length > 1 && pathname.endsWith('/') ? pathname.slice(0, -1) : pathname;
};

/** Whether something was decided: a leader that refuses a batch answers 200 too, and so does a catalog that is only asked for news. */
const isDone = async (response: Response): Promise<boolean> => {
  if (response.status !== 200) return false;
  // Lines of a journal may follow: with-lines.ts.
  const [head = ''] = (await response.clone().text()).split('\n', 1);
  const answer = JSON.parse(head) as { ok?: boolean; kind?: string; outcomes?: unknown[] };
  if (answer.ok === false) return false;
  return answer.kind === undefined || (answer.outcomes?.length ?? 0) > 0;
};

/** Written, and left to the system to bring to the disk when it likes. */
const unsynced = (file: JournalFile): JournalFile => ({ ...file, sync: async () => {} });

/** A start reads, and may cut and sync; only who writes passes these places. A batch may take several writes. */
const crashing = (file: JournalFile, pass: (point: CrashPoint) => void): JournalFile => {
  let isWriting = false;
  return {
    ...file,
    write: (bytes, position) => {
      if (!isWriting) pass('before_store');
      isWriting = true;
      return file.write(bytes, position);
    },
    sync: async () => {
      await file.sync();
      if (isWriting) pass('after_store');
      isWriting = false;
    },
  };
};
