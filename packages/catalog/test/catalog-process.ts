/** A catalog as a process of its own, for tests that end it in every way there is. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createServer } from 'node:net';
import { fileURLToPath } from 'node:url';
import { type Client, createClient } from '@till/shared/client';
import { deadline, sleep } from '@till/shared/clock';
import { catalogContract } from '@till/shared/contract';

const project = fileURLToPath(new URL('../../../', import.meta.url));
const entry = fileURLToPath(new URL('../src/main.ts', import.meta.url));

/** How each runtime runs a source file as it stands. */
export const runtimes: Record<'node' | 'bun' | 'deno', string[]> = {
  node: [`${project}node_modules/.bin/node`],
  bun: [`${project}node_modules/bun/bin/bun.exe`],
  deno: [`${project}node_modules/.bin/deno`, 'run', '--allow-all', '--no-lock', '--quiet'],
};

export type CatalogProcess = {
  readonly url: string;
  readonly client: Client<typeof catalogContract>;
  /** All that it wrote so far. */
  output(): string;
  /** Sends a signal and waits for the end. */
  kill(signal: NodeJS.Signals): Promise<Ended>;
  hasEnded(): boolean;
  /** Waits for the end, whatever it comes from. */
  end(): Promise<Ended>;
};

export type Ended = { code: number | null; signal: NodeJS.Signals | null };

export type CatalogOptions = {
  dataDir: string;
  portBase: number;
  runtime?: keyof typeof runtimes;
  environment?: Record<string, string>;
  /** The largest file that the process may write, in KiB; past it the disk counts as full. */
  fileKibibytesMax?: number;
};

const WAIT_MS = 30_000;

/** Runs a catalog and returns at once. */
export const run = (options: CatalogOptions): CatalogProcess => {
  const command = [...runtimes[options.runtime ?? 'node'], entry];
  const { fileKibibytesMax } = options;
  // `sh` counts in units of 512 bytes.
  const limit = fileKibibytesMax === undefined ? '' : `ulimit -f ${fileKibibytesMax * 2}; `;
  const child = spawn('sh', ['-c', `${limit}exec "$@"`, 'sh', ...command], {
    cwd: project,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      // biome-ignore lint/style/noProcessEnv: the child gets what this process got.
      ...process.env,
      RESTOCK_EVERY_MS: '0',
      ...options.environment,
      DATA_DIR: options.dataDir,
      PORT_BASE: String(options.portBase),
    },
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk) => {
      output += chunk;
    });
  }
  const ended = new Promise<Ended>((resolve) => {
    child.on('close', (code, signal) => resolve({ code, signal }));
  });
  const url = `http://127.0.0.1:${options.portBase + 1}`;
  const client = createClient(catalogContract, { url, timeoutMs: WAIT_MS });
  running.add({ child, ended, client });
  return {
    url,
    client,
    output: () => output,
    hasEnded: () => child.exitCode !== null || child.signalCode !== null,
    end: () => deadline(ended, WAIT_MS, 'the end of the catalog'),
    kill: (signal) => {
      child.kill(signal);
      return deadline(ended, WAIT_MS, `the end of the catalog after ${signal}`);
    },
  };
};

/** Runs a catalog and waits until it serves. */
export const start = async (options: CatalogOptions): Promise<CatalogProcess> => {
  const catalog = run(options);
  const serving = async (): Promise<void> => {
    while (!catalog.output().includes('"Serving"')) {
      if (catalog.hasEnded()) throw new Error(`The catalog ended at its start:\n${catalog.output()}`);
      await sleep(10);
    }
  };
  await deadline(serving(), WAIT_MS, 'the start of the catalog');
  return catalog;
};

const running = new Set<{ child: ChildProcess; ended: Promise<Ended>; client: { close(): Promise<void> } }>();

/** Ends whatever still runs. */
export const endAll = async (): Promise<void> => {
  for (const each of running) {
    running.delete(each);
    await each.client.close();
    each.child.kill('SIGKILL');
    await each.ended;
  }
};

/** A PORT_BASE whose catalog port is free. */
export const freePortBase = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const server = createServer();
    server.on('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve((typeof address === 'object' && address !== null ? address.port : 0) - 1));
    });
  });
