/**
 * What the catalog's journal tells, kept beside the catalog by a model of its own: every durable line is checked once,
 * when it becomes durable (I9, I10), and the history of each product is there to judge what is shown.
 */
import type { CancelMovement, Movement, OrderMovement, StockChange } from '@till/shared/movement';
import { chainHash, unseal, ZERO_HASH } from '@till/shared/sealed';
import { mustHold } from '../violation.ts';
import { type CheckoutsCheck, createCheckoutsCheck } from './checkouts.ts';
import { createOutboxCheck, type OutboxCheck } from './outbox.ts';

/** What was decided once, under a key. */
export type Decided = Extract<Movement, { key: string }>;

type ProductHistory = { quantity: number; price: number; versions: { version: number; quantity: number }[] };

export type JournalCheck = {
  /** The catalog's file has these durable lines now, of which the first `kept` were there before. */
  grown(lines: readonly string[], kept: number): void;
  sequence(): number;
  /** How many numbers were given out. */
  numbers(): number;
  movement(sequence: number): Movement | undefined;
  /** The body of the line at a sequence. */
  body(sequence: number): string | undefined;
  /** The decision under a key, or under the second name of an order. */
  byKey(key: string): Decided | undefined;
  /** The cancellation of the order with this number. */
  cancellation(number: number): CancelMovement | undefined;
  checkouts: CheckoutsCheck;
  outbox: OutboxCheck;
  /** Version of a product as of a sequence. */
  versionAt(name: string, sequence: number): number;
  product(name: string, version: number): { price: number; quantity: number } | undefined;
};

