/** Movements as events: what the outside is told, and nothing of who ordered. */
import { orderIdKey } from '@till/shared/keys';
import type { CancelMovement, Movement, OrderMovement, RestockMovement } from '@till/shared/movement';
import type { Taken } from './core/types.ts';

/** A movement that changed stock. The movement is the record of its event; there is no other one. */
export type EventMovement = OrderMovement | CancelMovement | RestockMovement;

/** CloudEvents 1.0 in its JSON form. The id is the event's identity at the receiver: what is sent twice has it twice. */
export type CloudEvent = {
  specversion: '1.0';
  id: string;
  source: 'till';
  type: 'till.order.placed' | 'till.order.cancelled' | 'till.stock.restocked';
  time: string;
  subject: string;
  datacontenttype: 'application/json';
  data: {
    sequence: number;
    order_number?: number;
    orderId?: string;
    /** As it was asked for. */
    items?: { name: string; quantity: number }[];
    type?: 'buy' | 'sell';
    stock: { name: string; before: number; after: number }[];
  };
};

export const eventIn = (movement: Movement): EventMovement | null => {
  const { kind } = movement;
  return (kind === 'order' || kind === 'cancel' || kind === 'restock') && movement.stock.length > 0 ? movement : null;
};

export const productsOf = ({ stock }: EventMovement): string[] => stock.map(({ name }) => name);

/** What a sink's core must know of a movement. */
export const takenOf = (movement: Movement): Taken => {
  const event = eventIn(movement);
  const { sequence } = movement;
  if (event !== null) return { kind: 'event', sequence, products: productsOf(event) };
  return { kind: movement.kind === 'note' ? 'note' : 'other', sequence };
};

export const cloudEvent = (storeId: string, movement: EventMovement): CloudEvent => ({
  specversion: '1.0',
  id: `${storeId}/${movement.sequence}`,
  source: 'till',
  ...contentOf(movement),
  time: new Date(movement.time).toISOString(),
  datacontenttype: 'application/json',
});

const contentOf = (movement: EventMovement): Pick<CloudEvent, 'type' | 'subject' | 'data'> => {
  const { sequence } = movement;
  const stock = movement.stock.map(({ name, before, after }) => ({ name, before, after }));
  switch (movement.kind) {
    case 'order': {
      const { number, order } = movement;
      return {
        type: 'till.order.placed',
        subject: `orders/${number}`,
        data: {
          sequence,
          order_number: number,
          ...(order.orderId === undefined ? {} : { orderId: order.orderId }),
          items: order.lines.map(({ name, quantity }) => ({ name, quantity })),
          ...(order.type === undefined ? {} : { type: order.type }),
          stock,
        },
      };
    }
    case 'cancel': {
      const { number } = movement;
      const orderId = orderIdOf(movement.of);
      return {
        type: 'till.order.cancelled',
        subject: `orders/${number}`,
        data: { sequence, order_number: number, ...(orderId === null ? {} : { orderId }), stock },
      };
    }
    case 'restock':
      return {
        type: 'till.stock.restocked',
        subject: `products/${stock.map(({ name }) => encodeURIComponent(name)).join(',')}`,
        data: { sequence, stock },
      };
  }
};

/** The order id in the key of an order that has one. */
const orderIdOf = (key: string): string | null =>
  key.startsWith(orderIdKey('')) ? key.slice(orderIdKey('').length) : null;
