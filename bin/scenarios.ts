/** Plays and explains what happens to orders of a Shopify shop, on a Till of its own. */
import { closeOnSignal } from './lib/close-on-signal.ts';
import { exitCodes, readOptions, runCommand, say, UsageError } from './lib/command.ts';
import { playAll, scenarios } from './lib/scenarios-run.ts';
import { openWorld, type Runtime, type World } from './lib/scenarios-world.ts';

const help = `
bin/scenarios [options]

Starts a Till of its own, on ports and in a temporary folder of its own, with stand-ins for a Shopify shop and for a
warehouse, and plays one scenario after the other. Says in each what is sent, what is expected and what came: the
answer, the stock before and after, what the shop was told. In the end bin/verify proves the files, and bin/trace
follows one order. Everything that was started is stopped, also on Ctrl-C. A Till that runs already is not touched.

  --list            names the scenarios, and starts nothing
  --only NAME       only those with this in their name
  --runtime NAME    what runs the services: node, bun or deno (node)
  --keep            keeps the folder, and says where it is

Exit code: 0 everything was as expected, 1 something was not, 2 wrong options, 130 it was interrupted.
`;

const runtimeOf = (text: string): Runtime => {
  const runtime = (['node', 'bun', 'deno'] as const).find((name) => name === text);
  if (runtime === undefined) throw new UsageError(`--runtime: ${JSON.stringify(text)} is not one of node, bun, deno`);
  return runtime;
};

await runCommand(help, async (words) => {
  const { options } = readOptions(words, {
    list: { type: 'boolean' },
    only: { type: 'string' },
    runtime: { type: 'string' },
    keep: { type: 'boolean' },
  });
  const { only = '', keep = false } = options;
  const runtime = runtimeOf(options.runtime ?? 'node');
  const chosen = scenarios.filter(({ name }) => name.includes(only));
  if (chosen.length === 0) {
    throw new UsageError(`--only: no scenario has ${JSON.stringify(only)} in its name; --list shows them`);
  }
  if (options.list) {
    const width = Math.max(...chosen.map(({ name }) => name.length));
    for (const { name, title } of chosen) say(`${name.padEnd(width)}  ${title}`);
    return exitCodes.done;
  }

  let world: World | null = null;
  const close = async (): Promise<void> => {
    await world?.close();
    if (keep && world !== null) say(`The folder is kept: ${world.till.folder}`);
  };
  const { isClosing } = closeOnSignal(async () => {
    await world?.stop();
    await close();
  });
  say(`Starting a Till of its own on ${runtime}, a shop and a warehouse ...`);
  world = await openWorld({ runtime, keep });
  try {
    const { till, shopify, warehouse } = world;
    say(`Till: ${till.url}; the shop: ${shopify.url}; the warehouse: ${warehouse.url}; folder: ${till.folder}`);
    const isGood = await playAll(world, chosen, (text) => {
      if (!isClosing()) say(text);
    });
    return isGood ? exitCodes.done : exitCodes.failed;
  } finally {
    await close();
  }
});
