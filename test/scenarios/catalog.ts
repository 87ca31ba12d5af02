/** A catalog without network or disk: the real stock core, and a journal of sealed lines in memory. */
import { applyMovement, createStock } from '@till/catalog/stock/apply';
import { accepts, decide } from '@till/catalog/stock/decide';
import type { Command, Stock } from '@till/catalog/stock/types';
import type { CatalogAnswer, Effect } from '@till/order/replica/types';
import type { Movement, SeedProduct } from '@till/shared/movement';
import { seal, unseal, ZERO_HASH } from '@till/shared/sealed';

export type Catalog = {
  readonly stock: Stock;
  /** The journal, one sealed line for each movement. */
  readonly lines: readonly string[];
  /** Does what a leader asks, and says what the catalog's driver would. */
  answer(call: Extract<Effect, { type: 'decide' | 'fence' }>, now: number): CatalogAnswer;
  /** Fills up what is sold out. Returns how many movements that made. */
  restock(level: number, now: number): number;
  /** The last movements are gone from the disk. */
  lose(movements: number): void;
};

const seed: SeedProduct[] = [
  { name: 'Fox', kind: 'toy', price: 9.99, quantity: 10, restock: true },
  { name: 'Tux', kind: 'toy', price: 24.99, quantity: 3, restock: true },
];

/** Movements that one answer holds at most. Few, so that a scenario can show an answer that is cut. */
const LINES_MAX = 4;

export const createCatalog = (): Catalog => {
  let lines: string[] = [];
  const emptyStock = (): Stock => createStock((sequence) => movementOf(lines[sequence - 1] as string));
  let stock = emptyStock();
  let hash = ZERO_HASH;

  const take = (movement: Movement): void => {
    const sealed = seal(hash, JSON.stringify(movement));
    hash = sealed.hash;
    lines.push(sealed.line);
    applyMovement(stock, movement);
  };

  const perform = (term: number, now: number, commands: Command[]) => {
    const { movements, outcomes } = decide(stock, { term, now }, commands);
    for (const movement of movements) take(movement);
    return outcomes;
  };

  perform(0, 0, [{ kind: 'seed', products: seed }]);

  return {
    get stock() {
      return stock;
    },
    get lines() {
      return lines;
    },
    answer(call, now) {
      if (!accepts(stock.term, call.term)) return { kind: 'old_term', term: stock.term };
      if (call.after > stock.sequence) return { kind: 'behind', sequence: stock.sequence };
      if (call.type === 'decide' && call.term > stock.term) return { kind: 'lost' };
      const commands: Command[] =
        call.type === 'decide'
          ? call.orders.map((placed) => ({ kind: 'place', placed }))
          : call.term > stock.term
            ? [{ kind: 'fence' }]
            : [];
      const outcomes = perform(call.term, now, commands);
      // A fence also gets the movement at `after`, to see that both tell the same history.
      const from = call.type === 'fence' ? Math.max(0, call.after - 1) : call.after;
      return {
        kind: 'decided',
        outcomes,
        lines: lines.slice(from, from + LINES_MAX),
        more: lines.length > from + LINES_MAX,
      };
    },
    restock(level, now) {
      const before = stock.sequence;
      const soldOut = [...stock.products.values()].filter((product) => product.restock && product.quantity === 0);
      perform(
        stock.term,
        now,
        soldOut.map(({ name, version }) => ({ kind: 'restock', name, cause: version, level })),
      );
      return stock.sequence - before;
    },
    lose(movements) {
      const kept = lines.slice(0, lines.length - movements);
      stock = emptyStock();
      lines = [];
      hash = ZERO_HASH;
      for (const line of kept) take(movementOf(line));
    },
  };
};

/** The movement that a line of the journal records. */
export const movementOf = (line: string): Movement => {
  const unsealed = unseal(line);
  if (unsealed === null) throw new Error(`Damaged line: ${line}`);
  return JSON.parse(unsealed.body) as Movement;
};
