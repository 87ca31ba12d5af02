/** A catalog's journal in memory, as sealed lines: what suggestions are read from. */
import type { Movement, SeedProduct, StockChange } from '@till/shared/movement';
import { seal, ZERO_HASH } from '@till/shared/sealed';
import type { HistoryReader } from '../src/suggestions.ts';

/** What happened, without what every movement has. */
export type Event =
  | { kind: 'seed'; products: SeedProduct[] }
  | { kind: 'order' | 'cancel'; stock: StockChange[] }
  | { kind: 'fence' };

export const product = (name: string, kind: SeedProduct['kind'] = 'book', author?: string): SeedProduct => ({
  name,
  kind,
  price: 10,
  quantity: 100,
  restock: false,
  ...(author !== undefined && { author }),
});

/** An order of one copy each, unless it is said how many. */
export const bought = (...wanted: (string | [string, number])[]): Event => ({
  kind: 'order',
  stock: wanted.map((one) => {
    const [name, copies] = typeof one === 'string' ? [one, 1] : one;
    return { name, before: 100, after: 100 - copies };
  }),
});

/** The cancellation of such an order. */
export const givenBack = (order: Event): Event => ({
  kind: 'cancel',
  stock: 'stock' in order ? order.stock.map(({ name, before, after }) => ({ name, before: after, after: before })) : [],
});

export const movementOf = (event: Event, sequence: number): Movement =>
  ({ sequence, term: 1, time: 0, number: sequence, ...event }) as unknown as Movement;

export type MemoryJournal = {
  lines: string[];
  add(...events: Event[]): void;
  /** Pages of at most `linesMax` lines, however many are asked for. */
  history: HistoryReader;
  /** `after` of every call. */
  calls: number[];
};

export const createMemoryJournal = ({ linesMax = 1000, time = 0 } = {}): MemoryJournal => {
  let hash = ZERO_HASH;
  const journal: MemoryJournal = {
    lines: [],
    calls: [],
    add: (...events) => {
      for (const event of events) {
        const movement = { ...movementOf(event, journal.lines.length + 1), time };
        const sealed = seal(hash, JSON.stringify(movement));
        hash = sealed.hash;
        journal.lines.push(sealed.line);
      }
    },
    history: async ({ after, limit }) => {
      journal.calls.push(after);
      const end = after + Math.min(limit, linesMax);
      return { lines: journal.lines.slice(after, end), more: end < journal.lines.length };
    },
  };
  return journal;
};
