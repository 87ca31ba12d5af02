/** Placing an order when there is a warehouse that may know better than our stock: it is asked first. */
import { monotonicMs } from '@till/shared/clock';
import { Problem } from '@till/shared/errors';
import type { Line, PlacedOrder } from '@till/shared/movement';
import { foldName } from '@till/shared/names';
import type { Decision, Ledger } from './ledger.ts';
import { inTime } from './unavailable.ts';
import type { Warehouse } from './warehouse.ts';

/** Why the warehouse would not have lines sold: too few are left, as the text says, or it knows no such product. */
export type Obstacle = { short: string } | { unknown: string };

export type Placement = {
  /**
   * Decides an order within `waitMs`, after the warehouse was asked. `isRepeat`: it may be a repeat, since its name is its
   * caller's own; then what was decided before is answered again, whatever the warehouse says by now.
   */
  place(placed: PlacedOrder, options: { waitMs: number; isRepeat: boolean }): Promise<Decision>;
  /** What the warehouse has against lines that are to be bought; null for nothing. Throws what its `check` throws. */
  obstacle(lines: Line[], waitMs: number): Promise<Obstacle | null>;
};

/** Of the time there is, the warehouse may take three quarters: the rest is to decide, or to see whether it was decided. */
export const WAREHOUSE_SHARE = 0.75;

export const createPlacement = (deps: {
  ledger: Pick<Ledger, 'place' | 'known' | 'lookup' | 'product'>;
  warehouse: Pick<Warehouse, 'check'> | null;
}): Placement => {
  const { ledger, warehouse } = deps;
  if (warehouse === null) {
    return { place: (placed, { waitMs }) => ledger.place(placed, waitMs), obstacle: async () => null };
  }

  /** Names as the catalogue spells them, by folded name: the warehouse may care for case. As many as there are products. */
  const spellings = new Map<string, string>();

  const spelled = async (name: string): Promise<string | null> => {
    const folded = foldName(name);
    const known = spellings.get(folded);
    if (known !== undefined) return known;
    const found = ledger.lookup(folded);
    const body = found.kind === 'hit' ? found.body : await ledger.product(found.token);
    if (body === null) return null;
    const { data } = JSON.parse(body) as { data: { name: string } };
    spellings.set(folded, data.name);
    return data.name;
  };

  /** The lines in the catalogue's spelling, or null if a product is not in it. */
  const spelledLines = async (lines: Line[]): Promise<Line[] | null> => {
    const result: Line[] = [];
    for (const { name, quantity } of lines) {
      const spelling = await spelled(name);
      if (spelling === null) return null;
      result.push({ name: spelling, quantity });
    }
    return result;
  };

  const obstacle: Placement['obstacle'] = async (given, waitMs) => {
    const endMs = monotonicMs() + waitMs;
    const lines = await inTime(spelledLines(given), waitMs, 'catalog_silent');
    // The catalog will say which one it does not know, or that it was decided long ago.
    if (lines === null) return null;
    const stocked = await warehouse.check(lines, { deadlineMs: (endMs - monotonicMs()) * WAREHOUSE_SHARE });
    if (stocked.ok) return null;
    return 'short' in stocked ? { short: stocked.short } : { unknown: stocked.unknown };
  };

  /** As `obstacle`, or why it cannot be said. */
  const ask = async (lines: Line[], waitMs: number): Promise<Obstacle | Problem | null> => {
    try {
      return await obstacle(lines, waitMs);
    } catch (error) {
      if (error instanceof Problem) return error;
      throw error;
    }
  };

  return {
    place: async (placed, { waitMs, isRepeat }) => {
      // What is sold to us need not be in any warehouse.
      if (placed.order.type === 'sell') return ledger.place(placed, waitMs);
      const endMs = monotonicMs() + waitMs;
      const leftMs = () => endMs - monotonicMs();
      const said = await ask(placed.order.lines, waitMs);
      if (said === null) return ledger.place(placed, leftMs());
      if ('short' in said) return ledger.place({ ...placed, refusal: said.short }, leftMs());
      // What was decided under a name stays so, also if whoever asked for it first still waits for the answer.
      const known = isRepeat ? await ledger.known(placed, leftMs()) : null;
      if (known !== null) return known;
      if ('unknown' in said) return { status: 'unknown_product', name: said.unknown };
      throw said;
    },
    obstacle,
  };
};
