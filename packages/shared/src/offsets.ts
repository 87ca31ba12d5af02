/** Where the lines of a file begin: eight bytes for each, however many there are. */
import { assert } from './assert.ts';

export type Offsets = {
  readonly length: number;
  push(offset: number): void;
  at(index: number): number;
  truncate(length: number): void;
};

const LENGTH_FIRST = 1024;

export const createOffsets = (): Offsets => {
  let values = new Float64Array(LENGTH_FIRST);
  let length = 0;
  return {
    get length() {
      return length;
    },
    push(offset) {
      if (length === values.length) {
        const larger = new Float64Array(values.length * 2);
        larger.set(values);
        values = larger;
      }
      values[length] = offset;
      length += 1;
    },
    at(index) {
      assert(index >= 0 && index < length, () => `There is no offset ${index} among ${length}`);
      return values[index] as number;
    },
    truncate(to) {
      assert(to >= 0 && to <= length, 'Offsets are only dropped at their end');
      length = to;
    },
  };
};
