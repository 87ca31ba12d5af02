/** PostgreSQL as a peer: one node; stock and order in one transaction, on disk before it is answered. */
import { chownSync, existsSync, globSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { stockOfEach } from './bench-goods.ts';
import { findPorts } from './bench-ports.ts';
import { findProgram, type Processes, type Running, waitFor } from './bench-processes.ts';
import type { Measurement, Peer, Sample } from './bench-subject.ts';
import { WARM_CLIENTS, warmUp } from './bench-warm.ts';
import { percentile } from './client-statistics.ts';
import { Failure } from './command.ts';

const USER = 'till';
const DATABASE = 'postgres';
/** Connections: more than any measurement has. */
const CONNECTIONS_MAX = 200;

const TABLES = `
create table stock (product int primary key, quantity bigint not null check (quantity >= 0));
insert into stock select at, ${stockOfEach.quantity} from generate_series(1, ${stockOfEach.products}) at;
create table orders (
  number bigserial primary key, product int not null, quantity int not null, time timestamptz not null default now());
`;

/** One statement is one transaction and one round trip: as few as PostgreSQL can do it with. */
const SCRIPT = `
\\set product random(1, ${stockOfEach.products})
\\set quantity random(1, 9)
with sold as (
  update stock set quantity = quantity - :quantity where product = :product and quantity >= :quantity returning product
) insert into orders (product, quantity) select product, :quantity from sold returning number;
`.replace(/\nwith[\s\S]*$/, (statement) => `\n${statement.replaceAll('\n', ' ').trim()}\n`);

export const createPostgresPeer = ({
  processes,
  seconds,
  warmSeconds,
}: {
  processes: Processes;
  seconds: number;
  warmSeconds: number;
}): Peer => {
  // Debian keeps the server's programs out of PATH, by version.
  const folders = globSync('/usr/lib/postgresql/*/bin').sort((a, b) => versionOf(b) - versionOf(a));
  const postgres = findProgram('postgres', folders);
  const initdb = findProgram('initdb', folders);
  const pgbench = findProgram('pgbench', folders);
  const psql = findProgram('psql', folders);
  const account = findAccount();
  let server: Running | null = null;
  let place: { folder: string; port: number } = { folder: '', port: 0 };

  const address = (): string[] => ['-h', place.folder, '-p', String(place.port), '-U', USER];

  const order = async (clients: number, forSeconds: number): Promise<Sample> => {
    const prefix = join(place.folder, 'pgbench-log');
    const words = [
      ...address(),
      ...['-n', '-M', 'prepared', '-f', join(place.folder, 'order.sql'), '-c', String(clients), '-j', '1'],
      ...['-T', String(Math.max(1, Math.round(forSeconds))), '-l', '--log-prefix', prefix, DATABASE],
    ];
    const output = await processes.run({ program: pgbench ?? '', words });
    const perSecond = Number(/^tps = ([\d.]+)/m.exec(output)?.[1]);
    const failed = Number(/^number of failed transactions: (\d+)/m.exec(output)?.[1] ?? 0);
    if (!(perSecond > 0)) throw new Failure(`Cannot read what pgbench says:\n${output}`);
    const sorted = takeDurationsMs(prefix).sort((a, b) => a - b);
    return { perSecond, p50Ms: percentile(sorted, 50), p99Ms: percentile(sorted, 99), failed };
  };

  const measurements: Measurement[] = [1, 8, 16, 32, 128].map((clients) => ({
    name: `order-${clients}`,
    title: 'update stock, insert order',
    clients,
    run: () => order(clients, seconds),
  }));

  const missing = (): string | null => {
    if ([postgres, initdb, pgbench, psql].includes(null))
      return 'PostgreSQL is not installed: apt-get install postgresql (it may start a server of its own; this one is another)';
    if (account === null) return 'PostgreSQL does not run as root, and there is no account named postgres to run it as';
    return null;
  };

  return {
    title: 'PostgreSQL, one node',
    notes:
      'No replica: what is lost with this disk is lost. No HTTP: pgbench speaks its own protocol over a Unix socket, with ' +
      'prepared statements. fsync and synchronous_commit are on, all else is as it comes. No key of a request is remembered.',
    missing: missing(),
    subject: {
      name: 'postgres',
      title: 'PostgreSQL, one node',
      measurements,
      async open() {
        const folder = processes.makeFolder('postgres');
        place = { folder, port: await findPorts(1) };
        if (account !== null && account !== undefined) chownSync(folder, account.uid, account.gid);
        const who = account === null || account === undefined ? {} : { account };
        const data = join(folder, 'data');
        const initWords = ['-D', data, '-A', 'trust', '-U', USER, '-E', 'UTF8', '--locale=C', '--no-sync'];
        await processes.run({ program: initdb ?? '', words: initWords, folder, ...who });
        const settings = [
          'listen_addresses=',
          `max_connections=${CONNECTIONS_MAX}`,
          'fsync=on',
          'synchronous_commit=on',
        ];
        const started = processes.start('postgres', {
          program: postgres ?? '',
          words: [
            '-D',
            data,
            '-k',
            folder,
            '-p',
            String(place.port),
            ...settings.flatMap((setting) => ['-c', setting]),
          ],
          folder,
          ...who,
        });
        server = started;
        const query = (text: string) =>
          processes.run({
            program: psql ?? '',
            words: [...address(), '-v', 'ON_ERROR_STOP=1', '-q', '-X', '-c', text, DATABASE],
          });
        await waitFor('PostgreSQL answers', [started], async () =>
          existsSync(join(folder, `.s.PGSQL.${place.port}`))
            ? query('select 1').then(
                () => true,
                () => false,
              )
            : false,
        );
        await query(TABLES);
        writeFileSync(join(folder, 'order.sql'), SCRIPT);
        await warmUp((forSeconds) => order(WARM_CLIENTS, forSeconds), { secondsMax: warmSeconds });
      },
      async close() {
        // At once, but in order: it keeps memory of the system's that only it gives back.
        if (server !== null) await processes.stop([server], 'SIGQUIT');
        server = null;
      },
    },
  };
};

const versionOf = (folder: string): number => Number(/\/(\d+)\/bin$/.exec(folder)?.[1] ?? 0);

/** Another account to run it as: undefined if none is needed, null if there is none. */
const findAccount = (): { uid: number; gid: number } | null | undefined => {
  if (process.getuid?.() !== 0) return undefined;
  const line = /^postgres:[^:]*:(\d+):(\d+):/m.exec(readFileSync('/etc/passwd', 'utf8'));
  return line === null ? null : { uid: Number(line[1]), gid: Number(line[2]) };
};

/** Reads and removes pgbench's logs: the third column is the time that a transaction took, in microseconds. */
const takeDurationsMs = (prefix: string): number[] =>
  readdirSync(dirname(prefix))
    .map((name) => join(dirname(prefix), name))
    .filter((path) => path.startsWith(prefix))
    .flatMap((path) => {
      const lines = readFileSync(path, 'utf8').split('\n');
      rmSync(path);
      return lines.filter((line) => line !== '').map((line) => Number(line.split(' ')[2]) / 1000);
    });
