/**
 * A whole Till for one test: real processes on ports of its own, in a folder of its own. What runs the services is either
 * the test itself (`openTill`, quick) or PM2 with ecosystem.config.cjs (`openPm2Till`, as in earnest). Whatever happens to
 * the test, the guard ends all of it. With KEEP_FOLDERS=1, or `keep`, the folders stay, to be looked at.
 */
import { spawn } from 'node:child_process';
import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  realpathSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { SeedProduct } from '@till/shared/movement';
import { type ClusterView, readCluster, readUnreadiness } from '../../bin/lib/cluster-view.ts';
import { projectFolder, tool } from '../../bin/lib/project.ts';
import { type ClientProcess, startClient, type Verdict, verify } from './commands.ts';
import type { GuardNote } from './guard.ts';
import { findPortBase } from './ports.ts';
import { createShop, type Shop } from './shop.ts';
import { until } from './until.ts';

export type TillOptions = {
  replicas?: number;
  runtime?: 'node' | 'bun' | 'deno';
  /** Instead of data/seed.json. */
  seed?: SeedProduct[];
  settings?: Record<string, string>;
  /** The folder stays. */
  keep?: boolean;
};

/** What runs the services. */
export type Runner = {
  /** Returns when they were started, not when they are ready. */
  start(names: string[]): Promise<void>;
  /** Asks to stop as PM2 does, and waits for the end. */
  stop(name: string): Promise<void>;
  /** null while it does not run. */
  pidOf(name: string): Promise<number | null>;
};

export type Till<Run extends Runner = Runner> = {
  url: string;
  /** Everything of this test. */
  folder: string;
  /** DATA_DIR. */
  dataFolder: string;
  /** catalog, order-1 and so on, front. */
  names: string[];
  /** What the services get from the environment. */
  environment: Record<string, string>;
  run: Run;
  shop: Shop;
  cluster(): Promise<ClusterView>;
  /** Waits until orders can be decided with exactly these replicas in sync, the highest of them leading. */
  ready(inSync?: number[]): Promise<void>;
  /** kill -9; resolves when the process is gone. */
  kill(name: string): Promise<void>;
  pause(name: string): Promise<void>;
  resume(name: string): Promise<void>;
  client(words: string[]): ClientProcess;
  verify(): Promise<Verdict>;
  /** What the services said, the end of it. */
  logs(): string;
  end(): Promise<void>;
};

/** A service as a child process of the test. */
export type ServiceProcess = {
  pid: number;
  output(): string;
  isRunning(): boolean;
  ended: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
};

export type ChildRunner = Runner & {
  /** Runs one more process of a service, whatever runs already. */
  spawn(name: string, settings?: Record<string, string>): ServiceProcess;
};

export type Pm2Runner = Runner & {
  /** PM2's command line, in a home of its own. */
  pm2(words: string[]): Promise<string>;
};

/** The services as child processes; `start` must be called for them. */
export const openTill = async (options: TillOptions = {}): Promise<Till<ChildRunner>> => {
  const base = await openBase(options);
  return completeTill(base, createChildRunner(base));
};

/** The services under a PM2 of this test's own; `start` must be called for them. */
export const openPm2Till = async (options: TillOptions = {}): Promise<Till<Pm2Runner>> => {
  const base = await openBase(options);
  return completeTill(base, createPm2Runner(base));
};

type Base = {
  folder: string;
  dataFolder: string;
  logFolder: string;
  url: string;
  ids: number[];
  names: string[];
  runtime: 'node' | 'bun' | 'deno';
  environment: Record<string, string>;
  guard: Guard;
};

const openBase = async (options: TillOptions): Promise<Base> => {
  const { replicas = 3, runtime = 'node', seed, settings = {} } = options;
  const portBase = await findPortBase(replicas);
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'till-system-')));
  const guard = startGuard();
  if (process.env.KEEP_FOLDERS === undefined && options.keep !== true) guard.note({ folder });
  const dataFolder = join(folder, 'data');
  const logFolder = join(dataFolder, 'logs');
  mkdirSync(logFolder, { recursive: true });
  if (seed !== undefined) writeFileSync(join(folder, 'seed.json'), JSON.stringify(seed));
  const ids = Array.from({ length: replicas }, (_, at) => at + 1);
  return {
    folder,
    dataFolder,
    logFolder,
    url: `http://127.0.0.1:${portBase}`,
    ids,
    names: ['catalog', ...ids.map((id) => `order-${id}`), 'front'],
    runtime,
    environment: {
      PORT_BASE: String(portBase),
      DATA_DIR: dataFolder,
      REPLICAS: String(replicas),
      RUNTIME: runtime,
      ...(seed === undefined ? {} : { SEED: join(folder, 'seed.json') }),
      ...settings,
    },
    guard,
  };
};

