/**
 * Whom a trace is about. It begins with what the user has, which may be a number, an order id, an idempotency key or the id
 * of a checkout, and learns the other names of the same order from the records that it matches: an order's number leads to
 * its key, that to its checkout and its cancellation.
 */
import { cancelKey, checkoutKey, checkoutOf, orderIdKey } from '@till/shared/keys';
import type { Movement } from '@till/shared/movement';

/** Movements that are decided under a key. */
export type KeyedMovement = Extract<Movement, { key: string }>;

export type Subject = {
  /** Quick, before a line is taken apart: whether it holds anything that may be meant. */
  mayBeIn(text: string): boolean;
  /** Whether it is meant. If so, its names and its sequence are meant from then on. */
  take(movement: Movement): movement is KeyedMovement;
  /** Whether a line that names these is meant. */
  isNamed(names: { keys: unknown[]; number: unknown; sequence: unknown }): boolean;
  /** Names that are known: if there are more after a reading, what was passed over before may be meant. */
  nameCount(): number;
};

export const createSubject = (given: string): Subject => {
  const keys = new Set<string>();
  const numbers = new Set<number>();
  const sequences = new Set<number>();
  const needles: string[] = [];

  const addKey = (key: string | undefined): void => {
    if (key === undefined || keys.has(key)) return;
    keys.add(key);
    needles.push(JSON.stringify(key));
    // Named by its id alone in its own movement, and in the lines of the services.
    const checkout = checkoutOf(key);
    if (checkout !== null) needles.push(JSON.stringify(checkout));
  };
  const addNumber = (number: number): void => {
    if (numbers.has(number)) return;
    numbers.add(number);
    needles.push(`"number":${number},`);
  };
  const addSequence = (sequence: number): void => {
    if (sequences.has(sequence)) return;
    sequences.add(sequence);
    needles.push(`"sequence":${sequence},`);
  };

  for (const key of [given, orderIdKey(given), cancelKey(given), checkoutKey(given)]) addKey(key);
  if (/^\d{1,15}$/.test(given)) addNumber(Number(given));

  const isMeant = (movement: Movement): movement is KeyedMovement => {
    switch (movement.kind) {
      case 'order':
        return numbers.has(movement.number) || keys.has(movement.key) || keys.has(movement.alsoKey ?? '');
      case 'rejection':
        return keys.has(movement.key) || keys.has(movement.alsoKey ?? '');
      case 'cancel':
        return numbers.has(movement.number) || keys.has(movement.key) || keys.has(movement.of);
      case 'checkout':
        return keys.has(movement.key) || keys.has(checkoutKey(movement.checkout.id));
      default:
        return false;
    }
  };

  return {
    mayBeIn: (text) => needles.some((needle) => text.includes(needle)),
    take(movement): movement is KeyedMovement {
      if (!isMeant(movement)) return false;
      addKey(movement.key);
      addSequence(movement.sequence);
      if (movement.kind === 'checkout') addKey(checkoutKey(movement.checkout.id));
      if (movement.kind === 'cancel') addKey(movement.of);
      if (movement.kind === 'order' || movement.kind === 'rejection') addKey(movement.alsoKey);
      if (movement.kind === 'order' || movement.kind === 'cancel') addNumber(movement.number);
      return true;
    },
    isNamed: (names) =>
      names.keys.some((key) => typeof key === 'string' && keys.has(key)) ||
      numbers.has(names.number as number) ||
      sequences.has(names.sequence as number),
    nameCount: () => keys.size + numbers.size,
  };
};
