/** The services as PM2 sees them. Only apps of this project are ever touched, whatever else PM2 runs. */
import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Config } from '@till/shared/config';
import { replicaIds } from '@till/shared/config';
import { Failure } from './command.ts';
import { projectFolder, tool } from './project.ts';

export type ServiceProcess = {
  name: string;
  /** PM2's word: online, launching, stopping, stopped, errored, waiting restart. */
  state: string;
  pid: number | null;
  restarts: number;
  memoryBytes: number;
  /** When PM2 started the current process, in milliseconds since 1970. */
  startedAt: number;
  /** Folder of the project that it belongs to. */
  folder: string;
  /** Settings it was started with. */
  environment: Record<string, string>;
};

/** Names of the apps in ecosystem.config.cjs, in the order in which they start. */
export const serviceNames = (config: Config): string[] => [
  'catalog',
  ...replicaIds(config).map((id) => `order-${id}`),
  'front',
];

const isServiceName = (name: string): boolean => /^(front|catalog|order-\d+)$/.test(name);

/** PM2's home folder: its log and its daemon are there. */
export const pm2Home = (): string => process.env.PM2_HOME || join(homedir(), '.pm2');

/** Runs PM2's command line with the pinned Node, so that a daemon it starts has that too. */
const pm2 = (words: string[]): Promise<string> =>
  new Promise((done, fail) => {
    const script = resolve(projectFolder, 'node_modules/pm2/bin/pm2');
    const options = { cwd: projectFolder, maxBuffer: 64 * 1024 * 1024, timeout: 60_000 };
    execFile(tool('node'), [script, ...words], options, (error, output, errors) => {
      if (error === null) return done(output);
      const tail = `${output}\n${errors}`.trim().split('\n').slice(-12).join('\n');
      fail(new Failure(`Cannot run "pm2 ${words.join(' ')}":\n${tail}\nPM2's own log: ${join(pm2Home(), 'pm2.log')}`));
    });
  });

/** True if PM2's daemon runs; asking PM2 itself would start one. */
const daemonRuns = (): boolean => {
  const file = join(pm2Home(), 'pm2.pid');
  if (!existsSync(file)) return false;
  const pid = Number(readFileSync(file, 'utf8'));
  try {
    return pid > 0 && process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
};

type Listed = {
  name?: string;
  pid?: number;
  monit?: { memory?: number };
  pm2_env?: Record<string, unknown>;
};

/** Every app with the name of a service, of this project or not; by name. */
const listNamesakes = async (): Promise<ServiceProcess[]> => {
  if (!daemonRuns()) return [];
  const output = await pm2(['jlist']);
  // Before its answer PM2 may print notices.
  const line = output.split('\n').findLast((text) => text.startsWith('[{') || text === '[]');
  if (line === undefined)
    throw new Failure(`Cannot read the answer of "pm2 jlist": ${JSON.stringify(output.slice(-300))}`);
  return (JSON.parse(line) as Listed[])
    .filter(({ name }) => isServiceName(name ?? ''))
    .map(processOf)
    .sort((a, b) => a.name.localeCompare(b.name, 'en', { numeric: true }));
};

const processOf = ({ name = '', pid, monit, pm2_env: kept = {} }: Listed): ServiceProcess => {
  const texts = Object.entries((kept.env ?? kept) as object).filter(([, value]) => typeof value === 'string');
  return {
    name,
    state: String(kept.status),
    pid: kept.status === 'online' && pid ? pid : null,
    restarts: Number(kept.restart_time ?? 0),
    memoryBytes: monit?.memory ?? 0,
    startedAt: Number(kept.pm_uptime ?? 0),
    folder: String(kept.pm_cwd),
    environment: Object.fromEntries(texts),
  };
};

/** The services of this project that PM2 knows. Fails if an app of somebody else has one of the names. */
export const listServices = async (): Promise<ServiceProcess[]> => {
  const namesakes = await listNamesakes();
  const foreign = namesakes.find(({ folder }) => folder !== projectFolder);
  if (foreign === undefined) return namesakes;
  throw new Failure(
    `PM2 already runs an app named "${foreign.name}", from ${foreign.folder}.\n` +
      'Stop it there, or give this one a PM2 of its own: PM2_HOME=$HOME/.pm2-till, for every command.',
  );
};

/** Starts these services; those that PM2 knows already are started again. */
export const startServices = async (names: string[]): Promise<void> => {
  await pm2(['start', 'ecosystem.config.cjs', '--only', names.join(',')]);
};

/** Stops these services one after the other, in this order, and makes PM2 forget them. */
export const deleteServices = async (names: string[]): Promise<void> => {
  if (names.length > 0) await pm2(['delete', ...names]);
};
