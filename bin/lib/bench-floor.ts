/** The floor as a subject: what Node's own HTTP server makes of the same requests. */
import { fileURLToPath } from 'node:url';
import { request } from 'undici';
import { cachedLookups, orderRequests } from './bench-goods.ts';
import type { Loader, LoadRequest } from './bench-load.ts';
import { findPorts } from './bench-ports.ts';
import { type Processes, type Running, waitFor } from './bench-processes.ts';
import type { Measurement, Subject } from './bench-subject.ts';
import { watchCores } from './bench-usage.ts';
import { WARM_CLIENTS, warmUp } from './bench-warm.ts';
import { tool } from './project.ts';

const PROGRAM = fileURLToPath(new URL('bench-bare.ts', import.meta.url));
const WARM_READ_SECONDS = 1;

export const createFloor = ({
  processes,
  loader,
  seconds,
  warmSeconds,
}: {
  processes: Processes;
  loader: Loader;
  seconds: number;
  warmSeconds: number;
}): Subject => {
  let server: Running | null = null;
  let url = '';

  const measurement = (kind: 'get' | 'post', clients: number): Measurement => ({
    name: `${kind}-${clients}`,
    title: kind === 'get' ? 'GET of a product’s bytes' : 'POST that reads an order',
    clients,
    async run() {
      const used = watchCores(server === null ? [] : [server]);
      const requests = kind === 'get' ? cachedLookups : orderRequests;
      const { count: _, ...sample } = await loader.run({ url, requests, connections: clients, seconds });
      return { ...sample, cores: { ...used(), ...sample.cores } };
    },
  });

  return {
    name: 'bare',
    title: 'bare node:http',
    measurements: [
      measurement('get', 32),
      measurement('post', 1),
      measurement('post', 8),
      measurement('post', 32),
      measurement('post', 128),
    ],
    async open() {
      const port = await findPorts(1);
      url = `http://127.0.0.1:${port}`;
      const started = processes.start('bare', { program: tool('node'), words: [PROGRAM, String(port)] });
      server = started;
      await waitFor('the bare server answers', [started], () =>
        request(url).then(
          async ({ body }) => {
            await body.dump();
            return true;
          },
          () => false,
        ),
      );
      const load = (requests: LoadRequest[], forSeconds: number) =>
        loader.run({ url, requests, connections: WARM_CLIENTS, seconds: forSeconds });
      if (warmSeconds === 0) return;
      await load(cachedLookups, Math.min(WARM_READ_SECONDS, warmSeconds));
      await warmUp((forSeconds) => load(orderRequests, forSeconds), { secondsMax: warmSeconds });
    },
    async close() {
      if (server !== null) await processes.stop([server], 'SIGKILL');
      server = null;
    },
  };
};
