/**
 * A Shopify shop that sends its webhooks as the real one may: each several times, in no order, many at once, again after
 * anything but a 200, together with some that are not its own. Knows of each what it may be answered.
 */
import { sleep } from '@till/shared/clock';
import { randomInteger, randomItem, seededRandom } from '@till/shared/random';
import {
  SHOPIFY_WAITS_MS,
  sendWebhook,
  shopifyId,
  shopifyOrder,
  shopifySignature,
  type Topic,
  type WebhookAnswer,
} from '../fakes/shopify-sender.ts';

export type StormLine = { sku: string; quantity: number };

/** Of one order id there are up to two contents: the first one that arrives is the order, the other one a mistake. */
type Content = { lines: StormLine[]; answers: WebhookAnswer[] };
export type StormOrder = {
  id: string;
  contents: Content[];
  isCancelled: boolean;
  cancellations: WebhookAnswer[];
  /** Its webhooks have a wrong signature, all of them. */
  isForged: boolean;
};

type Job = { topic: Topic; order: StormOrder; content: Content };

export type Storm = {
  orders: StormOrder[];
  /** Every answer that should not have come, in words. */
  surprises(): string[];
  slowestMs(): number;
  answered(): number;
  /** Sends repeats of what was sent before, until everything was sent and answered as a sender wants it. */
  finish(): Promise<void>;
};

const SENDERS = 16;
const RETRY_AFTER_MS = 100;
const LATE_PAUSE_MS = 10;

export const startStorm = ({
  url,
  secret,
  seed,
  orderCount,
  skus,
  quantityMax,
}: {
  url: string;
  secret: string;
  seed: number;
  orderCount: number;
  skus: string[];
  quantityMax: number;
}): Storm => {
  const random = seededRandom(seed);
  const chance = (share: number): boolean => random() < share;
  const linesOf = (): StormLine[] =>
    Array.from({ length: randomInteger(random, { min: 1, max: 3 }) }, () => ({
      sku: randomItem(random, skus),
      quantity: randomInteger(random, { min: 1, max: quantityMax }),
    }));
  const contentOf = (): Content => ({ lines: linesOf(), answers: [] });

  const orders = Array.from({ length: orderCount }, (_, at): StormOrder => {
    const id = shopifyId(at);
    const isForged = chance(0.1);
    const contents = [contentOf(), ...(chance(0.15) ? [contentOf()] : [])];
    return { id, contents, isCancelled: !isForged && chance(0.4), cancellations: [], isForged };
  });
  const jobs = orders
    .flatMap((order): Job[] => [
      ...order.contents.flatMap((content) => Array<Job>(2).fill({ topic: 'create', order, content })),
      ...order.contents
        .slice(0, order.isCancelled ? 1 : 0)
        .flatMap((content) => Array<Job>(2).fill({ topic: 'cancelled', order, content })),
    ])
    // Roughly in the order of the ids, so that repeats and cancellations meet their orders, before and after them.
    .map((job, at) => ({ job, place: at + random() * 60 }))
    .sort((one, other) => one.place - other.place)
    .map(({ job }) => job);

  const sent: Job[] = [];
  const surprises: string[] = [];
  let slowestMs = 0;
  let answered = 0;
  let isLate = true;

  /** True if the sender is content, as Shopify is with a 200 and we with what we foresee. */
  const perform = async ({ topic, order, content }: Job): Promise<boolean> => {
    const text = shopifyOrder(order.id, content.lines, topic);
    const signature = shopifySignature(order.isForged ? `${secret}x` : secret, text);
    const answer = await sendWebhook(url, { topic, text, signature });
    answered += 1;
    slowestMs = Math.max(slowestMs, answer.tookMs);
    const told = `${topic} ${order.id}: ${answer.status} ${JSON.stringify(answer.body)}, ${answer.tookMs} ms`;
    if (answer.tookMs > SHOPIFY_WAITS_MS) surprises.push(`late: ${told}`);
    if (!isForeseen(topic, order, answer)) surprises.push(told);
    (topic === 'create' ? content.answers : order.cancellations).push(answer);
    return answer.status === 200 || (answer.body.error?.reason !== 'unknown_order' && answer.status < 500);
  };

  const send = async (): Promise<void> => {
    for (;;) {
      const job = jobs.shift();
      if (job !== undefined) {
        if (!sent.includes(job)) sent.push(job);
        if (await perform(job)) continue;
        await sleep(RETRY_AFTER_MS);
        jobs.push(job);
      } else if (isLate) {
        await perform(randomItem(random, sent));
        await sleep(LATE_PAUSE_MS);
      } else return;
    }
  };
  const sending = Promise.all(Array.from({ length: SENDERS }, send));
  // Whoever finishes hears of a failure.
  sending.catch(() => {});

  return {
    orders,
    surprises: () => surprises,
    slowestMs: () => slowestMs,
    answered: () => answered,
    async finish() {
      isLate = false;
      await sending;
    },
  };
};

/** What is promised, whatever happens inside. */
const isForeseen = (topic: Topic, order: StormOrder, { status, body }: WebhookAnswer): boolean => {
  const reason = body.error?.reason;
  if (order.isForged) return status === 401 && reason === 'bad_signature';
  if (status === 200) return true;
  if (topic === 'cancelled') return status === 404 && reason === 'unknown_order';
  return (
    (status === 400 && reason === 'out_of_stock') ||
    (status === 409 && reason === 'duplicate_order' && order.contents.length > 1)
  );
};
