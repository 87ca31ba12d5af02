/**
 * Which place of a journal a key stands at, without the keys: 32 bits of the key's hash and the place, eight bytes a slot.
 * Two keys may have the same hash, so a hit says only where to look: whoever asks compares the key with the record there.
 *
 * The table is in 256 parts, by the first bits of the hash, each with open addressing and linear probing. A part that is
 * four fifths full grows by a quarter, alone: so the table is never much emptier than that, and no growth takes long.
 */
import { assert } from './assert.ts';

export type KeyTable = {
  readonly size: number;
  /** Places count from 1 and are below 2^32. Nothing is compared: the caller knows that the key is not there. */
  add(hash: number, place: number): void;
  /** Says how many keys there will be, so that the table need not grow on the way. */
  reserve(count: number): void;
  /** Adds many: the place of each is `first` and what stands in `lines`. */
  addAll(hashes: Uint32Array, lines: Uint32Array, first: number): void;
  /** The place of a key, of those with its hash the one that `isIt` says. */
  find(hash: number, isIt: (place: number) => boolean): number | undefined;
  /** Takes back what was added. */
  remove(hash: number, place: number): void;
};

/** `slots`: hash and place in turn; a place of 0 is a free slot. */
type Part = { slots: Uint32Array; capacity: number; size: number };

const PARTS = 256;
const WITHIN_BITS = 24;
const WITHIN = (1 << WITHIN_BITS) - 1;
const CAPACITY_MIN = 8;
/** Slots for each key that is expected: by chance some parts get more keys than others. */
const SLOTS_PER_KEY = 1.3;

export const createKeyTable = (): KeyTable => {
  /** Parts are made when they are first needed: most of a small table would be empty. */
  const parts: (Part | undefined)[] = Array.from({ length: PARTS });
  let size = 0;
  let capacityMin = CAPACITY_MIN;

  /** The part for a hash, with room for so many more. */
  const partWithRoom = (hash: number, count: number): Part => {
    const at = hash >>> WITHIN_BITS;
    const part = parts[at] ?? { slots: new Uint32Array(2 * capacityMin), capacity: capacityMin, size: 0 };
    parts[at] = part;
    const needed = part.size + count;
    if (needed * 5 <= part.capacity * 4) return part;
    const enough = count === 1 ? 0 : Math.ceil(needed * SLOTS_PER_KEY);
    grow(part, Math.max(capacityMin, Math.ceil(part.capacity * 1.25), enough));
    return part;
  };

  return {
    get size() {
      return size;
    },
    add(hash, place) {
      assert(place > 0 && place <= 0xffffffff, 'A place counts from 1 and fits into four bytes');
      const part = partWithRoom(hash, 1);
      put(part, hash, place);
      part.size += 1;
      size += 1;
    },
    reserve(count) {
      capacityMin = Math.max(CAPACITY_MIN, Math.ceil((count / PARTS) * SLOTS_PER_KEY));
    },
    addAll(hashes, lines, first) {
      assert(hashes.length === lines.length, 'Each hash has its line');
      assert(first > 0 && first + (lines.at(-1) ?? 0) <= 0xffffffff, 'A place counts from 1 and fits into four bytes');
      // Part by part: it stays in the processor's memory while it is filled, and grows once.
      const order = inOrderOfParts(hashes);
      for (let from = 0; from < order.length; ) {
        const at = (hashes[order[from] as number] as number) >>> WITHIN_BITS;
        let to = from + 1;
        while (to < order.length && (hashes[order[to] as number] as number) >>> WITHIN_BITS === at) to += 1;
        const part = partWithRoom(hashes[order[from] as number] as number, to - from);
        part.size += to - from;
        for (; from < to; from += 1) {
          const key = order[from] as number;
          put(part, hashes[key] as number, first + (lines[key] as number));
        }
      }
      size += order.length;
    },
    find(hash, isIt) {
      const part = parts[hash >>> WITHIN_BITS];
      if (part === undefined) return undefined;
      const { slots, capacity } = part;
      for (let at = homeOf(hash, capacity); ; at = at + 1 === capacity ? 0 : at + 1) {
        const place = slots[2 * at + 1] as number;
        if (place === 0) return undefined;
        if (slots[2 * at] === hash && isIt(place)) return place;
      }
    },
    remove(hash, place) {
      const part = parts[hash >>> WITHIN_BITS];
      assert(part !== undefined, () => `There is no key with place ${place}`);
      const { slots, capacity } = part;
      let at = homeOf(hash, capacity);
      while (slots[2 * at] !== hash || slots[2 * at + 1] !== place) {
        assert(slots[2 * at + 1] !== 0, () => `There is no key with place ${place}`);
        at = at + 1 === capacity ? 0 : at + 1;
      }
      free(part, at);
      part.size -= 1;
      size -= 1;
    },
  };
};

/** Places of hashes, those of one part together, otherwise as they come. */
const inOrderOfParts = (hashes: Uint32Array): Uint32Array => {
  const ends = new Uint32Array(PARTS);
  for (const hash of hashes) ends[hash >>> WITHIN_BITS]! += 1;
  for (let at = 1; at < PARTS; at += 1) ends[at]! += ends[at - 1] as number;
  const order = new Uint32Array(hashes.length);
  for (let at = hashes.length - 1; at >= 0; at -= 1) {
    const part = (hashes[at] as number) >>> WITHIN_BITS;
    ends[part]! -= 1;
    order[ends[part] as number] = at;
  }
  return order;
};

/** Where the search for a hash begins. Rises with the hash, so that growing goes through both tables in order. */
const homeOf = (hash: number, capacity: number): number => Math.floor(((hash & WITHIN) * capacity) / (WITHIN + 1));

const put = ({ slots, capacity }: Part, hash: number, place: number): void => {
  let at = homeOf(hash, capacity);
  while (slots[2 * at + 1] !== 0) at = at + 1 === capacity ? 0 : at + 1;
  slots[2 * at] = hash;
  slots[2 * at + 1] = place;
};

const grow = (part: Part, capacity: number): void => {
  const { slots } = part;
  part.capacity = capacity;
  part.slots = new Uint32Array(2 * part.capacity);
  for (let at = 0; at < slots.length; at += 2) {
    const place = slots[at + 1] as number;
    if (place !== 0) put(part, slots[at] as number, place);
  }
};

/** Frees a slot, and moves up what stands behind it only because it was taken. */
const free = ({ slots, capacity }: Part, slot: number): void => {
  let hole = slot;
  for (let at = hole + 1 === capacity ? 0 : hole + 1; slots[2 * at + 1] !== 0; at = at + 1 === capacity ? 0 : at + 1) {
    const home = homeOf(slots[2 * at] as number, capacity);
    const reachesHole = hole <= at ? home <= hole || home > at : home <= hole && home > at;
    if (!reachesHole) continue;
    slots[2 * hole] = slots[2 * at] as number;
    slots[2 * hole + 1] = slots[2 * at + 1] as number;
    hole = at;
  }
  slots[2 * hole] = 0;
  slots[2 * hole + 1] = 0;
};
