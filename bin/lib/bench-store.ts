/** Continues the files of a Till that is stopped with orders, as it would have written them. */
import { closeSync, copyFileSync, openSync, readFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { fingerprintOf } from '@till/shared/fingerprint';
import type { Line, Movement } from '@till/shared/movement';
import { randomName } from '@till/shared/random';
import { chainHash, seal, unseal } from '@till/shared/sealed';
import { orderBodies } from './bench-goods.ts';
import { Failure } from './command.ts';

const CHUNK_BYTES = 4 * 1024 * 1024;
const REPLICAS = [1, 2, 3];

/** Whoever made the store must have sold nothing yet. */
export const writeOrders = (dataFolder: string, count: number): void => {
  const journalFile = join(dataFolder, 'catalog/journal.jsonl');
  const [logFile = '', ...otherLogs] = REPLICAS.map((id) => join(dataFolder, `order-${id}/log.jsonl`));
  const movements = bodiesOf(journalFile).map(({ body }) => JSON.parse(body) as Movement);
  const stock = new Map<string, number>();
  for (const movement of movements) {
    if (movement.kind === 'seed') for (const { name, quantity } of movement.products) stock.set(name, quantity);
    if (movement.kind === 'order') throw new Failure(`Cannot continue ${journalFile}: it has orders already`);
  }
  const lastMovement = movements.at(-1);
  const lastEntry = bodiesOf(logFile).at(-1);
  const lastLine = bodiesOf(journalFile).at(-1);
  if (lastMovement === undefined || lastEntry === undefined || lastLine === undefined) {
    throw new Failure(`Cannot continue ${dataFolder}: a file is empty`);
  }

  const { term, time } = lastMovement;
  const { index, term: entryTerm } = JSON.parse(lastEntry.body) as { index: number; term: number };
  const orders = orderBodies.map((body) => {
    const line = JSON.parse(body) as Line;
    const order = { lines: [line] };
    return { line, order, fingerprint: fingerprintOf(order) };
  });
  const journal = openAppender(journalFile, lastLine.hash);
  const log = openAppender(logFile, lastEntry.hash);
  for (let number = 0; number < count; number += 1) {
    const { line, order, fingerprint } = orders[number % orders.length] ?? orders[0]!;
    const before = stock.get(line.name) ?? 0;
    const after = before - line.quantity;
    stock.set(line.name, after);
    const sequence = lastMovement.sequence + 1 + number;
    const movement = JSON.stringify({
      ...{ sequence, term, time, kind: 'order', number, key: randomName(), fingerprint, order },
      stock: [{ name: line.name, before, after }],
    });
    journal.append(movement);
    log.append(`{"index":${index + 1 + number},"term":${entryTerm},"movement":${movement}}`);
  }
  journal.close();
  log.close();
  for (const other of otherLogs) copyFileSync(logFile, other);
};

/** The lines of a short file, each following from the one before it. */
const bodiesOf = (file: string): { body: string; hash: string }[] => {
  let previous: string | null = null;
  return readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const unsealed = unseal(line);
      if (unsealed === null || (previous !== null && chainHash(previous, unsealed.body) !== unsealed.hash)) {
        throw new Failure(`Cannot continue ${file}: it is damaged`);
      }
      previous = unsealed.hash;
      return unsealed;
    });
};

const openAppender = (file: string, lastHash: string) => {
  const place = openSync(file, 'a');
  let hash = lastHash;
  let text = '';
  const flush = (): void => {
    writeSync(place, text);
    text = '';
  };
  return {
    append(body: string): void {
      const sealed = seal(hash, body);
      hash = sealed.hash;
      text += `${sealed.line}\n`;
      if (text.length >= CHUNK_BYTES) flush();
    },
    close(): void {
      flush();
      closeSync(place);
    },
  };
};
