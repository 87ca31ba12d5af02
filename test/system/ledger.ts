/** What the files of a data folder say, read without any code of Till: a second opinion beside bin/verify. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { until } from './until.ts';

type Change = { name: string; before: number; after: number };
export type Line = { name: string; quantity: number };
export type JournalLine = {
  sequence: number;
  kind: 'seed' | 'order' | 'rejection' | 'cancel' | 'checkout' | 'note' | 'restock' | 'fence';
  number?: number;
  key?: string;
  order?: { lines: Line[]; type?: 'buy' | 'sell' };
  checkout?: { id: string; lines: Line[]; customer: string; card: string };
  products?: { name: string; quantity: number }[];
  stock?: Change[];
};

export const readJournal = (dataFolder: string): JournalLine[] => {
  const lines = readFileSync(join(dataFolder, 'catalog/journal.jsonl'), 'utf8').split('\n');
  return lines.filter((line) => line.endsWith('}')).map((line) => JSON.parse(line) as JournalLine);
};

/** Stock of each product: what it started with, plus restocks and sales to the shop, minus purchases; cancelled ones do not count. */
export const sumStock = (journal: JournalLine[]): Map<string, number> => {
  const stock = new Map<string, number>();
  const move = (name: string, by: number) => stock.set(name, (stock.get(name) ?? 0) + by);
  const cancelled = new Set(journal.flatMap(({ kind, number }) => (kind === 'cancel' ? [number] : [])));
  for (const { kind, products = [], stock: changes = [], order, number } of journal) {
    for (const { name, quantity } of products) move(name, quantity);
    if (kind === 'restock') for (const { name, before, after } of changes) move(name, after - before);
    if (kind === 'order' && !cancelled.has(number)) {
      for (const { name, quantity } of order?.lines ?? []) move(name, order?.type === 'sell' ? quantity : -quantity);
    }
  }
  return stock;
};

export const orderNumbers = (journal: JournalLine[]): number[] =>
  journal.flatMap(({ kind, number }) => (kind === 'order' && number !== undefined ? [number] : []));

/** Cheap enough to be asked again and again. */
export const countOrders = (dataFolder: string): number =>
  readFileSync(join(dataFolder, 'catalog/journal.jsonl'), 'utf8').split('"kind":"order","number":').length - 1;

/** The logs of all replicas, by folder name. */
export const readLogs = (dataFolder: string): Map<string, string> => {
  const names = readdirSync(dataFolder).filter((name) => /^order-\d+$/.test(name));
  return new Map(names.map((name) => [name, readFileSync(join(dataFolder, name, 'log.jsonl'), 'utf8')]));
};

/** Waits until all logs are equal, byte for byte, with an entry for every line of the journal; returns their text. */
export const equalLogs = (dataFolder: string): Promise<string> =>
  until('equal logs at all replicas', () => {
    const [first = '', ...others] = readLogs(dataFolder).values();
    const last = readJournal(dataFolder).length;
    const hasAll = first.includes(`"movement":{"sequence":${last},`);
    return hasAll && others.every((text) => text === first) ? first : null;
  });
