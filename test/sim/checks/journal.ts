/**
 * What the catalog's journal tells, kept beside the catalog by a model of its own: every durable line is checked once,
 * when it becomes durable (I9, I10), and the history of each product is there to judge what is shown.
 */
import type { Movement, StockChange } from '@till/shared/movement';
import { chainHash, unseal, ZERO_HASH } from '@till/shared/sealed';
import { mustHold } from '../violation.ts';

export type Decided = Extract<Movement, { kind: 'order' | 'rejection' }>;

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
  byKey(key: string): Decided | undefined;
  byNumber(number: number): Decided | undefined;
  /** Version of a product as of a sequence. */
  versionAt(name: string, sequence: number): number;
  product(name: string, version: number): { price: number; quantity: number } | undefined;
};

export const createJournalCheck = (): JournalCheck => {
  const movements: Movement[] = [];
  const bodies: string[] = [];
  const byKey = new Map<string, Decided>();
  const byNumber: Decided[] = [];
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
    mustHold(!byKey.has(movement.key), 'I10', () => `key ${movement.key} is decided at ${movement.sequence} again`);
    byKey.set(movement.key, movement);
    if (movement.kind === 'rejection') return;
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
    if (movement.kind === 'seed') {
      mustHold(last === undefined, 'I9', () => `seed at ${movement.sequence}`);
      for (const { name, quantity, price } of movement.products) {
        products.set(name, { quantity, price, versions: [{ version: movement.sequence, quantity }] });
      }
    }
    if (movement.kind === 'order' || movement.kind === 'rejection') decide(movement);
    if (movement.kind === 'restock') {
      for (const change of movement.stock) {
        const version = history(change.name).versions.at(-1)?.version;
        mustHold(version === movement.cause, 'I9', () => `movement ${movement.sequence} restocks for an old cause`);
        mustHold(change.before === 0, 'I9', () => `movement ${movement.sequence} restocks what was not sold out`);
        move(movement.sequence, change, change.after);
      }
    }
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
    byNumber: (number) => byNumber[number],
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
