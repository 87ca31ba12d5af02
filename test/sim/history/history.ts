/**
 * What the clients were told, and whether it can be true: each answer against what the journal says, against earlier
 * answers, and against the order of time.
 */
import type { JournalCheck } from '../checks/journal.ts';
import { type CancelsHistory, createCancelsHistory } from './cancels.ts';
import { type CheckoutsHistory, createCheckoutsHistory } from './checkouts.ts';
import { createOrdersHistory, type OrdersHistory } from './orders.ts';
import { createTold } from './told.ts';

export type History = { orders: OrdersHistory; cancels: CancelsHistory; checkouts: CheckoutsHistory };

export const createHistory = (journal: JournalCheck, products: ReadonlySet<string>): History => {
  const told = createTold();
  const cancels = createCancelsHistory({ journal, told });
  const orders = createOrdersHistory({ journal, products, told, cancels });
  const checkouts = createCheckoutsHistory({ journal, products, told, acknowledge: orders.acknowledge });
  return { orders, cancels, checkouts };
};
