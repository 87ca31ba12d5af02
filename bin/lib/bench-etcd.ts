/** etcd as a peer: three nodes, as Till has three replicas; each client puts the bytes of an order. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { request } from 'undici';
import { orderBodies } from './bench-goods.ts';
import type { Loader } from './bench-load.ts';
import { findPorts } from './bench-ports.ts';
import { findProgram, type Processes, type Running, waitFor } from './bench-processes.ts';
import type { Measurement, Peer, Sample } from './bench-subject.ts';
import { watchCores } from './bench-usage.ts';
import { WARM_CLIENTS, warmUp } from './bench-warm.ts';
import { percentile } from './client-statistics.ts';
import { Failure } from './command.ts';

const NODES = [1, 2, 3];
const KEY = 'order/000000000001';
const VALUE = orderBodies[0] ?? '';
/** Of what was tried, so many requests at a time on each connection serve etcd best. */
const STREAMS = 8;

export const createEtcdPeer = ({
  processes,
  loader,
  seconds,
  warmSeconds,
}: {
  processes: Processes;
  loader: Loader;
  seconds: number;
  warmSeconds: number;
}): Peer => {
  const etcd = findProgram('etcd');
  const h2load = findProgram('h2load');
  let nodes: Running[] = [];
  let urls: string[] = [];
  let leader = '';

  /** As a client of etcd's does: gRPC. */
  const putByGrpc = async (program: string, clients: number, forSeconds: number): Promise<Sample> => {
    const bodyFile = join(processes.folder, 'etcd-put.bin');
    const logFile = join(processes.folder, 'h2load.log');
    writeFileSync(bodyFile, putMessage());
    writeFileSync(logFile, '');
    const streams = Math.min(STREAMS, clients);
    const words = [
      ...['-c', String(clients / streams), '-m', String(streams), '-D', `${Math.round(forSeconds * 1000)}ms`],
      ...['-d', bodyFile, '-H', 'content-type: application/grpc', '-H', 'te: trailers', '--log-file', logFile],
      `${leader}/etcdserverpb.KV/Put`,
    ];
    const before = await statusOf(leader);
    const output = await processes.run({ program, words });
    const after = await statusOf(leader);
    const [, done, succeeded] = /requests: .* (\d+) done, (\d+) succeeded/.exec(output) ?? [];
    if (done === undefined || succeeded === undefined) throw new Failure(`Cannot read what h2load says:\n${output}`);
    // A refusal is a success for HTTP/2. What was put counts up the revision.
    const written = after.revision - before.revision;
    const sorted = readDurationsMs(logFile).sort((a, b) => a - b);
    return {
      perSecond: Number(succeeded) / forSeconds,
      p50Ms: percentile(sorted, 50),
      p99Ms: percentile(sorted, 99),
      failed: Number(done) - Number(succeeded) + Math.max(0, Number(succeeded) - written),
    };
  };

  const putByGateway = async (clients: number, forSeconds: number): Promise<Sample> => {
    const body = JSON.stringify({ key: base64(KEY), value: base64(VALUE) });
    const requests = [{ method: 'POST' as const, path: '/v3/kv/put', body }];
    const { count: _, ...sample } = await loader.run({
      url: leader,
      requests,
      connections: clients,
      seconds: forSeconds,
    });
    return sample;
  };

  const put = async (clients: number, forSeconds: number): Promise<Sample> => {
    const used = watchCores(nodes);
    const sample = await (h2load === null ? putByGateway(clients, forSeconds) : putByGrpc(h2load, clients, forSeconds));
    return { ...sample, cores: { ...used(), ...sample.cores } };
  };

  const measurements: Measurement[] = [1, 32, 128].map((clients) => ({
    name: `put-${clients}`,
    title: 'put of an order’s bytes',
    clients,
    run: () => put(clients, seconds),
  }));

  return {
    title: 'etcd, three nodes',
    notes: [
      'Puts one key again and again; nothing reads stock, checks it or makes order numbers. Each put is on the disks of two of',
      'three nodes before it is answered. The load goes to the leader,',
      h2load === null
        ? 'through its JSON gateway, which costs etcd more than half of its speed (for gRPC: apt-get install nghttp2-client).'
        : `by gRPC from h2load, ${STREAMS} clients to a connection, which is the best for etcd of what was tried.`,
    ].join(' '),
    missing: etcd === null ? 'etcd is not installed: apt-get install etcd-server nghttp2-client' : null,
    subject: {
      name: 'etcd',
      title: 'etcd, three nodes',
      measurements,
      async open() {
        const first = await findPorts(2 * NODES.length);
        const clientUrl = (id: number) => `http://127.0.0.1:${first + 2 * (id - 1)}`;
        const peerUrl = (id: number) => `http://127.0.0.1:${first + 2 * (id - 1) + 1}`;
        const cluster = NODES.map((id) => `node-${id}=${peerUrl(id)}`).join(',');
        const folder = processes.makeFolder('etcd');
        urls = NODES.map(clientUrl);
        nodes = NODES.map((id) =>
          processes.start(`etcd-${id}`, {
            program: etcd ?? '',
            words: [
              ...['--name', `node-${id}`, '--data-dir', join(folder, `node-${id}`), '--log-level', 'error'],
              ...['--listen-client-urls', clientUrl(id), '--advertise-client-urls', clientUrl(id)],
              ...['--listen-peer-urls', peerUrl(id), '--initial-advertise-peer-urls', peerUrl(id)],
              ...['--initial-cluster', cluster, '--initial-cluster-state', 'new'],
            ],
          }),
        );
        await waitFor('etcd has a leader', nodes, async () => {
          const found = await findLeader(urls);
          leader = found ?? '';
          return found !== null;
        });
        await warmUp((forSeconds) => put(WARM_CLIENTS, forSeconds), { secondsMax: warmSeconds });
      },
      async close() {
        await processes.stop(nodes, 'SIGKILL');
        nodes = [];
      },
    },
  };
};

const base64 = (text: string): string => Buffer.from(text).toString('base64');

/** A field of bytes in a message of Protocol Buffers; all are short. */
const field = (number: number, text: string): Buffer => {
  const bytes = Buffer.from(text);
  return Buffer.concat([Buffer.from([(number << 3) | 2, bytes.length]), bytes]);
};

/** PutRequest, framed as gRPC frames a message. */
const putMessage = (): Buffer => {
  const message = Buffer.concat([field(1, KEY), field(2, VALUE)]);
  const head = Buffer.alloc(5);
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
};

type Status = { member: string; leader: string; revision: number };

const statusOf = async (url: string): Promise<Status> => {
  const { body } = await request(`${url}/v3/maintenance/status`, { method: 'POST', body: '{}' });
  const { header, leader = '0' } = (await body.json()) as {
    header: { member_id: string; revision: string };
    leader?: string;
  };
  return { member: header.member_id, leader, revision: Number(header.revision) };
};

const findLeader = async (urls: string[]): Promise<string | null> => {
  const found = await Promise.all(urls.map((url) => statusOf(url).catch(() => null)));
  const all = found.filter((status) => status !== null);
  if (all.length < urls.length || new Set(all.map(({ leader }) => leader)).size !== 1) return null;
  return urls[found.findIndex((status) => status?.member === status?.leader)] ?? null;
};

/** The third column is the time that a request took, in microseconds. */
const readDurationsMs = (file: string): number[] =>
  readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => Number(line.split('\t')[2]) / 1000);
