/** Shows what runs, who leads and who is in sync. */
import { frontUrl, readConfig } from '@till/shared/config';
import type { ClusterView } from './lib/cluster-view.ts';
import { readCluster, readUnreadiness } from './lib/cluster-view.ts';
import { exitCodes, readOptions, runCommand, say } from './lib/command.ts';
import type { ServiceProcess } from './lib/processes.ts';
import { listServices } from './lib/processes.ts';
import { logFolder } from './lib/project.ts';
import { drawTable } from './lib/table.ts';

const help = `
bin/status [--json]

Shows the services as PM2 sees them, and the cluster as the front tells it: leader, term, which replicas are in sync
and how many entries each lags behind. --json prints the same for programs.

Exit code: 0 ready to take orders, 1 not.
`;

const inMegabytes = (bytes: number): string => `${Math.round(bytes / 1024 / 1024)} MB`;

const showServices = (services: ServiceProcess[], cluster: ClusterView | null): string =>
  drawTable(
    ['service', 'state', 'pid', 'restarts', 'memory', 'role', 'in sync', 'last index', 'lag'],
    services.map(({ name, state, pid, restarts, memoryBytes }) => {
      const id = Number(/^order-(\d+)$/.exec(name)?.[1] ?? Number.NaN);
      const replica = cluster?.replicas.find((one) => one.id === id);
      const place = replica
        ? [replica.role, cluster?.inSync.includes(id) ? 'yes' : 'no', replica.lastIndex ?? '', replica.lag ?? '']
        : ['', '', '', ''];
      return [name, state, pid ?? '', restarts, inMegabytes(memoryBytes), ...place];
    }),
  );

const showCluster = ({ term, version, leader, inSync, catalog, cache, chaos = {} }: ClusterView): string =>
  [
    `leader ${leader === null ? 'none' : `order-${leader}`}, term ${term}, version ${version}, in sync ${inSync.join(' ') || 'none'}`,
    `catalog ${catalog.alive ? 'answers' : 'is away'}, sequence ${catalog.sequence}`,
    `cache ${cache.size} of ${cache.capacity}, ${cache.hits} hits, ${cache.misses} misses${cache.bypassing ? ', bypassing' : ''}`,
    ...Object.entries(chaos).map(([service, harm]) => `CHAOS in ${service}: ${harm}`),
  ].join('\n');

await runCommand(help, async (words) => {
  const { options } = readOptions(words, { json: { type: 'boolean' } });
  const config = readConfig();
  const url = frontUrl(config);
  const [services, cluster, unready] = await Promise.all([listServices(), readCluster(url), readUnreadiness(url)]);
  if (options.json) {
    const shown = services.map(({ environment: _, folder: __, ...service }) => service);
    say(JSON.stringify({ url, ready: unready === null, reason: unready, services: shown, cluster }));
  } else {
    say(
      services.length === 0 ? 'No services are running. Start them with: npm start' : showServices(services, cluster),
    );
    if (cluster !== null) say(showCluster(cluster));
    say(unready === null ? `ready at ${url}` : `not ready at ${url}: ${unready}`);
    if (services.length > 0) say(`logs: ${logFolder(config)}`);
  }
  return unready === null ? exitCodes.done : exitCodes.failed;
});
