/**
 * Which books were bought, and which together, counted from the movements of the journal. What is remembered is bounded: in
 * books, and in the books that each was bought with.
 */
import type { Movement, SeedMovement, StockChange } from '@till/shared/movement';
import { foldName } from '@till/shared/names';
import { type LRU, lru } from 'tiny-lru';
import type { SuggestedBook } from './contract.ts';

export type Together = {
  /** Counts one movement. All of them must be given, in order and once. */
  take(movement: Movement): void;
  /** Whether the catalogue is known: it is the first movement. */
  hasCatalogue(): boolean;
  /**
   * At most `countMax` books that are not in the basket. First those that were most often bought together with what is in
   * it, then those that were bought most, then in the catalogue's order.
   */
  suggest(basket: readonly string[], countMax: number): SuggestedBook[];
};

/** `place`: in the catalogue, from 0. `copies`: bought and not given back. */
type Book = { name: string; author: string; place: number; copies: number; with: LRU<number> };
type Ranked = { book: Book; together: number };

export const createTogether = (options: { booksMax: number; pairsPerBookMax: number }): Together => {
  /** By folded name. */
  const books = new Map<string, Book>();
  let hasCatalogue = false;

  const begin = ({ products }: SeedMovement): void => {
    hasCatalogue = true;
    for (const product of products) {
      if (product.kind !== 'book' || books.size >= options.booksMax) continue;
      const { name, author = '' } = product;
      // Of a book that is bought with very many others, those are forgotten that were bought with it the longest time ago.
      const pairs = lru<number>(options.pairsPerBookMax);
      books.set(foldName(name), { name, author, place: books.size, copies: 0, with: pairs });
    }
  };

  /** `sign`: 1 for an order, -1 for one that is given back. What a sale brings is not bought. */
  const count = (changes: StockChange[], sign: 1 | -1): void => {
    const bought: { name: string; book: Book; copies: number }[] = [];
    for (const { name, before, after } of changes) {
      const folded = foldName(name);
      const book = books.get(folded);
      const copies = (before - after) * sign;
      if (book !== undefined && copies > 0) bought.push({ name: folded, book, copies });
    }
    for (const { name, book, copies } of bought) {
      book.copies += copies * sign;
      for (const other of bought) if (other.name !== name) countPair(book, other.name, sign);
    }
  };

  return {
    take: (movement) => {
      if (movement.kind === 'seed') begin(movement);
      else if (movement.kind === 'order') count(movement.stock, 1);
      else if (movement.kind === 'cancel') count(movement.stock, -1);
    },
    hasCatalogue: () => hasCatalogue,
    suggest: (basket, countMax) => {
      const names = new Set(basket.map(foldName));
      const inBasket = [...names].flatMap((name) => books.get(name) ?? []);
      const together = new Map<string, number>();
      for (const book of inBasket) {
        book.with.forEach((times, other) => {
          together.set(other, (together.get(other) ?? 0) + times);
        });
      }
      const best: Ranked[] = [];
      for (const [name, book] of books) {
        if (!names.has(name)) keepBest(best, { book, together: together.get(name) ?? 0 }, countMax);
      }
      return best.map(({ book: { name, author } }) => ({ bookId: name, title: name, author }));
    },
  };
};

const countPair = (book: Book, other: string, sign: 1 | -1): void => {
  const times = book.with.get(other);
  // A pair that was forgotten cannot be given back.
  if (times === undefined && sign < 0) return;
  const sum = (times ?? 0) + sign;
  if (sum > 0) book.with.set(other, sum);
  else book.with.delete(other);
};

/** Puts one where it belongs among the best so far, which are in order. */
const keepBest = (best: Ranked[], one: Ranked, countMax: number): void => {
  const behind = best.findIndex((other) => isBetter(one, other));
  best.splice(behind === -1 ? best.length : behind, 0, one);
  best.length = Math.min(best.length, countMax);
};

const isBetter = (one: Ranked, other: Ranked): boolean => {
  if (one.together !== other.together) return one.together > other.together;
  if (one.book.copies !== other.book.copies) return one.book.copies > other.book.copies;
  return one.book.place < other.book.place;
};
