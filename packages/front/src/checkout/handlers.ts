/**
 * The routes of checkouts. An approved checkout is answered when it is durable in the queue; when it is executed, and what
 * becomes of it then, `GET /checkout/ID` tells. Of the card only the last four digits go further than the checks.
 */
import type { CheckoutDetails, FraudInput, SuggestedBook } from '@till/checks/contract';
import type { CheckName } from '@till/checks/names';
import type { HistoryReader } from '@till/checks/suggestions';
import { Problem, problem } from '@till/shared/errors';
import { decoded } from '@till/shared/handler';
import { limits } from '@till/shared/limits';
import type { Logger } from '@till/shared/logger';
import type { Metrics } from '@till/shared/metrics';
import type { Line, StoredCheckout } from '@till/shared/movement';
import { foldName } from '@till/shared/names';
import { OutsideError } from '@till/shared/outside';
import { randomName } from '@till/shared/random';
import { json } from '@till/shared/reply';
import { quote } from '../dialect.ts';
import { REPLAYED, RETRY_AFTER } from '../handlers/replies.ts';
import type { Ledger } from '../ledger.ts';
import { keyOf } from '../order-request.ts';
import { Unavailable } from '../unavailable.ts';
import { createChecks } from './checks.ts';
import { pageAnswer } from './dialect.ts';
import { type Checks, createOrchestrator } from './orchestrator.ts';
import { checkoutOf, fingerprintOfCheckout, linesOf, readCheckout } from './request.ts';

export type CheckoutLedger = Pick<Ledger, 'queue' | 'checkout' | 'decided' | 'lookup' | 'product'>;

export type CheckoutDeps = {
  ledger: CheckoutLedger;
  /** Where each check is asked for; null: it is done here. */
  urls: { verification: string | null; fraud: string | null; suggestions: string | null };
  /** A page of the catalog's journal. */
  history: HistoryReader;
  /** How long the checks may take together. */
  checkWaitMs: number;
  metrics: Pick<Metrics, 'counter' | 'histogram'>;
  logger: Logger;
};

export type Checkout = {
  /** Throws what the ledger throws, and `Problem`. */
  post(request: Request): Promise<Response>;
  /** The request's `params.id` names the checkout. Throws likewise. */
  get(request: Request & { params?: Record<string, string | undefined> }): Promise<Response>;
  close(): Promise<void>;
};

export const createCheckout = (deps: CheckoutDeps): Checkout => {
  const { checks, close } = createChecks({ ...deps, waitMs: deps.checkWaitMs });
  return { ...createCheckoutHandlers({ ...deps, checks }), close };
};

type HandlersDeps = Pick<CheckoutDeps, 'ledger' | 'checkWaitMs' | 'metrics' | 'logger'> & { checks: Checks };

