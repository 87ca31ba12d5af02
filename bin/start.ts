/** Starts the services with PM2 and waits until they are ready. */
import { frontUrl, readConfig } from '@till/shared/config';
import { exitCodes, readOptions, runCommand, say } from './lib/command.ts';
import { ensureServices } from './lib/services.ts';

const help = `
bin/start

Starts the services with PM2 (ecosystem.config.cjs) and waits until the front takes orders and every replica is in
sync. What runs already is left as it is. Settings come from the environment (docs/config.md), for example:

  PORT_BASE=9080 DATA_DIR=/var/lib/till bin/start

Exit code: 0 ready, 1 not ready within a minute or a port is taken, 2 wrong settings.
`;

await runCommand(help, async (words) => {
  readOptions(words, {});
  const config = readConfig();
  const { started } = await ensureServices(config);
  say(`${started.length === 0 ? 'Already running' : 'Ready'}: ${frontUrl(config)}`);
  return exitCodes.done;
});
