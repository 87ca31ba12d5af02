/** Starts what is not running and waits until the whole of it is ready, saying what it waits for. */
import { createServer } from 'node:net';
import { monotonicMs, sleep } from '@till/shared/clock';
import type { Config } from '@till/shared/config';
import { catalogPort, frontPort, frontUrl, orderPort, replicaIds } from '@till/shared/config';
import { makeFolder } from '@till/shared/files';
import { readCluster, readUnreadiness } from './cluster-view.ts';
import { Failure, say } from './command.ts';
import type { ServiceProcess } from './processes.ts';
import { listServices, serviceNames, startServices } from './processes.ts';
import { dataFolder, logFolder } from './project.ts';

/** Settings that a running service cannot change; asking for another value is a mistake to be told. */
const FIXED_SETTINGS = ['PORT_BASE', 'HOST', 'DATA_DIR', 'REPLICAS', 'RUNTIME'] as const;

const READY_WITHIN_MS = 60_000;

/** Makes every service run and be ready. `started` names those that were not running before. */
export const ensureServices = async (config: Config): Promise<{ started: string[] }> => {
  const running = (await listServices()).filter(({ state }) => state !== 'stopped' && state !== 'errored');
  complainOfOtherSettings(running);
  const missing = serviceNames(config).filter((name) => !running.some((service) => service.name === name));
  await complainOfTakenPorts(config, missing);
  if (missing.length > 0) {
    await makeFolder(dataFolder(config));
    say(`Starting ${missing.join(', ')} with PM2 (${config.runtime})`);
    await startServices(missing);
  }
  await waitUntilReady(config);
  return { started: missing };
};

const complainOfOtherSettings = (running: ServiceProcess[]): void => {
  const differences = running.flatMap(({ name, environment }) =>
    FIXED_SETTINGS.filter((setting) => (environment[setting] || '') !== (process.env[setting] || '')).map(
      (setting) =>
        `  ${name} has ${setting}=${environment[setting] ?? ''}, asked for is ${setting}=${process.env[setting] ?? ''}`,
    ),
  );
  if (differences.length === 0) return;
  throw new Failure(
    `The services already run with other settings (empty: the default):\n${differences.join('\n')}\n` +
      'Run bin/stop first, or call this with the same settings.',
  );
};

/** A port that somebody else holds would only show as a service that restarts for ever. */
const complainOfTakenPorts = async (config: Config, names: string[]): Promise<void> => {
  const ports = new Map<string, { port: number; host: string }>([
    ['front', { port: frontPort(config), host: config.host }],
    ['catalog', { port: catalogPort(config), host: '127.0.0.1' }],
    ...replicaIds(config).map((id) => [`order-${id}`, { port: orderPort(config, id), host: '127.0.0.1' }] as const),
  ]);
  for (const name of names) {
    const place = ports.get(name);
    const code = place === undefined ? null : await whyNotBound(place);
    if (place === undefined || code === null) continue;
    if (code !== 'EADDRINUSE') throw new Failure(`Cannot listen on ${place.host}:${place.port} for ${name}: ${code}`);
    throw new Failure(
      `Port ${place.port}, which ${name} needs, is taken by another program.\n` +
        `Choose another range with PORT_BASE (now ${config.portBase}), for example: PORT_BASE=${config.portBase + 1000}`,
    );
  }
};

const whyNotBound = ({ port, host }: { port: number; host: string }): Promise<string | null> =>
  new Promise((resolve) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    server.listen({ port, host, exclusive: true }, () => server.close(() => resolve(null)));
  });

const waitUntilReady = async (config: Config): Promise<void> => {
  const url = frontUrl(config);
  const startedAt = monotonicMs();
  let told = '';
  for (;;) {
    const waitingFor = await whatIsMissing(config, url);
    if (waitingFor === null) return;
    if (waitingFor !== told) say(`  waiting: ${waitingFor}`);
    told = waitingFor;
    if (monotonicMs() - startedAt > READY_WITHIN_MS) throw new Failure(await describeStandstill(config, waitingFor));
    await sleep(200);
  }
};

const whatIsMissing = async (config: Config, url: string): Promise<string | null> => {
  const unready = await readUnreadiness(url);
  if (unready !== null) return unready;
  const cluster = await readCluster(url);
  if (cluster === null) return 'the front does not tell the state of the cluster';
  const { inSync, leader } = cluster;
  if (inSync.length === config.replicas) return null;
  return `leader is order-${leader}, ${inSync.length} of ${config.replicas} replicas in sync`;
};

const describeStandstill = async (config: Config, waitingFor: string): Promise<string> => {
  const states = (await listServices()).map(({ name, state, restarts }) => `  ${name}: ${state}, ${restarts} restarts`);
  return [
    `Not ready within ${READY_WITHIN_MS / 1000} s: ${waitingFor}`,
    ...states,
    `What the services say: ${logFolder(config)}/*.log`,
    'They were left running; bin/status shows them, bin/stop stops them.',
  ].join('\n');
};
