/** Where each order stands in the log: number → index and key → index, kept as the log grows and is cut. */
import { assert } from '@till/shared/assert';
import type { Movement, StoredOrder } from '@till/shared/movement';
import type { Entry } from './replica/types.ts';

/** The order that an entry records, or null if it records something else. */
export const orderIn = (entry: Entry): StoredOrder | null => {
  const { movement } = JSON.parse(entry.line) as { movement?: Movement };
  if (movement?.kind !== 'order') return null;
  return { number: movement.number, key: movement.key, sequence: movement.sequence, order: movement.order };
};

export type OrderIndex = {
  add(entry: Entry): void;
  /** Forgets the entries from an index on. `read` gives them back, as they were added. */
  cut(from: number, read: (index: number) => Entry | undefined): void;
  indexOf(query: { number: number } | { key: string }): number | undefined;
};

export const createOrderIndex = (): OrderIndex => {
  const byNumber: number[] = [];
  const byKey = new Map<string, number>();
  return {
    add(entry) {
      const order = orderIn(entry);
      if (order === null) return;
      assert(order.number === byNumber.length, `Order ${order.number} must not follow order ${byNumber.length - 1}`);
      byNumber.push(entry.index);
      byKey.set(order.key, entry.index);
    },
    cut(from, read) {
      while ((byNumber.at(-1) ?? 0) >= from) {
        const entry = read(byNumber.pop() ?? 0);
        const order = entry === undefined ? null : orderIn(entry);
        assert(order !== null, 'What is cut from the index must have been an order');
        byKey.delete(order.key);
      }
    },
    indexOf: (query) => ('number' in query ? byNumber[query.number] : byKey.get(query.key)),
  };
};
