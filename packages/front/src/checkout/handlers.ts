/**
 * The routes of checkouts. An approved checkout is answered when it is durable in the queue; when it is executed, and what
 * becomes of it then, `GET /checkout/ID` tells. Of the card only the last four digits go further than the checks.
 */
import type { CheckoutDetails, FraudInput, SuggestedBook } from '@till/checks/contract';
import type { CheckName } from '@till/checks/names';
import type { HistoryReader } from '@till/checks/suggestions';
import { monotonicMs } from '@till/shared/clock';
import { Problem } from '@till/shared/errors';
import { fingerprintOfCheckout } from '@till/shared/fingerprint';
import { decoded } from '@till/shared/handler';
import { limits } from '@till/shared/limits';
import type { Logger } from '@till/shared/logger';
import type { Metrics } from '@till/shared/metrics';
import type { Line, PlacedCheckout, StoredCheckout } from '@till/shared/movement';
import { foldName } from '@till/shared/names';
import { OutsideError } from '@till/shared/outside';
import { randomName } from '@till/shared/random';
import { json } from '@till/shared/reply';
import { keyReused, undecided } from '../handlers/decisions.ts';
import { REPLAYED, RETRY_AFTER } from '../handlers/replies.ts';
import type { Ledger, Queued } from '../ledger.ts';
import type { Placement } from '../placement.ts';
import { quote } from '../quote.ts';
import { inTime } from '../unavailable.ts';
import { createChecks } from './checks.ts';
import { pageAnswer } from './dialect.ts';
import { type Checks, createOrchestrator, type Judgement } from './orchestrator.ts';
import { checkoutOf, linesOf, readCheckout } from './request.ts';

export type CheckoutLedger = Pick<Ledger, 'queue' | 'knownCheckout' | 'checkout' | 'lookup' | 'product'>;

export type CheckoutDeps = {
  ledger: CheckoutLedger;
  /** Asked about what the checks approve. */
  placement: Pick<Placement, 'obstacle'>;
  /** How long a checkout may wait here altogether, beside its checks. */
  requestWaitMs: number;
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
  /** Throws `Problem`. */
  post(request: Request): Promise<Response>;
  /** The request's `params.id` names the checkout. Throws `Problem`, and what the ledger throws. */
  get(request: Request & { params?: Record<string, string | undefined> }): Promise<Response>;
  close(): Promise<void>;
};

export const createCheckout = (deps: CheckoutDeps): Checkout => {
  const { checks, close } = createChecks({ ...deps, waitMs: deps.checkWaitMs });
  return { ...createCheckoutHandlers({ ...deps, checks }), close };
};

type HandlersDeps = Omit<CheckoutDeps, 'urls' | 'history'> & { checks: Checks };

