/** A list of whole numbers below 2^32 that grows at its end: four bytes for each. It grows by pieces, so nothing is copied. */
import { assert } from './assert.ts';

export type U32List = {
  readonly length: number;
  push(value: number): void;
  pushAll(values: Uint32Array): void;
  at(index: number): number;
  /** Keeps the first `length` numbers. */
  truncate(length: number): void;
  /** The first `count` numbers. */
  copy(count: number): Uint32Array;
};

const PIECE_BITS = 12;
const PIECE_LENGTH = 1 << PIECE_BITS;
const WITHIN = PIECE_LENGTH - 1;

export const createU32List = (): U32List => {
  const pieces: Uint32Array[] = [];
  let length = 0;

  const pieceAt = (index: number): Uint32Array => {
    const piece = index >>> PIECE_BITS;
    if (piece === pieces.length) pieces.push(new Uint32Array(PIECE_LENGTH));
    return pieces[piece] as Uint32Array;
  };

  return {
    get length() {
      return length;
    },
    push(value) {
      assert(value >= 0 && value <= 0xffffffff, () => `${value} does not fit into four bytes`);
      pieceAt(length)[length & WITHIN] = value;
      length += 1;
    },
    pushAll(values) {
      for (let at = 0; at < values.length; ) {
        const within = length & WITHIN;
        const part = values.subarray(at, at + PIECE_LENGTH - within);
        pieceAt(length).set(part, within);
        at += part.length;
        length += part.length;
      }
    },
    at(index) {
      assert(index >= 0 && index < length, () => `There is no number ${index} among ${length}`);
      return (pieces[index >>> PIECE_BITS] as Uint32Array)[index & WITHIN] as number;
    },
    truncate(to) {
      assert(to >= 0 && to <= length, 'Numbers are only dropped at the end');
      length = to;
      pieces.length = Math.ceil(to / PIECE_LENGTH);
    },
    copy(count) {
      assert(count <= length, () => `There are no ${count} numbers among ${length}`);
      const values = new Uint32Array(count);
      for (let at = 0; at < count; at += PIECE_LENGTH) {
        values.set((pieces[at >>> PIECE_BITS] as Uint32Array).subarray(0, Math.min(PIECE_LENGTH, count - at)), at);
      }
      return values;
    },
  };
};