/** `perBook`: see `createCheckoutsCheck`. */
export const createJournalCheck = (perBook: number): JournalCheck => {
  const movements: Movement[] = [];
  const bodies: string[] = [];
  const byKey = new Map<string, Decided>();
  const byNumber: OrderMovement[] = [];
  const cancellations = new Map<number, CancelMovement>();
  const checkouts = createCheckoutsCheck(perBook);
  const outbox = createOutboxCheck((sequence) => movements[sequence - 1]);
  const products = new Map<string, ProductHistory>();
  let hash = ZERO_HASH;

  const history = (name: string): ProductHistory => {
    const found = products.get(name);
    mustHold(found !== undefined, 'I9', () => `a movement names "${name}", which the seed does not`);
    return found;
  };

  const move = (sequence: number, { name, before, after }: StockChange, by: number): void => {
    const product = history(name);
    mustHold(
      product.quantity === before,
      'I9',
      () => `"${name}" has ${product.quantity} before ${sequence}, not ${before}`,
    );
    mustHold(
      after === before + by,
      'I9',
      () => `movement ${sequence} moves "${name}" from ${before} to ${after}, not by ${by}`,
    );
    mustHold(after >= 0, 'I9', () => `movement ${sequence} leaves ${after} of "${name}"`);
    product.quantity = after;
    product.versions.push({ version: sequence, quantity: after });
  };

  const decide = (movement: Decided): void => {
    const names = 'alsoKey' in movement && movement.alsoKey !== undefined ? [movement.alsoKey] : [];
    for (const key of [movement.key, ...names]) {
      mustHold(!byKey.has(key), 'I10', () => `key ${key} is decided at ${movement.sequence} again`);
      byKey.set(key, movement);
    }
  };

  const order = (movement: OrderMovement): void => {
    mustHold(
      movement.number === byNumber.length,
      'I10',
      () => `number ${movement.number} is given, not ${byNumber.length}`,
    );
    byNumber.push(movement);
    const sums = new Map<string, number>();
    for (const { name, quantity } of movement.order.lines) sums.set(name, (sums.get(name) ?? 0) + quantity);
    const sign = movement.order.type === 'sell' ? 1 : -1;
    mustHold(
      sums.size === movement.stock.length,
      'I9',
      () => `movement ${movement.sequence} moves not what was ordered`,
    );
    for (const change of movement.stock) move(movement.sequence, change, sign * (sums.get(change.name) ?? 0));
  };

  /** I16: an order is taken back at most once, and exactly what it took comes back. */
  const cancel = (movement: CancelMovement): void => {
    const { sequence, number, of, stock } = movement;
    const cancelled = byNumber[number];
    mustHold(cancelled?.key === of, 'I16', () => `movement ${sequence} cancels ${number}, which is not ${of}`);
    mustHold(!cancellations.has(number), 'I16', () => `order ${number} is cancelled at ${sequence} again`);
    cancellations.set(number, movement);
    const names = (changes: StockChange[]): string => changes.map(({ name }) => name).join(', ');
    mustHold(
      names(stock) === names(cancelled.stock),
      'I16',
      () => `movement ${sequence} gives back ${names(stock)} for ${names(cancelled.stock)}`,
    );
    for (const [at, change] of stock.entries()) {
      const { before, after } = cancelled.stock[at] as StockChange;
      move(sequence, change, before - after);
    }
  };

  const restock = ({ sequence, cause, stock }: Extract<Movement, { kind: 'restock' }>): void => {
    for (const change of stock) {
      const version = history(change.name).versions.at(-1)?.version;
      mustHold(version === cause, 'I9', () => `movement ${sequence} restocks for an old cause`);
      mustHold(change.before === 0, 'I9', () => `movement ${sequence} restocks what was not sold out`);
      move(sequence, change, change.after);
    }
  };

  const dispatch = (movement: Movement): void => {
    if ('key' in movement) decide(movement);
    if ('stock' in movement) {
      const names = movement.stock.map(({ name }) => name);
      outbox.happened(movement.sequence, names);
    }
    switch (movement.kind) {
      case 'seed':
        mustHold(movement.sequence === 1, 'I9', () => `seed at ${movement.sequence}`);
        for (const { name, quantity, price } of movement.products) {
          products.set(name, { quantity, price, versions: [{ version: movement.sequence, quantity }] });
        }
        return;
      case 'order':
        order(movement);
        checkouts.decided(movement);
        return;
      case 'rejection':
        checkouts.decided(movement);
        return;
      case 'cancel':
        cancel(movement);
        return;
      case 'checkout':
        checkouts.queued(movement);
        return;
      case 'restock':
        restock(movement);
        return;
      case 'note':
        outbox.noted(movement);
    }
  };

  const take = (line: string): void => {
    const unsealed = unseal(line);
    mustHold(
      unsealed !== null && chainHash(hash, unsealed.body) === unsealed.hash,
      'I9',
      () => `bad journal line ${line}`,
    );
    hash = unsealed.hash;
    const movement = JSON.parse(unsealed.body) as Movement;
    const last = movements.at(-1);
    mustHold(
      movement.sequence === movements.length + 1,
      'I9',
      () => `sequence ${movement.sequence} after ${movements.length}`,
    );
    mustHold(
      last === undefined || movement.term >= last.term,
      'I7',
      () => `term falls at movement ${movement.sequence}`,
    );
    movements.push(movement);
    bodies.push(unsealed.body);
    dispatch(movement);
  };

  return {
    grown: (lines, kept) => {
      mustHold(kept >= movements.length, 'I9', () => `the journal shrank to ${kept} of ${movements.length}`);
      while (movements.length < lines.length) take(lines[movements.length] as string);
    },
    sequence: () => movements.length,
    numbers: () => byNumber.length,
    movement: (sequence) => movements[sequence - 1],
    body: (sequence) => bodies[sequence - 1],
    byKey: (key) => byKey.get(key),
    cancellation: (number) => cancellations.get(number),
    checkouts,
    outbox,
    versionAt: (name, sequence) => {
      const { versions } = history(name);
      for (let at = versions.length - 1; at >= 0; at -= 1) {
        const version = versions[at]?.version ?? 0;
        if (version <= sequence) return version;
      }
      return 0;
    },
    product: (name, version) => {
      const { versions, price } = history(name);
      const found = versions.find((entry) => entry.version === version);
      return found && { price, quantity: found.quantity };
    },
  };
};
