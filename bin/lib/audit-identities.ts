/**
 * The rules of identities: each key is decided once, and shows what it names. What was decided under a key in one form
 * can never be taken for what another form names, so an order made by a webhook, by a checkout and by a client with an
 * idempotency key stay apart. A cancellation is judged here too: it finds its order by such a key.
 */
import { hash } from 'node:crypto';
import type {
  CancelMovement,
  CheckoutMovement,
  OrderMovement,
  RejectionMovement,
  StockChange,
} from '@till/shared/movement';
import type { Expect } from './audit-findings.ts';

export type IdentityAudit = {
  takeOrder(movement: OrderMovement | RejectionMovement): void;
  takeCancel(movement: CancelMovement): void;
  takeCheckout(movement: CheckoutMovement): void;
};

/** What a client or the front gives as a key. */
const PLAIN = /^[\x21-\x7e]{1,255}$/;
const ORDER = 'order ';
const CANCEL = 'cancel ';
const CHECKOUT = 'checkout ';

/** An order that can still be taken back. */
type Open = { number: number; taken: string };

/** `isBlind` says whether a line that cannot be read came before, which may have decided anything. */
export const createIdentityAudit = (expect: Expect, isBlind: () => boolean): IdentityAudit => {
  const keys = new Set<string>();
  // Only an order with an order id can be taken back, and each only once: the others need not be remembered.
  const open = new Map<string, Open>();

  const takeKey = (key: string): void => {
    expect('journal.keys', !keys.has(key), () => `key ${JSON.stringify(key)} was decided before`);
    keys.add(key);
  };

  return {
    takeOrder(movement) {
      const { key, alsoKey, order } = movement;
      takeKey(key);
      const isNamed =
        order.orderId === undefined ? PLAIN.test(key) || key.startsWith(CHECKOUT) : key === ORDER + order.orderId;
      expect(
        'journal.identities',
        isNamed,
        () => `key ${JSON.stringify(key)} does not go with order id ${JSON.stringify(order.orderId ?? null)}`,
      );
      if (alsoKey !== undefined) {
        takeKey(alsoKey);
        expect(
          'journal.identities',
          order.orderId !== undefined && PLAIN.test(alsoKey),
          () => `second key ${JSON.stringify(alsoKey)} beside key ${JSON.stringify(key)}`,
        );
      }
      if (movement.kind === 'order' && order.orderId !== undefined) {
        open.set(key, { number: movement.number, taken: digestOf(movement.stock, 1) });
      }
    },
    takeCancel({ key, of, number, stock }) {
      takeKey(key);
      expect(
        'journal.identities',
        of.startsWith(ORDER) && key === CANCEL + of.slice(ORDER.length),
        () => `key ${JSON.stringify(key)} for a cancellation of ${JSON.stringify(of)}`,
      );
      const order = open.get(of);
      expect(
        'journal.cancels',
        order !== undefined || isBlind(),
        () => `${JSON.stringify(of)} ${keys.has(of) ? 'was refused or cancelled' : 'was not ordered'} before`,
      );
      if (order === undefined) return;
      expect(
        'journal.cancels',
        order.number === number,
        () => `${JSON.stringify(of)} is order ${order.number}, not ${number}`,
      );
      expect(
        'journal.cancels',
        order.taken === digestOf(stock, -1),
        () => `gives back other quantities than order ${order.number} took`,
      );
      open.delete(of);
    },
    takeCheckout({ key }) {
      takeKey(key);
      expect('journal.identities', PLAIN.test(key), () => `key ${JSON.stringify(key)} for a checkout`);
    },
  };
};

/**
 * What changes do to each product, or what undoes them: of one size, however many lines an order has. As bytes in a
 * string, since that is how a million of them take the least room.
 */
const digestOf = (stock: StockChange[], sign: 1 | -1): string => {
  const moves = stock.map(({ name, before, after }) => JSON.stringify([name, sign * (after - before)]));
  return hash('sha256', moves.sort().join('\n'), 'binary');
};
