/** The checkout as a bookshop's page sees it: one request, one answer, nothing retried. */
import { monthOf } from '@till/checks/expiry';
import { wallMs } from '@till/shared/clock';
import type { SeedProduct } from '@till/shared/movement';
import { soundDetails } from '../../packages/checks/test/sound.ts';
import type { Line } from './ledger.ts';
import { products } from './products.ts';
import { until } from './until.ts';

/** Books that are not restocked; `prefix` and a number make the title. */
export const books = (prefix: string, some: { count: number; quantity: number }): SeedProduct[] =>
  products(prefix, some).map((product) => ({ ...product, kind: 'book', author: `Author of ${product.name}` }));

export type Details = ReturnType<typeof soundDetails>;

/** A checkout that nothing is wrong with. Who comes too often is refused, so contacts had better differ. */
export const checkoutOf = (contact: string, items: Line[], card: Partial<Details['creditCard']> = {}): Details => {
  const details = soundDetails(monthOf(wallMs()));
  return {
    ...details,
    user: { ...details.user, contact },
    creditCard: { ...details.creditCard, ...card },
    items,
  };
};

export type CheckoutAnswer = {
  status: number;
  isReplayed: boolean;
  /** Empty if the answer is an error. */
  data: { orderId?: string; status?: string; reason?: string; order_number?: number; suggestedBooks?: Book[] };
  reason: string | undefined;
  text: string;
};
type Book = { bookId: string; title: string; author: string };

const read = async (response: Response): Promise<CheckoutAnswer> => {
  const text = await response.text();
  const body = JSON.parse(text) as { data?: CheckoutAnswer['data']; error?: { reason: string } };
  const isReplayed = response.headers.get('idempotent-replayed') === 'true';
  return { status: response.status, isReplayed, data: body.data ?? {}, reason: body.error?.reason, text };
};

export const postCheckout = async (url: string, details: object, key?: string): Promise<CheckoutAnswer> => {
  const headers = { 'content-type': 'application/json', ...(key !== undefined && { 'idempotency-key': key }) };
  return read(await fetch(`${url}/checkout`, { method: 'POST', headers, body: JSON.stringify(details) }));
};

export const getCheckout = async (url: string, id: string): Promise<CheckoutAnswer> =>
  read(await fetch(`${url}/checkout/${id}`));

/** The first answer that is none of a service that is away: those are asked again. */
export const insist = (what: string, ask: () => Promise<CheckoutAnswer>): Promise<CheckoutAnswer> =>
  until(what, async () => {
    const answer = await ask().catch(isAway);
    return answer !== null && answer.status !== 503 && answer;
  });

/** What fetch throws when there is no answer. */
const isAway = (error: unknown): null => {
  if (error instanceof TypeError) return null;
  throw error;
};

/** Waits until a checkout does not wait any more. What the journal tells is told here only when it is committed. */
export const outcomeOf = (url: string, id: string): Promise<CheckoutAnswer> =>
  until(`the outcome of checkout ${id}`, async () => {
    const answer = await insist(`checkout ${id}`, () => getCheckout(url, id));
    return answer.data.status !== 'queued' && answer;
  });
