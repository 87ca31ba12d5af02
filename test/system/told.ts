/** What the receivers of the outbox were told, against what the journal says happened. */
import * as assert from 'uvu/assert';
import type { FakeShopify } from '../fakes/shopify.ts';
import type { WebhookReceiver } from '../fakes/webhook-receiver.ts';
import { type JournalLine, readJournal } from './ledger.ts';
import type { Runner, Till } from './till.ts';
import { until } from './until.ts';

export type SinkView = {
  sink: string;
  delivered: number;
  lag: number;
  dead: { sequence: number; attempts: number; error: string }[];
  again: number[];
  trying: { sequence: number; attempts: number }[];
  pausedMs: number;
};

/** Movements of stock: everything that is to be told. */
type Event = JournalLine & { time: number; stock: { name: string; before: number; after: number }[] };

export const readEvents = (dataFolder: string): Event[] =>
  readJournal(dataFolder).filter(
    (line): line is Event => (line.stock ?? []).length > 0 && ['order', 'cancel', 'restock'].includes(line.kind),
  );

export const readOutbox = async (till: Till<Runner>): Promise<SinkView[]> =>
  until('the outbox answers', async () => {
    const { status, body } = await till.shop.get('/outbox');
    return status === 200 && (body.data?.sinks as SinkView[]);
  });

/** Waits until everything is settled at every sink, and recorded so, and returns how they stand. */
export const untilTold = (till: Till<Runner>): Promise<SinkView[]> =>
  until('everything is told and noted', async () => {
    const sinks = await readOutbox(till);
    const last = readEvents(till.dataFolder).at(-1)?.sequence ?? 0;
    const isNoted = ({ sink }: SinkView): boolean => notedOf(till.dataFolder, sink) >= last;
    return sinks.every((one) => one.lag === 0 && one.again.length === 0 && isNoted(one)) && sinks;
  });

/** Up to where the last note of a sink says that all is settled. */
export const notedOf = (dataFolder: string, sink: string): number => {
  const notes = readJournal(dataFolder) as (JournalLine & { sink?: string; delivered?: number })[];
  return notes.findLast((line) => line.kind === 'note' && line.sink === sink)?.delivered ?? 0;
};

/** Everything arrived, and the first arrivals of each product's events came in the order in which they happened. */
const assertInOrder = (events: Event[], arrivals: number[], who: string): void => {
  const first = [...new Set(arrivals)];
  assert.equal(
    [...first].sort((one, other) => one - other),
    events.map(({ sequence }) => sequence),
    `${who} was told everything, and nothing else`,
  );
  const bySequence = new Map(events.map((event) => [event.sequence, event]));
  const last = new Map<string, number>();
  for (const sequence of first) {
    for (const { name } of bySequence.get(sequence)?.stock ?? []) {
      assert.ok(sequence > (last.get(name) ?? 0), `${who} was told ${sequence} of ${name} after ${last.get(name)}`);
      last.set(name, sequence);
    }
  }
};

/** A receiver of webhooks got each event at least once, in order, signed, and as it happened. */
export const assertReceived = (till: Till<Runner>, receiver: WebhookReceiver): void => {
  assert.equal(receiver.complaints(), []);
  const events = readEvents(till.dataFolder);
  const received = receiver.events() as unknown as Received[];
  assertInOrder(
    events,
    received.map(({ data }) => data.sequence),
    'the receiver',
  );
  const bySequence = new Map(events.map((event) => [event.sequence, event]));
  const storeIds = new Set(received.map(({ id }) => id.split('/')[0]));
  assert.is(storeIds.size, 1);
  const [storeId] = storeIds;
  for (const one of received) {
    const event = bySequence.get(one.data.sequence) as Event;
    assert.equal(one, cloudEventOf(event, storeId ?? ''));
  }
};

type Received = { id: string; data: { sequence: number } };

const TYPES: Record<string, string> = {
  order: 'till.order.placed',
  cancel: 'till.order.cancelled',
  restock: 'till.stock.restocked',
};

/** Written from the documents, not from the code. */
const cloudEventOf = (event: Event, storeId: string): object => {
  const { sequence, kind, time, stock, number, order } = event;
  const orderId = /^(?:order|cancel) (.+)$/.exec(event.key ?? '')?.[1];
  const subject =
    kind === 'restock' ? `products/${stock.map(({ name }) => encodeURIComponent(name)).join(',')}` : `orders/${number}`;
  return {
    specversion: '1.0',
    id: `${storeId}/${sequence}`,
    source: 'till',
    type: TYPES[kind],
    time: new Date(time).toISOString(),
    subject,
    datacontenttype: 'application/json',
    data: {
      sequence,
      stock,
      ...(kind !== 'restock' && { order_number: number }),
      ...(orderId !== undefined && { orderId }),
      ...(order !== undefined && { items: order.lines }),
      ...(order?.type !== undefined && { type: order.type }),
    },
  };
};

/** The shop was told each event at least once, in order, each once with an effect, and shows our stock. */
export const assertShopIsLevel = async (till: Till<Runner>, shopify: FakeShopify): Promise<void> => {
  assert.equal(shopify.complaints(), []);
  const sequenceOf = (key: string): number => Number(/-(\d+)$/.exec(key)?.[1]);
  assertInOrder(
    readEvents(till.dataFolder),
    shopify.calls().map(({ key }) => sequenceOf(key)),
    'the shop',
  );
  assert.equal(shopify.levels(), await stockOf(till));
};

export const stockOf = async (till: Till<Runner>): Promise<Map<string, number>> => {
  const { body } = await till.shop.get('/products');
  const shown = body.data as unknown as { name: string; quantity: number }[];
  return new Map(shown.map(({ name, quantity }) => [name, quantity]));
};
