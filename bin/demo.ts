/** The main job, from nothing: services up, clients through, every order verified. */
import { frontUrl, readConfig } from '@till/shared/config';
import { clientOptionsOf, runClientCommand } from './lib/client-command.ts';
import { runCommand, say } from './lib/command.ts';
import { dataFolder, logFolder } from './lib/project.ts';
import { ensureServices } from './lib/services.ts';

const help = `
bin/demo [client options]

Starts the services with PM2 (those that run already are kept), waits until they are ready, runs bin/client against
them and prints its report. The services are left running. Options are those of bin/client, see bin/client --help;
settings come from the environment (docs/config.md), for example: PORT_BASE=9080 bin/demo --clients 10

Exit code: 0 only if every order was verified; 2 wrong options or settings.
`;

await runCommand(help, async (words) => {
  const config = readConfig();
  const options = clientOptionsOf(words);
  const { started } = await ensureServices(config);
  say(`${started.length === 0 ? 'The services were running already' : 'Ready'}: ${frontUrl(config)}\n`);
  const code = await runClientCommand(options);
  const victim = `order-${config.replicas}`;
  say(`
The services are still running. Where to look next:
  bin/status                       who leads, who is in sync
  curl ${frontUrl(config)}/products/Tux
  npx pm2 logs                     what the services say (files: ${logFolder(config)})
  bin/verify                       proves the files of ${dataFolder(config)}
  npx pm2 stop ${victim}; bin/client; npx pm2 start ${victim}; bin/verify
                                   the crash walk: a replica goes, orders go on, it comes back and catches up
  bin/stop                         stops them`);
  return code;
});
