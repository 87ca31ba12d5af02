/** A stock at one moment, to be read while it goes on. */
import type { Stock, StockState } from './types.ts';

/** What stays as it is now, whatever happens to the stock meanwhile. It can be read once. */
export const captureStock = (stock: Stock): StockState => ({
  sequence: stock.sequence,
  number: stock.number,
  time: stock.time,
  term: stock.term,
  // Products are replaced and never changed, so that the list is copied and they are not.
  products: [...stock.products.values()],
  waiting: [...stock.waiting],
  notes: [...stock.notes],
  // Without bound, but only ever added to: what is there now stays its beginning.
  cancellations: firstOf(stock.cancellations, stock.cancellations.size),
});

function* firstOf<Item>(items: Iterable<Item>, count: number): Generator<Item> {
  let left = count;
  if (left === 0) return;
  for (const item of items) {
    yield item;
    left -= 1;
    if (left === 0) return;
  }
}
