/** Publishes orders to JetStream, each connection the next one when the last is stored. A process of its own. */
import { monotonicMs } from '@till/shared/clock';
import { orderBodies } from './bench-goods.ts';
import type { LoadLine } from './bench-load.ts';
import { openNats } from './bench-nats-connection.ts';
import { percentile } from './client-statistics.ts';

const [port, subject = '', clients, seconds] = process.argv.slice(2);

const connections = await Promise.all(Array.from({ length: Number(clients) }, () => openNats(Number(port))));
const durationsMs: number[] = [];
let failed = 0;
let sent = 0;
const startMs = monotonicMs();
const endMs = startMs + Number(seconds) * 1000;

await Promise.all(
  connections.map(async (connection) => {
    while (monotonicMs() < endMs) {
      const sentMs = monotonicMs();
      const body = orderBodies[sent % orderBodies.length] ?? '';
      sent += 1;
      const answer = await connection.ask(subject, body).catch(() => '');
      if (!answer.includes('"seq"')) failed += 1;
      durationsMs.push(monotonicMs() - sentMs);
    }
  }),
);
const passedMs = monotonicMs() - startMs;
for (const connection of connections) connection.close();
const sorted = durationsMs.sort((a, b) => a - b);
const line: LoadLine = {
  count: sorted.length,
  seconds: passedMs / 1000,
  failed,
  p50Ms: percentile(sorted, 50),
  p99Ms: percentile(sorted, 99),
};
process.stdout.write(`${JSON.stringify(line)}\n`);
