/** A load program of our own, for where wrk is not installed: prints one line, as wrk's script does. A process of its own. */
import { readFileSync } from 'node:fs';
import { monotonicMs } from '@till/shared/clock';
import { Client } from 'undici';
import type { Load, LoadLine } from './bench-load.ts';
import { percentile } from './client-statistics.ts';

const { url, requests, connections, seconds } = JSON.parse(readFileSync(process.argv[2] ?? '', 'utf8')) as Load;

/** Requests of each connection that do not count: the first ones find cold code. */
const WARM_REQUESTS = 20;

let durationsMs: number[] = [];
let failed = 0;
let sent = 0;

const clients = Array.from({ length: connections }, () => new Client(url, { pipelining: 1 }));

const sendOne = async (client: Client): Promise<void> => {
  const request = requests[sent % requests.length];
  if (request === undefined) throw new Error('Cannot load with no requests');
  sent += 1;
  const sentMs = monotonicMs();
  const { method, path, body = null } = request;
  const headers = body === null ? {} : { 'content-type': 'application/json' };
  try {
    const answer = await client.request({ method, path, headers, body });
    await answer.body.dump();
    if (answer.statusCode >= 400) failed += 1;
  } catch {
    failed += 1;
  }
  durationsMs.push(monotonicMs() - sentMs);
};

await Promise.all(
  clients.map(async (client) => {
    for (let count = 0; count < WARM_REQUESTS; count += 1) await sendOne(client);
  }),
);
durationsMs = [];
const startMs = monotonicMs();
const endMs = startMs + seconds * 1000;
await Promise.all(
  clients.map(async (client) => {
    while (monotonicMs() < endMs) await sendOne(client);
    await client.close();
  }),
);
const passedMs = monotonicMs() - startMs;
const sorted = durationsMs.toSorted((a, b) => a - b);
const line: LoadLine = {
  count: sorted.length,
  seconds: passedMs / 1000,
  failed,
  p50Ms: percentile(sorted, 50),
  p99Ms: percentile(sorted, 99),
};
process.stdout.write(`${JSON.stringify(line)}\n`);
