/** The client run with end-of-run order verification. */
import { clientHelp, clientOptionsOf, runClientCommand } from './lib/client-command.ts';
import { runCommand } from './lib/command.ts';

await runCommand(clientHelp, (words) => runClientCommand(clientOptionsOf(words)));
