/**
 * What a scenario acts with. What is expected and what came are put into words by the same function, and these words are
 * both compared and printed: nothing is checked that is not shown.
 */
import { monotonicMs, sleep } from '@till/shared/clock';
import {
  requestWebhook,
  shopifyId,
  shopifyOrder,
  shopifySignature,
  type Topic,
} from '../../test/fakes/shopify-sender.ts';
import { until } from '../../test/system/until.ts';
import { SECRETS, type World } from './scenarios-world.ts';

export type Line = { sku: string; quantity: number };

/** An order as the shop has it. */
export type ShopOrder = { id: string; lines: Line[] };

/** An answer, as far as it is promised. */
export type Answer = { status: number; data?: object; reason?: string; isReplay?: boolean };

/** How a webhook is signed. `altered`: with the newer secret, but for another body. */
export type Signing = 'newer' | 'older' | 'foreign' | 'altered' | 'none';

export type Scenario = { name: string; title: string; play(stage: Stage): Promise<void> };

export type Stage = ReturnType<typeof createStage>;

const SHOWN_LENGTH_MAX = 400;

export const createStage = ({ world, say }: { world: World; say(text: string): void }) => {
  const { till, shopify, warehouse } = world;
  let counts = { passed: 0, failed: 0 };
  let idsGiven = 0;
  let ordersMade = 0;
  let firstOrder: ShopOrder | null = null;

  // Words.

  const show = (what: string, text: string): void => say(`    ${what.padEnd(9)} ${text}`);
  const tell = (text: string): void => say(`  ${text}`);

  const check = (what: string, { expected, came, note = '' }: { expected: string; came: string; note?: string }) => {
    const isSame = expected === came;
    counts = { passed: counts.passed + (isSame ? 1 : 0), failed: counts.failed + (isSame ? 0 : 1) };
    show(what, `expected  ${shortened(expected)}`);
    show('', `came      ${shortened(came)}  ${isSame ? 'ok' : 'FAILED'}${note}`);
  };

  // Requests.

  const exchange = async (
    { what, body, send }: { what: string; body: string | null; send(): Promise<Response> },
    expected: Answer,
  ): Promise<Came> => {
    show('sends', what);
    if (body !== null) show('', shortened(body));
    const startMs = monotonicMs();
    const came = await cameOf(await send());
    const tookMs = Math.round(monotonicMs() - startMs);
    if (came.status === 200 && !came.isReplay && came.data?.order_number === ordersMade) ordersMade += 1;
    const note = came.message === undefined ? `, ${tookMs} ms` : `, ${tookMs} ms: ${came.message}`;
    check('answer', { expected: answerText(expected), came: answerText(came), note });
    return came;
  };

  const get = (path: string, expected: Answer): Promise<Came> =>
    exchange({ what: `GET ${path}`, body: null, send: () => fetch(`${till.url}${path}`) }, expected);

  const post = (path: string, body: object, expected: Answer): Promise<Came> => {
    const text = JSON.stringify(body);
    const headers = { 'content-type': 'application/json' };
    const send = () => fetch(`${till.url}${path}`, { method: 'POST', headers, body: text });
    return exchange({ what: `POST ${path}`, body: text, send }, expected);
  };

  /** A webhook of the shop's. `body`: that of the other one, which comes to the wrong address. */
  const webhook = (
    topic: Topic,
    given: { order: ShopOrder; expected: Answer; signing?: Signing; body?: Topic },
  ): Promise<Came> => {
    const { order, expected, signing = 'newer', body = topic } = given;
    const text = shopifyOrder(order.id, order.lines, body);
    const what = `POST /webhooks/shopify/orders/${topic}, ${signingWords[signing]}`;
    const send = () => requestWebhook(till.url, { topic, text, signature: signatureOf(signing, text) });
    return exchange({ what, body: text, send }, expected);
  };

  /** `orders/create`, for an order that is made: it gets the next number, which is returned. */
  const places = async (order: ShopOrder, signing: Signing = 'newer'): Promise<number> => {
    const number = ordersMade;
    firstOrder ??= order;
    await webhook('create', { order, signing, expected: { status: 200, data: { order_number: number } } });
    return number;
  };

  // What follows from them.

  const stock = async (): Promise<Map<string, number>> => {
    const { body } = await till.shop.get('/products');
    const products = body.data as unknown as { name: string; quantity: number }[];
    return new Map(products.map(({ name, quantity }) => [name, quantity]));
  };

  /** Waits until the shop has been told everything. */
  const settled = (): Promise<unknown> =>
    until('the outbox has told everything', async () => {
      const { status, body } = await till.shop.get('/outbox');
      const { sinks = [] } = (status === 200 ? body.data : {}) as { sinks?: { lag: number }[] };
      return sinks.length > 0 && sinks.every(({ lag }) => lag === 0);
    });

  /** What `play` does to the stock, and what the shop is told of it: by how much each of these products changes. */
  const effect = async (changes: Record<string, number>, play: () => Promise<unknown>): Promise<void> => {
    const names = Object.keys(changes);
    const before = await stock();
    const callsBefore = shopify.calls().length;
    await play();
    await settled();
    const after = await stock();
    const due = new Map(names.map((name) => [name, (before.get(name) ?? 0) + (changes[name] ?? 0)]));
    const moves = (to: Map<string, number>) =>
      names.map((name) => moveText(name, before.get(name), to.get(name))).join(', ');
    check('stock', { expected: moves(due), came: moves(after) });

    const changed = names.filter((name) => changes[name] !== 0);
    const told = shopify.calls().slice(callsBefore);
    check('Shopify', {
      expected: toldText(changed.length === 0 ? [] : [changed.map((name) => `${name} = ${due.get(name)}`)]),
      came: toldText(told.map(callTexts)),
    });
  };

  /** Which questions the warehouse gets while `play` goes on. */
  const questions = async (expected: string[], play: () => Promise<unknown>): Promise<void> => {
    const before = warehouse.calls().length;
    await play();
    const asked = warehouse.calls().slice(before);
    check('warehouse', { expected: questionsText(expected), came: questionsText(asked) });
  };

  /** The levels in the shop are the stock here. */
  const levels = async (): Promise<void> => {
    await settled();
    const own = await stock();
    const words = (quantities: Map<string, number>) =>
      [...own.keys()].map((name) => `${name} ${quantities.get(name)}`).join(', ');
    check('levels', { expected: words(own), came: words(shopify.levels()) });
  };

  return {
    till,
    shopify,
    warehouse,
    tell,
    check,
    get,
    post,
    webhook,
    places,
    effect,
    questions,
    levels,
    settled,
    /** Waits, and says why. */
    async wait(ms: number, why: string) {
      show('waits', `${Math.ceil(ms / 1000)} s: ${why}`);
      await sleep(ms);
    },
    newOrder(...lines: Line[]): ShopOrder {
      idsGiven += 1;
      return { id: shopifyId(idsGiven), lines };
    },
    /** How many checks there were since this was asked last. */
    takeCounts() {
      const taken = counts;
      counts = { passed: 0, failed: 0 };
      return taken;
    },
    /** Of the whole run; null if none was made. */
    firstOrder: (): ShopOrder | null => firstOrder,
  };
};

