/** What is known of the lines of one segment, in columns of numbers: where each begins, its keys, which are orders. */
import { assert } from './assert.ts';
import type { LineFacts } from './line-facts.ts';
import { createU32List } from './u32-list.ts';

/** Lines are counted from the segment's first one, which is 0. */
export type Columns = {
  /** Where each line begins, in bytes from the start of the file. */
  offsets: Uint32Array;
  /** The hash of each key, in order of the lines, and which line it is. */
  keyHashes: Uint32Array;
  keyLines: Uint32Array;
  /** The lines that are orders: numbers from `orderFirst` on, without a gap. */
  orderLines: Uint32Array;
  /** The lines that are neither orders nor refusals. */
  rareLines: Uint32Array;
  /** Number of the first order; 0 without any. */
  orderFirst: number;
};

/** Columns that grow with their segment. */
export type LineColumns = {
  /** How many lines. */
  readonly length: number;
  /** Where a line begins. */
  at(line: number): number;
  add(offset: number, facts: LineFacts): void;
  /** Keeps the first `length` lines. */
  truncate(length: number): void;
  /** What they are now. */
  copy(): Columns;
};

export const createLineColumns = (known?: Columns): LineColumns => {
  const offsets = createU32List();
  const keyHashes = createU32List();
  const keyLines = createU32List();
  const orderLines = createU32List();
  const rareLines = createU32List();
  let orderFirst = known?.orderFirst ?? 0;
  if (known !== undefined) {
    offsets.pushAll(known.offsets);
    keyHashes.pushAll(known.keyHashes);
    keyLines.pushAll(known.keyLines);
    orderLines.pushAll(known.orderLines);
    rareLines.pushAll(known.rareLines);
  }

  return {
    get length() {
      return offsets.length;
    },
    at: offsets.at,
    add(offset, { kind, number, hashes }) {
      const line = offsets.length;
      offsets.push(offset);
      for (const hash of hashes) {
        keyHashes.push(hash);
        keyLines.push(line);
      }
      if (kind === 'rare') rareLines.push(line);
      if (kind !== 'order') return;
      if (orderLines.length === 0) orderFirst = number;
      assert(
        number === orderFirst + orderLines.length,
        () => `Order ${number} must not follow ${orderFirst + orderLines.length - 1}`,
      );
      orderLines.push(line);
    },
    truncate(length) {
      offsets.truncate(length);
      for (const lines of [orderLines, rareLines, keyLines]) {
        let left = lines.length;
        while (left > 0 && lines.at(left - 1) >= length) left -= 1;
        lines.truncate(left);
      }
      keyHashes.truncate(keyLines.length);
    },
    copy: () => ({
      offsets: offsets.copy(offsets.length),
      keyHashes: keyHashes.copy(keyHashes.length),
      keyLines: keyLines.copy(keyLines.length),
      orderLines: orderLines.copy(orderLines.length),
      rareLines: rareLines.copy(rareLines.length),
      orderFirst: orderLines.length === 0 ? 0 : orderFirst,
    }),
  };
};
