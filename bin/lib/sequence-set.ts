/** A set of sequences, for journals of any length: one bit for each. Pages, so that one wrong sequence costs one page. */
export type SequenceSet = {
  add(sequence: number): void;
  has(sequence: number): boolean;
  /** How many are higher. */
  countAfter(sequence: number): number;
};

const PAGE = 32_768;

export const createSequenceSet = (): SequenceSet => {
  const pages = new Map<number, Uint8Array>();
  const isIn = (page: Uint8Array | undefined, place: number): boolean =>
    ((page?.[Math.floor(place / 8)] ?? 0) & (1 << (place % 8))) !== 0;
  return {
    add(sequence) {
      const number = Math.floor(sequence / PAGE);
      const page = pages.get(number) ?? new Uint8Array(PAGE / 8);
      pages.set(number, page);
      const place = sequence - number * PAGE;
      const at = Math.floor(place / 8);
      page[at] = (page[at] ?? 0) | (1 << (place % 8));
    },
    has: (sequence) => isIn(pages.get(Math.floor(sequence / PAGE)), sequence % PAGE),
    countAfter(sequence) {
      let count = 0;
      for (const [number, page] of pages) {
        const from = Math.max(0, sequence + 1 - number * PAGE);
        for (let place = from; place < PAGE; place += 1) if (isIn(page, place)) count += 1;
      }
      return count;
    },
  };
};