export const createCheckoutHandlers = (deps: HandlersDeps): Pick<Checkout, 'post' | 'get'> => {
  const { ledger, logger } = deps;
  const { judge, suggest } = createOrchestrator({
    checks: deps.checks,
    waitMs: deps.checkWaitMs,
    onFailed: (check, error) => {
      // That a service is not asked for a while is told once, when that begins.
      if (error instanceof OutsideError && error.kind === 'open') return;
      logger.warn({ check, error }, 'a check of a checkout could not judge');
    },
  });
  const results = deps.metrics.counter({
    name: 'till_checkouts_total',
    help: 'Checkouts by result: approved, replayed, rejected, or unavailable because a check could not judge',
    labelNames: ['result'],
  });

  /** What a product costs, or null for what is not in the catalogue. */
  const priceOf = async (name: string): Promise<number | null> => {
    if (name.length > limits.nameLengthMax) return null;
    const found = ledger.lookup(foldName(name));
    const body = found.kind === 'hit' ? found.body : await ledger.product(found.token);
    return body === null ? null : (JSON.parse(body) as { data: { price: number } }).data.price;
  };

  /** What all of it costs, or the first name that is not in the catalogue. */
  const amountOf = async (lines: Line[]): Promise<number | { unknown: string }> => {
    const prices = await Promise.all(lines.map(({ name }) => priceOf(name)));
    const unknown = lines[prices.indexOf(null)];
    if (unknown !== undefined) return { unknown: unknown.name };
    return lines.reduce((sum, { quantity }, at) => sum + quantity * (prices[at] ?? 0), 0);
  };

  const approved = (orderId: string, suggestedBooks: SuggestedBook[], isReplayed: boolean): Response => {
    results.inc({ result: isReplayed ? 'replayed' : 'approved' });
    return answer({ orderId, status: 'Order Approved', suggestedBooks }, isReplayed);
  };

  /** Nothing is recorded, so there is nothing to be found under this id: it only names the answer. */
  const rejected = (reason: string): Response => {
    results.inc({ result: 'rejected' });
    return answer({ orderId: randomName(), status: 'Order Rejected', reason, suggestedBooks: [] }, false);
  };

  const unavailable = (check: CheckName, key: string): Response => {
    results.inc({ result: 'unavailable' });
    const message = `Cannot check out now: the ${check} check does not answer`;
    return problem(503, 'check_unavailable', message, { ...RETRY_AFTER, 'idempotency-key': key });
  };

  const queue = async ({ key, isKeyGiven, details, lines }: Asked, books: Promise<SuggestedBook[]>) => {
    const checkout = checkoutOf(randomName(), lines, details);
    const queued = await ledger.queue({ key, fingerprint: fingerprintOfCheckout(checkout), checkout });
    if (queued.status === 'queued') return approved(queued.id, await books, isKeyGiven && queued.replayed);
    if (queued.status === 'unknown_product') return rejected(unknownProductText(queued.name));
    if (queued.status === 'conflict') {
      throw new Problem(422, 'key_reused', `Cannot use the key ${quote(key)} again: it belongs to another order`);
    }
    throw new Problem(429, 'queue_full', 'Cannot take another checkout: too many wait to be executed', RETRY_AFTER);
  };

  const checkOut = async (asked: Asked): Promise<Response> => {
    const { key, isKeyGiven, details, lines } = asked;
    // What was decided under a key stays decided: the checks have nothing to say about it any more.
    if (isKeyGiven && (await ledger.decided(key))) {
      return queue(asked, suggest({ items: lines.map(({ name }) => name) }));
    }
    const amount = await amountOf(lines);
    if (typeof amount !== 'number') return rejected(unknownProductText(amount.unknown));
    const judgement = await judge({ details, fraud: fraudInputOf(asked, amount) });
    if (judgement.kind === 'refused') return rejected(judgement.reason);
    if (judgement.kind === 'unavailable') return unavailable(judgement.check, key);
    return queue(asked, Promise.resolve(judgement.books));
  };

  /** Items that no order can have: the checks say what is wrong with them. Whatever they say, nothing is queued. */
  const turnDown = async (asked: Asked): Promise<Response> => {
    const judgement = await judge({ details: asked.details, fraud: fraudInputOf(asked, 0) });
    if (judgement.kind === 'unavailable') return unavailable(judgement.check, asked.key);
    return rejected(judgement.kind === 'refused' ? judgement.reason : 'Cannot check out these items');
  };

  const post: Checkout['post'] = async (request) => {
    const given = request.headers.get('idempotency-key');
    const key = given === null ? randomName() : keyOf(given, 'Idempotency-Key');
    const details = await readCheckout(request);
    const lines = linesOf(details.items);
    const asked = { key, isKeyGiven: given !== null, details, lines: lines ?? [] };
    try {
      return await (lines === null ? turnDown(asked) : checkOut(asked));
    } catch (error) {
      if (!(error instanceof Unavailable)) throw error;
      return undecided(error, key);
    }
  };

  const get: Checkout['get'] = async (request) => {
    const { id = '' } = decoded(request.params ?? {});
    const stored = id.length <= limits.keyLengthMax ? await ledger.checkout(id) : null;
    if (stored !== null) return json(200, { data: viewOf(stored) });
    throw new Problem(404, 'unknown_checkout', `Cannot find a checkout ${quote(id)}`);
  };

  return { post, get };
};

/** One checkout. The key is the client's, or made here. */
type Asked = { key: string; isKeyGiven: boolean; details: CheckoutDetails; lines: Line[] };

const fraudInputOf = ({ key, details }: Asked, amount: number): FraudInput => ({
  attempt: key,
  contact: details.user.contact,
  cardNumber: details.creditCard.number,
  country: details.billingAddress.country,
  amount,
});

const unknownProductText = (name: string): string => `Cannot find a product named ${quote(name)}`;

type CheckoutAnswer = {
  orderId: string;
  status: 'Order Approved' | 'Order Rejected';
  reason?: string;
  suggestedBooks: SuggestedBook[];
};

const answer = (data: CheckoutAnswer, isReplayed: boolean): Response =>
  json(200, pageAnswer(data), isReplayed ? REPLAYED : undefined);

const viewOf = (stored: StoredCheckout) => {
  const orderId = stored.id;
  if (stored.state === 'queued') return { orderId, status: 'queued' };
  if (stored.state === 'placed') return { orderId, status: 'placed', order_number: stored.number };
  return { orderId, status: 'refused', reason: stored.reason, message: stored.message };
};

/** Nothing may be assumed of the checkout: the answer carries its key, so that it can be repeated safely. */
const undecided = (error: Unavailable, key: string): Response => {
  const headers = { ...RETRY_AFTER, 'idempotency-key': key };
  if (error.joined) {
    return problem(409, 'in_flight', `Cannot answer yet: the checkout ${quote(key)} is in flight`, headers);
  }
  const message = `Cannot say whether the checkout was queued: ${error.reason}; repeat it with the same Idempotency-Key`;
  return problem(503, error.reason, message, headers);
};
