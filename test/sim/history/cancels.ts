/** What was told of cancellations (K10): one answer for each order, from the moment on that one was given. */
import type { JournalCheck } from '../checks/journal.ts';
import { type CancelReply, nameKey, type OrderName } from '../nodes/orders.ts';
import { mustHold } from '../violation.ts';
import type { Told } from './told.ts';

export type SentCancel = {
  of: OrderName;
  /** Somebody had been told what became of the order when this was sent. */
  isOrderKnown: boolean;
  wasDone: boolean;
};

export type CancelsHistory = {
  sending(of: OrderName, isOrderKnown: boolean): SentCancel;
  answered(sent: SentCancel, reply: CancelReply): void;
  /** Somebody was told that the order with this number is cancelled. */
  isDone(number: number): boolean;
};

export const createCancelsHistory = ({ journal, told }: { journal: JournalCheck; told: Told }): CancelsHistory => {
  const done = new Set<number>();

  const numberOf = (of: OrderName): number => {
    const order = journal.byKey(nameKey(of));
    return order?.kind === 'order' ? order.number : -1;
  };

  return {
    sending: (of, isOrderKnown) => ({ of, isOrderKnown, wasDone: done.has(numberOf(of)) }),
    answered: ({ of, isOrderKnown, wasDone }, reply) => {
      const order = journal.byKey(nameKey(of));
      const text = (): string => `the cancellation of ${nameKey(of)} is answered with ${JSON.stringify(reply)}`;
      if (reply.status === 503) return;
      if (reply.status === 200) {
        const { number, sequence, replayed } = reply;
        const same = order?.kind === 'order' && order.number === number;
        mustHold(same && journal.cancellation(number)?.sequence === sequence, 'K10', text);
        mustHold(replayed || !wasDone, 'K10', () => `${text()} a second time as if it were new`);
        done.add(number);
        told.tell(sequence);
        return;
      }
      mustHold(!wasDone, 'K10', () => `${text()}, and it was cancelled`);
      mustHold(reply.status !== 422, 'K10', text);
      if (reply.status === 404) mustHold(!isOrderKnown, 'K10', () => `${text()}, and the order was known`);
      if (reply.status === 204) mustHold(order?.kind === 'rejection', 'K10', text);
      if (reply.status === 409) mustHold(order?.kind === 'order' && order.order.type === 'sell', 'K10', text);
    },
    isDone: (number) => done.has(number),
  };
};
