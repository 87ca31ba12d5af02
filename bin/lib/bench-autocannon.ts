/**
 * Load by autocannon, for where wrk is not installed, and for what wrk does not tell: the longest time in which nothing
 * was answered. Prints one line, as wrk's script does. A process of its own; its argument is a file with what to do.
 */
import { readFileSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { monotonicMs } from '@till/shared/clock';
import autocannon from 'autocannon';
import type { Load, LoadLine } from './bench-load.ts';
import { percentile } from './client-statistics.ts';

const { url, requests, connections, seconds } = JSON.parse(readFileSync(process.argv[2] ?? '', 'utf8')) as Load;

/** Answers of the first moments do not count: they find cold code here. */
const WARM_MS = 500;
/** It ends at the first look after its time. */
const LOOK_EVERY_MS = 100;
const NANOSECONDS = 1e6;

const forAutocannon = requests.map(({ method, path, body }) => ({
  ...{ method, path },
  ...(body === undefined ? {} : { body, headers: { 'content-type': 'application/json' } }),
}));

/** Every so manieth request, so that all connections together go through them as one would. */
const requestsOf = (connection: number): autocannon.Request[] => {
  const first = connection % forAutocannon.length;
  return forAutocannon.filter((_, at) => at >= first && (at - first) % connections === 0);
};

let connectionsMade = 0;
const durationsMs: number[] = [];
let failed = 0;
let longestGapMs = 0;
const fromMs = monotonicMs() + WARM_MS;
const toMs = fromMs + seconds * 1000;
let lastMs = fromMs;

const ownDelay = monitorEventLoopDelay({ resolution: 1 });
setTimeout(() => ownDelay.enable(), WARM_MS);

const sawAnswer = (isGood: boolean, durationMs: number): void => {
  const nowMs = monotonicMs();
  if (nowMs < fromMs || nowMs > toMs) return;
  durationsMs.push(durationMs);
  if (!isGood) failed += 1;
  longestGapMs = Math.max(longestGapMs, nowMs - lastMs);
  lastMs = nowMs;
};

await new Promise<void>((resolve, reject) => {
  const run = autocannon(
    {
      ...{ url, connections, duration: (WARM_MS + LOOK_EVERY_MS) / 1000 + seconds, sampleInt: LOOK_EVERY_MS },
      setupClient: (client) => {
        client.setRequests(requestsOf(connectionsMade));
        connectionsMade += 1;
      },
    },
    (error: Error | null) => (error === null ? resolve() : reject(error)),
  );
  run.on('response', (_client, status, _bytes, durationMs) => sawAnswer(status < 400, durationMs));
  run.on('reqError', () => {
    failed += 1;
  });
});
ownDelay.disable();

const sorted = durationsMs.sort((a, b) => a - b);
const line: LoadLine = {
  count: sorted.length,
  seconds,
  failed,
  p50Ms: percentile(sorted, 50),
  p99Ms: percentile(sorted, 99),
  longestGapMs: Math.max(longestGapMs, toMs - lastMs),
  ownDelayMs: Math.max(0, ownDelay.max / NANOSECONDS - 1),
};
process.stdout.write(`${JSON.stringify(line)}\n`);
