/** Redis as a peer: one node; a script takes from the stock and appends to a stream, on disk before it is answered. */

import { stockOfEach } from './bench-goods.ts';
import { findPorts } from './bench-ports.ts';
import { findProgram, type Processes, type Running, waitFor } from './bench-processes.ts';
import type { Measurement, Peer, Sample } from './bench-subject.ts';
import { watchCores } from './bench-usage.ts';
import { WARM_CLIENTS, warmUp } from './bench-warm.ts';
import { Failure } from './command.ts';

/** Requests of the first run, for each client: it only tells how many more there must be. */
const FIRST_REQUESTS = 200;

const SCRIPT = `
if redis.call('DECRBY', KEYS[1], 1) < 0 then
  redis.call('INCRBY', KEYS[1], 1)
  return redis.error_reply('OUT of stock')
end
return redis.call('XADD', 'orders', '*', 'product', KEYS[1], 'quantity', 1)
`;

export const createRedisPeer = ({
  processes,
  seconds,
  warmSeconds,
}: {
  processes: Processes;
  seconds: number;
  warmSeconds: number;
}): Peer => {
  const server = findProgram('redis-server');
  const benchmark = findProgram('redis-benchmark');
  const cli = findProgram('redis-cli');
  let running: Running[] = [];
  let port = 0;
  let script = '';

  const ask = async (words: string[]): Promise<string> =>
    (await processes.run({ program: cli ?? '', words: ['-p', String(port), ...words] })).trim();

  /** It knows no time, only so many requests. */
  const place = async (clients: number, requests: number): Promise<Sample> => {
    const made = Number(await ask(['xlen', 'orders']));
    const used = watchCores(running);
    const output = await processes.run({
      program: benchmark ?? '',
      words: [
        ...['-p', String(port), '-c', String(clients), '-n', String(requests), '-r', String(stockOfEach.products)],
        ...['--csv', 'evalsha', script, '1', 'stock:__rand_int__'],
      ],
    });
    const cores = used();
    const [perSecond, , , p50Ms, , p99Ms] = figuresIn(output);
    if (perSecond === undefined) throw new Failure(`Cannot read what redis-benchmark says:\n${output}`);
    const failed = Math.max(0, requests - (Number(await ask(['xlen', 'orders'])) - made));
    return { perSecond, p50Ms: p50Ms ?? null, p99Ms: p99Ms ?? null, failed, cores };
  };

  const placeFor = async (clients: number, forSeconds: number): Promise<Sample> => {
    const first = await place(clients, FIRST_REQUESTS * Math.min(clients, 32));
    return place(clients, Math.max(clients, Math.round(first.perSecond * forSeconds)));
  };

  const measurements: Measurement[] = [1, 32, 128].map((clients) => ({
    name: `order-${clients}`,
    title: 'script: take from stock, append order',
    clients,
    run: () => placeFor(clients, seconds),
  }));

  return {
    title: 'Redis, one node',
    notes:
      'No replica: what is lost with this disk is lost. No HTTP: redis-benchmark speaks its own protocol. appendfsync is ' +
      '`always`, which is not its default. The stream grows in memory, and no key of a request is remembered.',
    missing:
      server === null || benchmark === null || cli === null
        ? 'Redis is not installed: apt-get install redis-server redis-tools (it may start a server of its own; this one is another)'
        : null,
    subject: {
      name: 'redis',
      title: 'Redis, one node',
      measurements,
      async open() {
        const folder = processes.makeFolder('redis');
        port = await findPorts(1);
        const settings = ['--port', String(port), '--bind', '127.0.0.1', '--dir', folder, '--save', ''];
        const words = [...settings, '--appendonly', 'yes', '--appendfsync', 'always'];
        running = [processes.start('redis', { program: server ?? '', words, folder })];
        await waitFor('Redis answers', running, () =>
          ask(['ping']).then(
            (answer) => answer === 'PONG',
            () => false,
          ),
        );
        const stock = Array.from({ length: stockOfEach.products }, (_, at) => [
          keyOf(at),
          String(stockOfEach.quantity),
        ]);
        await ask(['mset', ...stock.flat()]);
        script = await ask(['script', 'load', SCRIPT]);
        await warmUp((forSeconds) => placeFor(WARM_CLIENTS, forSeconds), { secondsMax: warmSeconds });
      },
      async close() {
        await processes.stop(running, 'SIGKILL');
        running = [];
      },
    },
  };
};

/** As redis-benchmark writes a random number into a key. */
const keyOf = (at: number): string => `stock:${String(at).padStart(12, '0')}`;

/** The figures of the last line, which begins with a name. */
const figuresIn = (output: string): number[] =>
  (output.trim().split('\n').at(-1) ?? '')
    .split('","')
    .slice(1)
    .map((text) => Number(text.replaceAll('"', '')));
