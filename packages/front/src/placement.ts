/** Placing an order when there is a warehouse that may know better than our stock: it is asked first. */
import { DeadlineExceeded, deadline, monotonicMs } from '@till/shared/clock';
import { Problem } from '@till/shared/errors';
import type { Line, PlacedOrder } from '@till/shared/movement';
import { foldName } from '@till/shared/names';
import { unknownProduct } from './handlers/replies.ts';
import type { Decision, Ledger } from './ledger.ts';
import { Unavailable } from './unavailable.ts';
import type { Warehouse } from './warehouse.ts';

export type Placement = {
  /**
   * Decides an order within `waitMs`, after the warehouse was asked. `isRepeat`: it may be a repeat, since its name is its
   * caller's own; then what was decided before is answered again, whatever the warehouse says by now.
   */
  place(placed: PlacedOrder, options: { waitMs: number; isRepeat: boolean }): Promise<Decision>;
};

/** Of the time there is, the warehouse may take three quarters: the rest is to decide, or to see whether it was decided. */
const WAREHOUSE_SHARE = 0.75;

export const createPlacement = (deps: {
  ledger: Pick<Ledger, 'place' | 'decided' | 'lookup' | 'product'>;
  warehouse: Pick<Warehouse, 'check'> | null;
}): Placement => {
  const { ledger, warehouse } = deps;
  if (warehouse === null) return { place: (placed, { waitMs }) => ledger.place(placed, waitMs) };

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

  /** The text of a refusal, null for none, or why the order must not be decided now. */
  const ask = async (lines: Line[], deadlineMs: number): Promise<string | null | Problem> => {
    try {
      const stocked = await warehouse.check(lines, { deadlineMs });
      if (stocked.ok) return null;
      return 'short' in stocked ? stocked.short : unknownProduct(stocked.unknown);
    } catch (error) {
      if (error instanceof Problem) return error;
      throw error;
    }
  };

  const wasDecided = async ({ key, alsoKey }: PlacedOrder, waitMs: number): Promise<boolean> => {
    const names = alsoKey === undefined ? [key] : [key, alsoKey];
    const decided = await Promise.all(names.map((name) => ledger.decided(name, waitMs)));
    return decided.includes(true);
  };

  return {
    place: async (placed, { waitMs, isRepeat }) => {
      // What is sold to us need not be in any warehouse.
      if (placed.order.type === 'sell') return ledger.place(placed, waitMs);
      const endMs = monotonicMs() + waitMs;
      const leftMs = () => endMs - monotonicMs();
      const lines = await inTime(spelledLines(placed.order.lines), leftMs());
      // The catalog will say which one it does not know, or that the order was decided long ago.
      if (lines === null) return ledger.place(placed, leftMs());
      const said = await ask(lines, leftMs() * WAREHOUSE_SHARE);
      if (said === null) return ledger.place(placed, leftMs());
      if (typeof said === 'string') return ledger.place({ ...placed, refusal: said }, leftMs());
      // What was decided under a name stays so: the catalog decides nothing anew here, it only tells.
      if (isRepeat && (await wasDecided(placed, leftMs()))) return ledger.place(placed, leftMs());
      throw said;
    },
  };
};

const inTime = async <Value>(promise: Promise<Value>, waitMs: number): Promise<Value> => {
  try {
    return await deadline(promise, waitMs);
  } catch (error) {
    throw error instanceof DeadlineExceeded ? new Unavailable('catalog_silent') : error;
  }
};