export type Came = {
  status: number;
  isReplay: boolean;
  data?: Record<string, unknown>;
  reason?: string;
  message?: string;
  /** When to come again. */
  retryAfterMs: number;
};

const cameOf = async (response: Response): Promise<Came> => {
  const { data, error } = (await response.json()) as {
    data?: Record<string, unknown>;
    error?: { reason: string; message: string };
  };
  return {
    status: response.status,
    isReplay: response.headers.get('idempotent-replayed') === 'true',
    retryAfterMs: Number(response.headers.get('retry-after') ?? 0) * 1000,
    ...(error === undefined ? { data: data ?? {} } : { reason: error.reason, message: error.message }),
  };
};

const signingWords: Record<Signing, string> = {
  newer: 'signed',
  older: 'signed with the older secret',
  foreign: 'signed with a secret that is not ours',
  altered: 'its body changed after it was signed',
  none: 'not signed',
};

const signatureOf = (signing: Signing, text: string): string | null => {
  if (signing === 'none') return null;
  if (signing === 'altered') return shopifySignature(SECRETS.newer, text.replace('"quantity":', '"quantity":9'));
  return shopifySignature(signing === 'foreign' ? 'a-guess' : SECRETS[signing], text);
};

const answerText = ({ status, data, reason, isReplay }: Answer): string =>
  `${status} ${reason ?? JSON.stringify(data)}${isReplay === true ? ', Idempotent-Replayed: true' : ''}`;

const moveText = (name: string, before: number | undefined, after: number | undefined): string =>
  before === after ? `${name} stays ${before}` : `${name} ${before} -> ${after}`;

const callTexts = ({ changes, isRepeat }: { changes: Line[]; isRepeat: boolean }): string[] => [
  ...changes.map(({ sku, quantity }) => `${sku} = ${quantity}`),
  ...(isRepeat ? ['which is a repeat'] : []),
];

const toldText = (calls: string[][]): string =>
  calls.length === 0 ? 'is told nothing' : `is told ${calls.map((texts) => texts.join(', ')).join('; then ')}`;

const questionsText = (names: string[]): string => {
  const times = new Map<string, number>();
  for (const name of names) times.set(name, (times.get(name) ?? 0) + 1);
  const texts = [...times].sort().map(([name, count]) => (count === 1 ? name : `${name} ${count} times`));
  return texts.length === 0 ? 'is asked nothing' : `is asked for ${texts.join(', ')}`;
};

const shortened = (text: string): string =>
  text.length <= SHOWN_LENGTH_MAX ? text : `${text.slice(0, SHOWN_LENGTH_MAX)}... (${text.length} characters)`;
