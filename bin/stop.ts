/** Stops the services of this project, and only those. */
import { exitCodes, readOptions, runCommand, say } from './lib/command.ts';
import { deleteServices, listServices } from './lib/processes.ts';

const help = `
bin/stop

Stops the services of this project and removes them from PM2's list. Nothing else that PM2 runs is touched, and no
data is deleted. The front goes first, so that no order is under way when the others stop.

Exit code: 0 stopped, or nothing was running.
`;

/** The front first; the catalog last, since the replicas call it. */
const stopOrder = (name: string): number => ['front', 'order', 'catalog'].findIndex((kind) => name.startsWith(kind));

await runCommand(help, async (words) => {
  readOptions(words, {});
  const names = (await listServices()).map(({ name }) => name).sort((a, b) => stopOrder(a) - stopOrder(b));
  await deleteServices(names);
  say(names.length === 0 ? 'Nothing was running' : `Stopped ${names.join(', ')}`);
  return exitCodes.done;
});
