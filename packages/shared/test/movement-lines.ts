/** Sealed lines of a catalog's journal, of every kind that an index tells apart. */
import type { Movement } from '@till/shared/movement';
import { seal, ZERO_HASH } from '@till/shared/sealed';

const order = { lines: [{ name: 'Fox', quantity: 1 }] };

/** Movements that follow one another from sequence 1 on; the keys begin with `prefix`. */
export const someMovements = (count: number, prefix = 'key'): Movement[] => {
  let number = 0;
  return Array.from({ length: count }, (_, at): Movement => {
    const base = { sequence: at + 1, term: 1, time: 1_795_250_313_053 + at };
    const key = `${prefix}-${at}`;
    const decided = { key, fingerprint: 'f', order };
    const numbered = { ...base, kind: 'order' as const, number };
    if (at % 7 === 0) return { ...base, kind: 'fence' };
    if (at % 7 === 3)
      return { ...base, kind: 'rejection', ...decided, reason: 'out_of_stock', message: 'Cannot buy 1 of "Füchsin"' };
    number += 1;
    if (at % 7 === 5) return { ...numbered, ...decided, alsoKey: `${key} too`, stock: [] };
    return { ...numbered, ...decided, stock: [{ name: 'Fox', before: 2, after: 1 }] };
  });
};

/** Their lines, following from a line with this hash. */
export const linesOf = (movements: Movement[], after: string = ZERO_HASH): string[] => {
  let hash = after;
  return movements.map((movement) => {
    const sealed = seal(hash, JSON.stringify(movement));
    hash = sealed.hash;
    return sealed.line;
  });
};
