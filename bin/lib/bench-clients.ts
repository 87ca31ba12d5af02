/** The mixed run: bin/client as a user runs it, a process of its own. Its own pace is part of what is measured. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Processes } from './bench-processes.ts';
import type { Sample } from './bench-subject.ts';
import type { ClientReport } from './client-report.ts';
import { Failure } from './command.ts';
import { projectFolder, tool } from './project.ts';

/** Lookups of each client in a first run, which only tells how long they take. */
const FIRST_LOOKUPS = 20;

/** The figures are of all requests together, but the percentiles are those of the orders. */
export const runMixedClients = async ({
  processes,
  url,
  clients,
  seconds,
}: {
  processes: Processes;
  url: string;
  clients: number;
  seconds: number;
}): Promise<Sample> => {
  const file = join(processes.folder, 'client.json');
  const run = async (lookups: number) => {
    const words = ['--url', url, '--clients', clients, '--requests', lookups, '--seed', 1, '--json', file].map(String);
    await processes.run({ program: tool('node'), words: [join(projectFolder, 'bin/client.ts'), ...words] });
    const result = (JSON.parse(readFileSync(file, 'utf8')) as ClientReport).runs[0];
    if (result === undefined) throw new Failure('Cannot measure: bin/client reports no run');
    return result;
  };
  const first = await run(FIRST_LOOKUPS);
  const lookups = Math.max(FIRST_LOOKUPS, Math.round((FIRST_LOOKUPS * seconds * 1000) / first.durationMs));
  const { requestsPerSecond, kinds, failures, differences } = await run(lookups);
  return {
    perSecond: requestsPerSecond,
    p50Ms: kinds.order.p50Ms,
    p99Ms: kinds.order.p99Ms,
    failed: failures.length + differences.length,
  };
};
