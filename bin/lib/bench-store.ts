/**
 * Continues the files of a Till that is stopped with orders, written by the services' own hands: what lies there then, indexes
 * and the snapshot too, is what so many orders and an orderly stop would have left.
 */
import { copyFileSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fingerprintOf } from '@till/shared/fingerprint';
import { openJournal } from '@till/shared/journal';
import { diskFiles } from '@till/shared/journal-files';
import type { Line, OrderMovement } from '@till/shared/movement';
import { foldName } from '@till/shared/names';
import { randomName } from '@till/shared/random';
import { seal, unseal } from '@till/shared/sealed';
import { applyMovement } from '../../packages/catalog/src/stock/apply.ts';
import type { Stock } from '../../packages/catalog/src/stock/types.ts';
import { openStore } from '../../packages/catalog/src/store.ts';
import { orderBodies } from './bench-goods.ts';
import { Failure } from './command.ts';

const BATCH_ORDERS = 4000;
const [FIRST, ...OTHERS] = ['order-1', 'order-2', 'order-3'] as const;

/** Whoever made the store must have sold nothing yet. */
export const writeOrders = async (dataFolder: string, count: number): Promise<void> => {
  const fail = (error: unknown): never => {
    throw error;
  };
  const store = await openStore({
    folder: join(dataFolder, 'catalog'),
    files: diskFiles,
    onFailed: fail,
    onSnapshotFailed: fail,
  });
  const { journal, stock, snapshots } = store;
  const log = await openLogEnd(join(dataFolder, FIRST));
  if (stock.number !== -1 || log.sequence !== stock.sequence) {
    throw new Failure(`Cannot continue ${dataFolder}: it has orders already, or its log is not level with its journal`);
  }

  for (let number = 0; number < count; number += BATCH_ORDERS) {
    const movements = ordersFrom(stock, Math.min(BATCH_ORDERS, count - number));
    await Promise.all([journal.append(movements), log.append(movements)]);
    snapshots.grown(journal.bytes);
  }
  await snapshots.close();
  await journal.close();
  await log.close();
  for (const other of OTHERS) copyLog(join(dataFolder, FIRST), join(dataFolder, other));
};

const ORDERS = orderBodies.map((body) => {
  const line = JSON.parse(body) as Line;
  const order = { lines: [line] };
  return { line, order, fingerprint: fingerprintOf(order) };
});

/** The next orders, which the stock takes in. */
const ordersFrom = (stock: Stock, count: number): OrderMovement[] =>
  Array.from({ length: count }, () => {
    const number = stock.number + 1;
    const { line, order, fingerprint } = ORDERS[number % ORDERS.length]!;
    const before = stock.product(foldName(line.name))?.quantity ?? 0;
    const movement: OrderMovement = {
      ...{ sequence: stock.sequence + 1, term: stock.term, time: stock.time, kind: 'order', number },
      ...{ key: randomName(), fingerprint, order },
      stock: [{ name: line.name, before, after: before - line.quantity }],
    };
    applyMovement(stock, movement);
    return movement;
  });

/** The end of a log, to go on from there. */
const openLogEnd = async (folder: string) => {
  const journal = await openJournal({ path: join(folder, 'log.jsonl'), index: { onColumns: () => {} } });
  const entry = JSON.parse(unseal(journal.line(journal.count))?.body ?? '') as {
    term: number;
    sequence?: number;
    movement?: { sequence: number };
  };
  let hash = journal.lastHash;
  let index = journal.count;
  return {
    /** Of its last movement. */
    sequence: entry.movement?.sequence ?? entry.sequence,
    append(movements: readonly OrderMovement[]): Promise<void> {
      const lines = movements.map((movement) => {
        index += 1;
        const sealed = seal(hash, `{"index":${index},"term":${entry.term},"movement":${JSON.stringify(movement)}}`);
        hash = sealed.hash;
        return sealed.line;
      });
      return journal.append(lines);
    },
    close: () => journal.close(),
  };
};

const copyLog = (from: string, to: string): void => {
  const filesOf = (folder: string): string[] =>
    readdirSync(folder).filter((name) => /^log\..*(jsonl|index)$/.test(name));
  for (const name of filesOf(to)) rmSync(join(to, name));
  for (const name of filesOf(from)) copyFileSync(join(from, name), join(to, name));
};