export const createCheckoutHandlers = (deps: HandlersDeps): Pick<Checkout, 'post' | 'get'> => {
  const { ledger, placement, logger } = deps;
  const { judge, suggest } = createOrchestrator({
    checks: deps.checks,
    waitMs: deps.checkWaitMs,
    onFailed: (check, error) => {
      if (!isToldElsewhere(error)) logger.warn({ check, error }, 'a check of a checkout could not judge');
    },
  });
  const results = deps.metrics.counter({
    name: 'till_checkouts_total',
    help: 'Checkouts by result: approved, replayed, rejected, or unavailable because nobody could judge',
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

  const unavailable = ({ check, isFull }: { check: CheckName; isFull: boolean }): Problem => {
    if (isFull)
      return new Problem(429, 'queue_full', `Cannot check out: the ${check} check has too much to do`, RETRY_AFTER);
    const message = `Cannot check out now: the ${check} check does not answer`;
    return new Problem(503, 'check_unavailable', message, RETRY_AFTER);
  };

  const queuedAnswer = async (queued: Queued, { placed, isKeyGiven }: Asked, books: () => Promise<SuggestedBook[]>) => {
    if (queued.status === 'queued') return approved(queued.id, await books(), isKeyGiven && queued.replayed);
    if (queued.status === 'unknown_product') return rejected(unknownProductText(queued.name));
    if (queued.status === 'conflict') throw keyReused(placed.key);
    throw new Problem(429, 'queue_full', 'Cannot take another checkout: too many wait to be executed', RETRY_AFTER);
  };

  /** The checks have a time of their own: what they take is not taken from the rest. */
  const judgeAsked = async (asked: Asked, time: Time, amount: number): Promise<Judgement> => {
    const startMs = monotonicMs();
    const judgement = await judge({ details: asked.details, fraud: fraudInputOf(asked, amount) });
    time.endMs += monotonicMs() - startMs;
    return judgement;
  };

  const checkOut = async (asked: Asked, time: Time): Promise<Response> => {
    const { placed, isKeyGiven } = asked;
    const { lines } = placed.checkout;
    const names = lines.map(({ name }) => name);
    // What was decided under a key stays decided: the checks have nothing to say about it any more.
    const known = isKeyGiven ? await ledger.knownCheckout(placed, time.leftMs()) : null;
    if (known !== null) return queuedAnswer(known, asked, () => suggest({ items: names }));
    const amount = await inTime(amountOf(lines), time.leftMs(), 'catalog_silent');
    if (typeof amount !== 'number') return rejected(unknownProductText(amount.unknown));
    const judgement = await judgeAsked(asked, time, amount);
    if (judgement.kind === 'refused') return rejected(judgement.reason);
    if (judgement.kind === 'unavailable') throw unavailable(judgement);
    const obstacle = await placement.obstacle(lines, time.leftMs());
    if (obstacle !== null) return rejected('short' in obstacle ? obstacle.short : unknownProductText(obstacle.unknown));
    return queuedAnswer(await ledger.queue(placed, time.leftMs()), asked, async () => judgement.books);
  };

  /** Items that no order can have: the checks say what is wrong with them. Whatever they say, nothing is queued. */
  const turnDown = async (asked: Asked, time: Time): Promise<Response> => {
    const judgement = await judgeAsked(asked, time, 0);
    if (judgement.kind === 'unavailable') throw unavailable(judgement);
    return rejected(judgement.kind === 'refused' ? judgement.reason : 'Cannot check out these items');
  };

  const post: Checkout['post'] = async (request) => {
    const { details, key: given } = await readCheckout(request);
    const time = timeOf(deps.requestWaitMs);
    const lines = linesOf(details.items);
    const key = given ?? randomName();
    const checkout = checkoutOf(randomName(), lines ?? [], details);
    const placed = { key, fingerprint: fingerprintOfCheckout(checkout), checkout };
    const asked = { placed, isKeyGiven: given !== null, details };
    try {
      return await (lines === null ? turnDown(asked, time) : checkOut(asked, time));
    } catch (error) {
      if (error instanceof Problem && error.status === 503) results.inc({ result: 'unavailable' });
      throw undecided(error, { what: 'checkout', name: key, repeatedWith: 'the same Idempotency-Key', key });
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

/** What was asked for. The key is the client's, or made here. */
type Asked = { placed: PlacedCheckout; isKeyGiven: boolean; details: CheckoutDetails };

/** How long this may still take. */
type Time = { endMs: number; leftMs(): number };
const timeOf = (waitMs: number): Time => {
  const time: Time = { endMs: monotonicMs() + waitMs, leftMs: () => time.endMs - monotonicMs() };
  return time;
};

const fraudInputOf = ({ placed, details }: Asked, amount: number): FraudInput => ({
  attempt: placed.key,
  contact: details.user.contact,
  cardNumber: details.creditCard.number,
  country: details.billingAddress.country,
  amount,
});

/** That a service is down, or that the journal cannot be read, is told once, when that begins; that too much is asked is only counted. */
const isToldElsewhere = (error: unknown): boolean =>
  (error instanceof OutsideError && (error.kind === 'open' || error.kind === 'full')) ||
  (error instanceof Problem && error.reason === 'catalog_away');

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
