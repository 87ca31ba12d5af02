/** A Till of a benchmark's own: five services with the settings that they have by themselves, or are given, whatever the caller's are. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describeSettings } from '@till/shared/config';
import { seedProducts } from './bench-goods.ts';
import { findPorts } from './bench-ports.ts';
import { type Processes, type Running, waitFor } from './bench-processes.ts';
import { type ClusterView, readCluster, readUnreadiness } from './cluster-view.ts';
import { projectFolder, tool } from './project.ts';

export const runtimes = ['node', 'bun', 'deno'] as const;
export type Runtime = (typeof runtimes)[number];

export type Services = {
  url: string;
  dataFolder: string;
  running(): Running[];
  service(name: string): Running;
  /** Starts those that do not run. */
  start(): Promise<void>;
  startOne(name: string): void;
  /** Asks one to stop, in order. */
  stopOne(name: string): Promise<void>;
  /** Waits until orders can be decided and all replicas are in sync, the highest of them leading. */
  ready(): Promise<void>;
  /** Stops all of them in order, the front first. */
  stop(): Promise<void>;
  /** Ends all of them at once: what they have stored is not needed any more. */
  kill(): Promise<void>;
};

const REPLICAS = [1, 2, 3];
const NAMES = ['catalog', ...REPLICAS.map((id) => `order-${id}`), 'front'];
/** From the front's port to that of the last replica. */
const PORTS = 11 + REPLICAS.length;

/** Those of ecosystem.config.cjs. */
export const nodeFlags = ['--min-semi-space-size=16'];
const caches = { NODE_COMPILE_CACHE: join(projectFolder, 'node_modules/.cache/till') };

const commands: Record<Runtime, string[]> = {
  node: [tool('node'), ...nodeFlags],
  bun: [tool('bun')],
  deno: [tool('deno'), 'run', '--allow-all', '--no-lock', '--quiet'],
};

/** An empty setting counts as not given. */
const PLAIN = Object.fromEntries(describeSettings().map(({ name }) => [name, '']));

export const prepareServices = async (
  processes: Processes,
  runtime: Runtime,
  settings: Record<string, string> = {},
): Promise<Services> => {
  const folder = processes.makeFolder(`till-${runtime}`);
  const dataFolder = join(folder, 'data');
  mkdirSync(dataFolder);
  const seedFile = join(folder, 'seed.json');
  writeFileSync(seedFile, JSON.stringify(seedProducts));
  const portBase = await findPorts(PORTS);
  const url = `http://127.0.0.1:${portBase}`;
  const places = { PORT_BASE: String(portBase), DATA_DIR: dataFolder, SEED: seedFile };
  const environment = { ...PLAIN, ...caches, ...settings, ...places, RUNTIME: runtime };
  const all = new Map<string, Running>();

  const running = (): Running[] => [...all.values()].filter((one) => one.isRunning());
  const service = (name: string): Running => {
    const one = all.get(name);
    if (one === undefined) throw new Error(`Cannot find the service ${name}: it was never started`);
    return one;
  };
  const startOne = (name: string): void => {
    const [part = '', id] = name.split('-');
    const [program = '', ...words] = [...commands[runtime], join(projectFolder, `packages/${part}/src/main.ts`)];
    const own = id === undefined ? {} : { REPLICA_ID: id };
    all.set(
      name,
      processes.start(name, { program, words, environment: { ...environment, ...own }, folder: projectFolder }),
    );
  };
  const isReady = async (): Promise<boolean> => {
    const [reason, cluster] = await Promise.all([readUnreadiness(url), readCluster(url)]);
    return reason === null && cluster !== null && isLevel(cluster);
  };

  return {
    url,
    dataFolder,
    running,
    service,
    startOne,
    async start() {
      for (const name of NAMES) if (all.get(name)?.isRunning() !== true) startOne(name);
    },
    stopOne: (name) => processes.stop([service(name)]),
    ready: () => waitFor('Till is ready', [...all.values()], isReady),
    async stop() {
      for (const name of NAMES.toReversed()) await processes.stop([service(name)]);
    },
    kill: () => processes.stop(running(), 'SIGKILL'),
  };
};

const isLevel = ({ leader, inSync }: ClusterView): boolean =>
  leader === REPLICAS.length && inSync.join() === REPLICAS.join();
