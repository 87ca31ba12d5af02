/** Data folders made by hand, to be audited: a sound one, and ways to spoil it. */
import { createHash } from 'node:crypto';
import { closeSync, mkdirSync, openSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import type { ClusterRecord } from '@till/shared/cluster';
import { openJournal } from '@till/shared/journal';
import { diskFiles } from '@till/shared/journal-files';
import type { Movement } from '@till/shared/movement';
import { seal, ZERO_HASH } from '@till/shared/sealed';
import { type IndexColumns, type IndexHeader, readColumns, readHeader } from '../../bin/lib/index-file.ts';
import { openStore } from '../../packages/catalog/src/store.ts';

/** One entry of a log before it is sealed: a movement, or the beginning of its term. */
export type SampleEntry = { term: number; movement: Movement } | { term: number; sequence: number };

export type SampleStore = {
  movements: Movement[];
  logs: SampleEntry[][];
  records: ClusterRecord[];
};

const START = 1_700_000_000_000;

const base = (sequence: number, term: number) => ({ sequence, term, time: START + sequence });
const placed = (key: string) => ({ key, fingerprint: `print-of-${key}` });

/** Two terms; sold-out, refused, refilled, bought and sold; three replicas, all level. */
export const soundStore = (): SampleStore => {
  const movements: Movement[] = [
    {
      ...base(1, 0),
      kind: 'seed',
      products: [
        { name: 'Fox', kind: 'toy', price: 9.99, quantity: 5, restock: true },
        { name: 'AAPL', kind: 'stock', price: 100, quantity: 10, restock: false },
      ],
    },
    { ...base(2, 1), kind: 'fence' },
    {
      ...base(3, 1),
      kind: 'order',
      number: 0,
      ...placed('a'),
      order: { lines: [{ name: 'Fox', quantity: 3 }] },
      stock: [{ name: 'Fox', before: 5, after: 2 }],
    },
    {
      ...base(4, 1),
      kind: 'rejection',
      ...placed('b'),
      order: { lines: [{ name: 'Fox', quantity: 3 }] },
      reason: 'out_of_stock',
      message: 'Cannot buy 3 of "Fox": 2 left',
    },
    {
      ...base(5, 1),
      kind: 'order',
      number: 1,
      ...placed('c'),
      order: {
        lines: [
          { name: 'Fox', quantity: 1 },
          { name: 'AAPL', quantity: 4 },
          { name: 'Fox', quantity: 1 },
        ],
        many: true,
      },
      stock: [
        { name: 'Fox', before: 2, after: 0 },
        { name: 'AAPL', before: 10, after: 6 },
      ],
    },
    { ...base(6, 1), kind: 'restock', cause: 5, stock: [{ name: 'Fox', before: 0, after: 100 }] },
    { ...base(7, 2), kind: 'fence' },
    {
      ...base(8, 2),
      kind: 'order',
      number: 2,
      ...placed('d'),
      order: { lines: [{ name: 'AAPL', quantity: 2 }], type: 'sell' },
      stock: [{ name: 'AAPL', before: 6, after: 8 }],
    },
  ];
  const log: SampleEntry[] = [
    { term: 1, sequence: 0 },
    ...movements.slice(0, 6).map((movement) => ({ term: 1, movement })),
    { term: 2, sequence: 6 },
    ...movements.slice(6).map((movement) => ({ term: 2, movement })),
  ];
  const members = [1, 2, 3].map((id) => ({ id, incarnation: 1 }));
  const registered = members.map((member) => ({ ...member, boot: `boot-${member.id}` }));
  const common = { storeId: 'store', inSync: members, registered };
  return {
    movements,
    logs: [log, [...log], [...log]],
    records: [
      { ...common, term: 1, version: 1, leader: { id: 3, incarnation: 1 } },
      { ...common, term: 2, version: 2, leader: { id: 2, incarnation: 1 } },
    ],
  };
};

/** The same, and on top of it orders with order ids, cancellations, checkouts and the outbox. */
export const busyStore = (): SampleStore => {
  const store = soundStore();
  const letter = (sequence: number) => ({ sequence, attempts: 3, error: 'answered 422' });
  const more: Movement[] = [
    {
      ...base(9, 2),
      kind: 'order',
      number: 3,
      ...placed('order 77'),
      alsoKey: 'e',
      order: {
        lines: [
          { name: 'Fox', quantity: 2 },
          { name: 'AAPL', quantity: 3 },
        ],
        many: true,
        orderId: '77',
        customer: 'ada',
      },
      stock: [
        { name: 'Fox', before: 100, after: 98 },
        { name: 'AAPL', before: 8, after: 5 },
      ],
    },
    { ...base(10, 2), kind: 'note', sink: 'shopify', delivered: 8, dead: [letter(5)], again: [] },
    {
      ...base(11, 2),
      kind: 'cancel',
      key: 'cancel 77',
      of: 'order 77',
      number: 3,
      stock: [
        { name: 'AAPL', before: 5, after: 8 },
        { name: 'Fox', before: 98, after: 100 },
      ],
    },
    ...[
      [
        { name: 'Fox', quantity: 1 },
        { name: 'AAPL', quantity: 2 },
      ],
      [{ name: 'AAPL', quantity: 50 }],
      [{ name: 'Fox', quantity: 3 }],
    ].map(
      (lines, at): Movement => ({
        ...base(12 + at, 2),
        kind: 'checkout',
        ...placed(`f-${at + 1}`),
        checkout: { id: `c-${at + 1}`, lines, customer: 'bob', card: '4242' },
      }),
    ),
    // The second one is executed first; the third one waits.
    {
      ...base(15, 2),
      kind: 'rejection',
      ...placed('checkout c-2'),
      order: { lines: [{ name: 'AAPL', quantity: 50 }], many: true, customer: 'bob' },
      reason: 'out_of_stock',
      message: 'Cannot buy 50 of "AAPL": 8 left',
    },
    {
      ...base(16, 2),
      kind: 'order',
      number: 4,
      ...placed('checkout c-1'),
      order: {
        lines: [
          { name: 'Fox', quantity: 1 },
          { name: 'AAPL', quantity: 2 },
        ],
        many: true,
        customer: 'bob',
      },
      stock: [
        { name: 'Fox', before: 100, after: 99 },
        { name: 'AAPL', before: 8, after: 6 },
      ],
    },
    {
      ...base(17, 2),
      kind: 'note',
      sink: 'shopify',
      delivered: 11,
      dead: [letter(5)],
      again: [{ sequence: 5, asked: 17 }],
    },
    {
      ...base(18, 2),
      kind: 'rejection',
      ...placed('order 78'),
      order: { lines: [{ name: 'Fox', quantity: 1 }], many: true, orderId: '78' },
      reason: 'out_of_stock',
      message: 'Cannot buy 1 of "Fox": 0 left in the warehouse',
    },
    { ...base(19, 2), kind: 'note', sink: 'shopify', delivered: 16, dead: [], again: [] },
    { ...base(20, 2), kind: 'note', sink: 'webhook-1234abcd', delivered: 3, dead: [letter(8)], again: [] },
    {
      ...base(21, 2),
      kind: 'order',
      number: 5,
      ...placed('order 79'),
      order: { lines: [{ name: 'AAPL', quantity: 4 }], type: 'sell', orderId: '79' },
      stock: [{ name: 'AAPL', before: 6, after: 10 }],
    },
    {
      ...base(22, 2),
      kind: 'cancel',
      key: 'cancel 79',
      of: 'order 79',
      number: 5,
      stock: [{ name: 'AAPL', before: 10, after: 6 }],
    },
  ];
  store.movements.push(...more);
  for (const log of store.logs) log.push(...more.map((movement) => ({ term: 2, movement })));
  return store;
};

/** Lines of a file out of bodies, each sealed onto the one before it. */
export const sealAll = (bodies: string[]): string[] => {
  let previous = ZERO_HASH;
  return bodies.map((body) => {
    const { line, hash } = seal(previous, body);
    previous = hash;
    return line;
  });
};

const bodyOf = (entry: SampleEntry, at: number): string =>
  'movement' in entry
    ? `{"index":${at + 1},"term":${entry.term},"movement":${JSON.stringify(entry.movement)}}`
    : `{"index":${at + 1},"term":${entry.term},"start":true,"sequence":${entry.sequence}}`;

const textOf = (lines: string[]): string => lines.map((line) => `${line}\n`).join('');

export const writeStore = (folder: string, { movements, logs, records }: SampleStore): void => {
  const write = (path: string, text: string) => {
    mkdirSync(join(folder, path, '..'), { recursive: true });
    writeFileSync(join(folder, path), text);
  };
  write('catalog/journal.jsonl', textOf(sealAll(movements.map((movement) => JSON.stringify(movement)))));
  const record = records.at(-1) ?? null;
  logs.forEach((entries, at) => {
    write(`order-${at + 1}/log.jsonl`, textOf(sealAll(entries.map(bodyOf))));
    write(`order-${at + 1}/state.json`, JSON.stringify({ storeId: 'store', term: record?.term ?? 0, record }));
  });
  for (const one of records) write(`front/cluster.${one.version}.json`, JSON.stringify(one));
};

/** Changes the bytes of a file. */
export const spoil = (path: string, change: (bytes: Buffer) => Buffer): void => {
  writeFileSync(path, change(readFileSync(path)));
};

/**
 * Cuts the journal and the logs of a store that was written into segments of about so many bytes, with their indexes, as the
 * services themselves do it.
 */
export const cutIntoSegments = async (folder: string, segmentBytes: number): Promise<void> => {
  const logs = readdirSync(folder).filter((name) => name.startsWith('order-'));
  for (const path of ['catalog/journal.jsonl', ...logs.map((name) => `${name}/log.jsonl`)]) {
    const lines = readFileSync(join(folder, path), 'utf8').trimEnd().split('\n');
    rmSync(join(folder, path));
    const journal = await openJournal({ path: join(folder, path), segmentBytes, index: { onColumns: () => {} } });
    for (const line of lines) await journal.append([line]);
    await journal.close();
  }
};

/** Adds the catalog's snapshot of a sound store. */
export const addSnapshot = async (folder: string): Promise<void> => {
  const throwIt = (error: unknown): never => {
    throw error;
  };
  const place = { folder: join(folder, 'catalog'), files: diskFiles };
  const { journal, snapshots } = await openStore({ ...place, onFailed: throwIt, onSnapshotFailed: throwIt });
  await snapshots.close();
  await journal.close();
};

/** The files of a journal that are there, by the end of their names. */
export const filesOf = (folder: string, ending: 'jsonl' | 'index'): string[] =>
  readdirSync(folder)
    .filter((name) => name.endsWith(`.${ending}`))
    .sort();

/** Changes an index, so that it is whole again and says something else. */
export const editIndex = (path: string, change: (header: IndexHeader, columns: IndexColumns) => void): void => {
  const fd = openSync(path, 'r');
  const file = { name: path, fd, bytes: statSync(path).size };
  const read = readHeader(file);
  const columns = read && readColumns(file, read);
  closeSync(fd);
  if (read === null || columns === null) throw new Error(`Cannot read the index ${path}`);
  const { header } = read;
  change(header, columns);
  const { offsets, keyHashes, keyLines, orderLines, rareLines } = columns;
  const binary = Buffer.concat(
    [offsets, keyHashes, keyLines, orderLines, rareLines].map((column) => Buffer.from(Uint32Array.from(column).buffer)),
  );
  const lengths = { count: offsets.length, keys: keyHashes.length, orders: orderLines.length, rare: rareLines.length };
  const { headCrc: _, ...fields } = header as IndexHeader & { headCrc: string };
  const text = JSON.stringify({ ...fields, ...lengths, crc: hexOf(binary) }).slice(0, -1);
  writeFileSync(path, Buffer.concat([Buffer.from(`${text},"headCrc":"${hexOf(Buffer.from(text))}"}\n`), binary]));
};

const hexOf = (bytes: Buffer): string => crc32(bytes).toString(16).padStart(8, '0');

/** The same with a snapshot. */
export const editSnapshot = (path: string, change: (snapshot: Record<string, unknown>) => object): void => {
  const { sha256: _, ...snapshot } = JSON.parse(readFileSync(path, 'utf8'));
  const body = JSON.stringify(change(snapshot)).slice(0, -1);
  writeFileSync(path, `${body},"sha256":"${createHash('sha256').update(body).digest('hex')}"}\n`);
};
