/** NATS JetStream as a peer: a stream with three replicas, to which orders are published. */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type LoadLine, readLoadLine } from './bench-load.ts';
import { openNats } from './bench-nats-connection.ts';
import { findPorts } from './bench-ports.ts';
import { findProgram, type Processes, type Running, waitFor } from './bench-processes.ts';
import type { Measurement, Peer, Sample } from './bench-subject.ts';
import { watchCores } from './bench-usage.ts';
import { WARM_CLIENTS, warmUp } from './bench-warm.ts';
import { tool } from './project.ts';

const NODES = [1, 2, 3];
const STREAM = 'ORDERS';
const SUBJECT = 'orders.new';
const PROGRAM = fileURLToPath(new URL('bench-nats-load.ts', import.meta.url));
/** Debian puts it where only root looks. */
const MORE_FOLDERS = ['/usr/sbin', '/usr/local/sbin'];

export const createNatsPeer = ({
  processes,
  seconds,
  warmSeconds,
}: {
  processes: Processes;
  seconds: number;
  warmSeconds: number;
}): Peer => {
  const server = findProgram('nats-server', MORE_FOLDERS);
  let nodes: Running[] = [];
  /** Of the node that leads the stream. */
  let port = 0;

  const publish = async (clients: number, forSeconds: number): Promise<Sample> => {
    const used = watchCores(nodes);
    const words = [PROGRAM, String(port), SUBJECT, String(clients), String(forSeconds)];
    const line: LoadLine = readLoadLine(await processes.run({ program: tool('node'), words }));
    const { count, seconds: passed, p50Ms, p99Ms, failed } = line;
    return { perSecond: count / passed, p50Ms, p99Ms, failed, cores: used() };
  };

  const measurements: Measurement[] = [1, 32, 128].map((clients) => ({
    name: `publish-${clients}`,
    title: 'publish an order',
    clients,
    run: () => publish(clients, seconds),
  }));

  return {
    title: 'NATS JetStream, three replicas',
    notes:
      'An answer means that two of three nodes have the message, but not that any disk has: it is flushed every two minutes. ' +
      'No HTTP; nothing reads stock or checks it. Loaded by a program of our own on Node, since `nats bench` is not in Debian: ' +
      'the figure is a lower bound.',
    missing:
      server === null ? 'NATS is not installed: apt-get install nats-server (it may start a server of its own)' : null,
    subject: {
      name: 'nats',
      title: 'NATS JetStream, three replicas',
      measurements,
      async open() {
        const first = await findPorts(2 * NODES.length);
        const clientPort = (id: number) => first + 2 * (id - 1);
        const clusterUrl = (id: number) => `nats://127.0.0.1:${clientPort(id) + 1}`;
        const folder = processes.makeFolder('nats');
        nodes = NODES.map((id) =>
          processes.start(`nats-${id}`, {
            program: server ?? '',
            words: [
              ...['-n', `node-${id}`, '-a', '127.0.0.1', '-p', String(clientPort(id))],
              ...['-js', '-sd', join(folder, `node-${id}`), '--cluster_name', 'bench', '--cluster', clusterUrl(id)],
              ...['--routes', NODES.map(clusterUrl).join(',')],
            ],
          }),
        );
        await waitFor('NATS has a stream with three replicas', nodes, async () => {
          const leader = await createStream(clientPort(1)).catch(() => null);
          port = clientPort(NODES.find((id) => leader === `node-${id}`) ?? 1);
          return leader !== null && (await isStored(port).catch(() => false));
        });
        await warmUp((forSeconds) => publish(WARM_CLIENTS, forSeconds), { secondsMax: warmSeconds });
      },
      async close() {
        await processes.stop(nodes, 'SIGKILL');
        nodes = [];
      },
    },
  };
};

const asked = async (port: number, subject: string, body: string): Promise<object> => {
  const connection = await openNats(port);
  try {
    return JSON.parse(await connection.ask(subject, body)) as object;
  } finally {
    connection.close();
  }
};

/** The node that leads the stream, or null if there is no such stream yet. */
const createStream = async (port: number): Promise<string | null> => {
  const settings = {
    name: STREAM,
    subjects: [SUBJECT],
    num_replicas: NODES.length,
    storage: 'file',
    retention: 'limits',
  };
  const answer = await asked(port, `$JS.API.STREAM.CREATE.${STREAM}`, JSON.stringify(settings));
  return (answer as { cluster?: { leader?: string } }).cluster?.leader ?? null;
};

const isStored = async (port: number): Promise<boolean> => 'seq' in (await asked(port, SUBJECT, '{}'));