const completeTill = <Run extends Runner>(base: Base, run: Run): Till<Run> => {
  const { url, dataFolder, logFolder, folder, ids, names, environment, guard } = base;
  const shop = createShop(url);

  const signal = async (name: string, which: NodeJS.Signals): Promise<number> => {
    const pid = await run.pidOf(name);
    if (pid === null) throw new Error(`Cannot send ${which} to ${name}: it does not run`);
    process.kill(pid, which);
    return pid;
  };
  const cluster = (): Promise<ClusterView> => until(`the front at ${url} answers /cluster`, () => readCluster(url));

  return {
    url,
    folder,
    dataFolder,
    names,
    environment,
    run,
    shop,
    cluster,
    async ready(inSync = ids) {
      let told = '';
      const isReady = async (): Promise<boolean> => {
        const [reason, view] = await Promise.all([readUnreadiness(url), readCluster(url)]);
        told = `${reason ?? 'ready'}; ${JSON.stringify(view)}`;
        return (
          reason === null && view !== null && view.leader === inSync.at(-1) && view.inSync.join() === inSync.join()
        );
      };
      await until(`ready with ${inSync.join(', ')} in sync`, isReady).catch((error: Error) => {
        throw new Error(`${error.message}; the last word was: ${told}`);
      });
    },
    async kill(name) {
      const pid = await signal(name, 'SIGKILL');
      await until(`the end of ${name}, process ${pid}`, () => !isAlive(pid));
    },
    pause: async (name) => void (await signal(name, 'SIGSTOP')),
    resume: async (name) => void (await signal(name, 'SIGCONT')),
    client(words) {
      const client = startClient(url, folder, words);
      guard.note({ started: client.pid });
      const forget = () => guard.note({ ended: client.pid });
      client.ended.then(forget, forget);
      return client;
    },
    verify: () => verify(dataFolder),
    logs: () =>
      readdirSync(logFolder)
        .map((file) => `--- ${file}\n${readFileSync(join(logFolder, file), 'utf8').slice(-LOG_SHOWN_MAX)}`)
        .join('\n'),
    async end() {
      await shop.close();
      await guard.end();
    },
  };
};

const LOG_SHOWN_MAX = 2500;

const isAlive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

/** How each runtime runs a source file as it stands. */
const commands = {
  node: [tool('node')],
  bun: [tool('bun')],
  deno: [tool('deno'), 'run', '--allow-all', '--no-lock', '--quiet'],
};

const createChildRunner = ({ runtime, environment, logFolder, guard }: Base): ChildRunner => {
  const running = new Map<string, ServiceProcess>();

  const spawnService: ChildRunner['spawn'] = (name, settings = {}) => {
    const [service = '', id] = name.split('-');
    const [program = '', ...words] = [...commands[runtime], join(projectFolder, `packages/${service}/src/main.ts`)];
    const child = spawn(program, words, {
      cwd: projectFolder,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...environment, ...(id === undefined ? {} : { REPLICA_ID: id }), ...settings },
    });
    const { pid } = child;
    if (pid === undefined) throw new Error(`Cannot run ${program}`);
    guard.note({ started: pid });
    let output = '';
    // Opened once: the last words of a service may come when the folder is gone already.
    const logFile = openSync(join(logFolder, `${name}.log`), 'a');
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (chunk) => {
        output += chunk;
        writeSync(logFile, chunk);
      });
    }
    const ended = new Promise<Awaited<ServiceProcess['ended']>>((resolve) => {
      child.once('close', (code, signal) => {
        closeSync(logFile);
        guard.note({ ended: pid });
        resolve({ code, signal });
      });
    });
    const isRunning = () => child.exitCode === null && child.signalCode === null;
    return { pid, output: () => output, isRunning, ended };
  };

  return {
    spawn: spawnService,
    async start(names) {
      for (const name of names) {
        if (running.get(name)?.isRunning()) throw new Error(`Cannot start ${name}: it runs already`);
        running.set(name, spawnService(name));
      }
    },
    async stop(name) {
      const service = running.get(name);
      if (!service?.isRunning()) throw new Error(`Cannot stop ${name}: it does not run`);
      process.kill(service.pid, 'SIGINT');
      const { code, signal } = await service.ended;
      if (code !== 0) throw new Error(`${name} did not stop cleanly: exit code ${code}, signal ${signal}`);
    },
    async pidOf(name) {
      const service = running.get(name);
      return service?.isRunning() ? service.pid : null;
    },
  };
};

const createPm2Runner = ({ folder, environment, guard }: Base): Pm2Runner => {
  const home = join(folder, 'pm2');
  guard.note({ pm2Home: home });
  const pm2 = (words: string[]): Promise<string> =>
    new Promise((resolve, reject) => {
      const child = spawn(tool('node'), [join(projectFolder, 'node_modules/pm2/bin/pm2'), ...words], {
        cwd: projectFolder,
        stdio: ['ignore', 'pipe', 'pipe'],
        env: { ...process.env, ...environment, PM2_HOME: home },
      });
      let [output, errors] = ['', ''];
      child.stdout.on('data', (chunk) => {
        output += chunk;
      });
      child.stderr.on('data', (chunk) => {
        errors += chunk;
      });
      // Not "close": a daemon that this call started keeps the pipes.
      child.once('exit', (code) => {
        if (code === 0) resolve(output);
        else reject(new Error(`pm2 ${words.join(' ')} ended with ${code}:\n${output}\n${errors}`));
      });
    });
  const config = join(projectFolder, 'ecosystem.config.cjs');
  return {
    pm2,
    start: async (names) => void (await pm2(['start', config, '--only', names.join(',')])),
    stop: async (name) => void (await pm2(['stop', name])),
    async pidOf(name) {
      const pid = Number((await pm2(['pid', name])).trim());
      return pid > 0 ? pid : null;
    },
  };
};

type Guard = { note(note: GuardNote): void; end(): Promise<void> };

const startGuard = (): Guard => {
  const child = spawn(tool('node'), [fileURLToPath(new URL('guard.ts', import.meta.url))], {
    cwd: projectFolder,
    detached: true,
    stdio: ['pipe', 'ignore', 'inherit'],
  });
  const ended = new Promise<number | null>((resolve) => child.once('exit', resolve));
  return {
    note: (note) => void child.stdin.write(`${JSON.stringify(note)}\n`),
    async end() {
      child.stdin.end();
      const code = await ended;
      if (code !== 0) throw new Error(`Cannot end what the test started: the guard ended with ${code}`);
    },
  };
};
