/** The client run as a whole: `bin/client` is this, and `bin/demo` ends with it. */
import { randomInt } from 'node:crypto';
import type { ClientOptions } from './client-options.ts';
import { readClientOptions } from './client-options.ts';
import { createReport, saveReport, showRun } from './client-report.ts';
import type { RunResult } from './client-run.ts';
import { readProductNames, runClients } from './client-run.ts';
import { complain, exitCodes, say } from './command.ts';

export const clientHelp = `
bin/client [options]

Runs clients against the front. Each keeps one connection and looks up random products; if some are left it orders,
with a probability, from 1 to all that is left. Before it ends it fetches every order that was acknowledged and
compares it field by field.

  --url URL            the front (default: from HOST and PORT_BASE)
  --clients N          clients side by side, 1 to 1000 (5)
  --requests N         lookups of each client (50)
  --probability P      chance that a lookup is followed by an order, 0 to 1 (0.6)
  --sweep P,P,...      one run for each of these probabilities
  --seed N             repeats the same choices; printed when not given
  --think MS           pause of a client between two steps (0)
  --retry-for MS       how long a request is sent again after a transport error, 503, 429 or 409, always with the same
                       Idempotency-Key (10000)
  --json FILE          writes the results as JSON
  --report DIR         writes report.json and report.md into a folder

A refusal for lack of stock is a normal end of an order. Ctrl-C ends the load and checks what was made so far.

Exit code: 0 every acknowledged order was found as it was acknowledged and every request was answered; 1 not so;
2 wrong options.
`;

const SEED_BOUND = 2 ** 32;

/** The options, checked; with a seed by chance if none is given. */
export const clientOptionsOf = (words: string[]): ClientOptions =>
  readClientOptions(words, () => randomInt(SEED_BOUND));

export const runClientCommand = async (options: ClientOptions): Promise<number> => {
  const { url, clients, requests, seed } = options;
  const names = await readProductNames(url, options.retryForMs);
  say(`${clients} clients, ${requests} lookups each, ${names.length} products, at ${url}; seed ${seed}`);

  let stopping = false;
  const stop = () => {
    if (stopping) process.exit(130);
    stopping = true;
    complain('Stopping: checking what was made so far. Once more ends at once.');
  };
  process.on('SIGINT', stop);
  const startedAt = new Date();
  const runs: RunResult[] = [];
  try {
    for (const probability of options.probabilities) {
      if (stopping) break;
      const run = await runClients({ ...options, names, probability, isStopping: () => stopping });
      runs.push(run);
      say(showRun(run));
    }
  } finally {
    process.off('SIGINT', stop);
  }
  const report = createReport(options, startedAt, runs);
  for (const file of saveReport(report, options)) say(`wrote ${file}`);
  return report.flawless ? exitCodes.done : exitCodes.failed;
};
