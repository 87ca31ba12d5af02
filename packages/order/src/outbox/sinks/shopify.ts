/**
 * A Shopify shop: it is told the quantity of every product that changed, through its GraphQL Admin API.
 *
 * Quantities are absolute, so a delivery that comes twice in a row does no harm. One that comes late does, and is kept out by
 * the key: Shopify carries out a mutation once per key, and the outbox sends an event on only when the one before it is
 * known to have been carried out under its key, or was given up. docs/decisions/017-the-outbox-is-the-log.md has the rest.
 */
import type { Logger } from '@till/shared/logger';
import { foldName } from '@till/shared/names';
import { createOutside, type OutsideAnswer } from '@till/shared/outside';
import { lru } from 'tiny-lru';
import type { Result } from '../core/types.ts';
import type { EventMovement } from '../events.ts';
import { outboxLimits } from '../limits.ts';
import { type Calls, type Delivery, defaultCalls, type Sink, unavailable } from './sink.ts';

export type ShopifyDeps = {
  /** The GraphQL endpoint. */
  url: string;
  token: string;
  /** The sequence of the last movement that changed a product; null if there is no such product. */
  versionOf(name: string): Promise<number | null>;
  /** Milliseconds of a clock that only goes forward. */
  now(): number;
  /** A product was left out: the shop does not know it. */
  onSkipped(): void;
  logger: Logger;
  calls?: Calls;
};

/** Understood by 2026-01 and later: the comparison is opted out of by a null, and the key is a directive. */
const SET_QUANTITIES = `mutation TillSetQuantities($input: InventorySetQuantitiesInput!, $key: String!) {
  inventorySetQuantities(input: $input) @idempotent(key: $key) {
    userErrors { code message }
  }
}`;
const FIND_ITEMS = `query TillFindItems($query: String!, $first: Int!) {
  inventoryItems(first: $first, query: $query) { nodes { id sku } }
}`;
/** Without an id it is the shop's primary one. */
const FIND_LOCATION = 'query TillFindLocation { location { id } }';

type Quantity = { inventoryItemId: string; locationId: string; quantity: number; changeFromQuantity: null };
type Item = { id: string | null; notBefore: number };

/** Ends a delivery with what it has come to. */
class Ended extends Error {
  override name = 'Ended';
  readonly result: Result;

  constructor(result: Result) {
    super(result.kind);
    this.result = result;
  }
}

const NAME = 'shopify';

/** One of those that Shopify knows; it is shown in the shop's history. */
const CHANGE_REASON = 'correction';

export const createShopifySink = (deps: ShopifyDeps): Sink => {
  const { url, token, versionOf, now, onSkipped, logger, calls = defaultCalls } = deps;
  const outside = createOutside({ name: NAME, url, ...calls, retries: 0 });
  const items = lru<Item>(outboxLimits.itemsKnownMax);
  /** By key: an attempt says exactly what the one before it said, or the key would not stand for it. */
  const mutations = lru<Quantity[]>(outboxLimits.mutationsKeptMax);
  let location: string | null = null;

  const ask = async (query: string, variables: object, signal: AbortSignal): Promise<Data> => {
    try {
      const answer = await outside.call({
        method: 'POST',
        headers: { 'x-shopify-access-token': token },
        body: JSON.stringify({ query, variables }),
        signal,
        isUsable: (given) => given.status > 299 || bodyOf(given) !== null,
      });
      return dataOf(answer);
    } catch (error) {
      signal.throwIfAborted();
      throw error instanceof Ended ? error : new Ended(unavailable(error));
    }
  };

  const locate = async (signal: AbortSignal): Promise<string> => {
    if (location !== null) return location;
    const found = (await ask(FIND_LOCATION, {}, signal)).location?.id;
    if (typeof found !== 'string') throw new Ended({ kind: 'unavailable', error: 'The shop has no primary location' });
    location = found;
    return found;
  };

  /** Looks for the items of these products, as far as they are not known. */
  const findItems = async (names: string[], signal: AbortSignal): Promise<void> => {
    const unknown = names.filter((name) => (items.get(name)?.notBefore ?? 0) <= now() && !isKnown(name));
    for (let at = 0; at < unknown.length; at += outboxLimits.itemsAskedMax) {
      const some = unknown.slice(at, at + outboxLimits.itemsAskedMax);
      const query = some.map((name) => `sku:${quoted(name)}`).join(' OR ');
      const { inventoryItems } = await ask(FIND_ITEMS, { query, first: outboxLimits.itemsAnsweredMax }, signal);
      const nodes = (Array.isArray(inventoryItems?.nodes) ? inventoryItems.nodes : []).filter(isItem);
      for (const name of some) keepItem(name, idOf(nodes, name));
    }
  };
  const isKnown = (name: string): boolean => typeof items.get(name)?.id === 'string';

  const keepItem = (name: string, id: string | null): void => {
    if (id === null && !items.has(name)) logger.warn({ sku: name }, 'the shop has no item with this sku: not told');
    items.set(name, { id, notBefore: id === null ? now() + outboxLimits.unknownItemMs : 0 });
  };

  /** What an old event may still say: only of products that nothing has changed since. */
  const isLatest = async (name: string, sequence: number, signal: AbortSignal): Promise<boolean> => {
    try {
      return (await versionOf(name)) === sequence;
    } catch {
      // Whatever it is: the shop was not asked, and will be when the catalog answers.
      signal.throwIfAborted();
      throw new Ended({ kind: 'unavailable', error: 'The catalog does not answer', isUncounted: true });
    }
  };

  const quantitiesOf = async ({ movement, isReplay, signal }: Delivery): Promise<Quantity[]> => {
    const latest = await Promise.all(
      movement.stock.map(({ name }) => !isReplay || isLatest(name, movement.sequence, signal)),
    );
    const changes = movement.stock.filter((_, at) => latest[at]);
    if (changes.length === 0) return [];
    await findItems(
      changes.map(({ name }) => name),
      signal,
    );
    const told = changes.flatMap(({ name, after }) => {
      const id = items.get(name)?.id;
      return typeof id === 'string' ? [{ inventoryItemId: id, quantity: after }] : [];
    });
    for (let skipped = told.length; skipped < changes.length; skipped += 1) onSkipped();
    if (told.length === 0) return [];
    const locationId = await locate(signal);
    return told.map((one) => ({ ...one, locationId, changeFromQuantity: null }));
  };

  const deliver = async (delivery: Delivery): Promise<Result> => {
    const { movement, storeId, signal } = delivery;
    const startedAt = now();
    const key = `till-${storeId}-${delivery.key}`;
    const quantities = mutations.get(key) ?? (await quantitiesOf(delivery));
    if (quantities.length === 0) return { kind: 'delivered' };
    // A process that was paused meanwhile does not know yet that another one leads, and may have told the shop more since.
    if (now() - startedAt > outboxLimits.callWaitMs) {
      return { kind: 'unavailable', error: 'Not sent: finding out what to say took too long', isUncounted: true };
    }
    mutations.set(key, quantities);
    const input = {
      name: 'available',
      reason: CHANGE_REASON,
      referenceDocumentUri: `gid://till/Movement/${storeId}-${movement.sequence}`,
      quantities,
    };
    const { inventorySetQuantities } = await ask(SET_QUANTITIES, { input, key }, signal);
    const [error] = (inventorySetQuantities?.userErrors ?? []) as { code?: unknown; message?: unknown }[];
    if (error === undefined) {
      mutations.delete(key);
      return { kind: 'delivered' };
    }
    if (isAboutIds(error.code)) forget(key, movement);
    return { kind: 'refused', error: `${String(error.code)}: ${String(error.message)}` };
  };

  /** What was known of the shop is not so any more: the next attempt finds out anew. */
  const forget = (key: string, { stock }: EventMovement): void => {
    mutations.delete(key);
    location = null;
    for (const { name } of stock) items.delete(name);
  };

  return {
    name: NAME,
    async deliver(delivery) {
      try {
        return await deliver(delivery);
      } catch (error) {
        if (error instanceof Ended) return error.result;
        throw error;
      }
    },
    close: () => outside.close(),
  };
};

// Reading answers. Nothing of them is believed to have the right form.

type Data = {
  location?: { id?: unknown } | null;
  inventoryItems?: { nodes?: unknown } | null;
  inventorySetQuantities?: { userErrors?: unknown } | null;
};
type Body = { data?: Data | null; errors?: unknown; extensions?: { cost?: Cost } };
type Cost = {
  requestedQueryCost?: number;
  throttleStatus?: { currentlyAvailable?: number; restoreRate?: number };
};

const bodyOf = ({ text }: OutsideAnswer): Body | null => {
  try {
    const body: unknown = JSON.parse(text);
    return typeof body === 'object' && body !== null ? body : null;
  } catch {
    return null;
  }
};

/** The request itself is wrong. Any other status says something about the shop: suspended, moved, a token that is no more. */
const REQUEST_IS_WRONG = new Set([400, 413, 414, 422]);

/** Errors of a whole request that are not its own fault. */
const SHOP_IS_AWAY = new Set(['THROTTLED', 'INTERNAL_SERVER_ERROR', 'TIMEOUT', 'ACCESS_DENIED', 'SHOP_INACTIVE']);

/** What was asked for, if all of it was answered. */
const dataOf = (answer: OutsideAnswer): Data => {
  const { status } = answer;
  if (status > 299) {
    const kind = REQUEST_IS_WRONG.has(status) ? 'refused' : 'unavailable';
    throw new Ended({ kind, error: `${NAME} answered ${status}` });
  }
  const body = bodyOf(answer);
  const [error] = (Array.isArray(body?.errors) ? body.errors : []) as ({
    message?: unknown;
    extensions?: { code?: unknown };
  } | null)[];
  if (error === undefined && body?.data) return body.data;
  const code = error?.extensions?.code ?? 'no data';
  const text = `${String(code)}: ${String(error?.message ?? 'the answer has none')}`;
  if (error !== undefined && !SHOP_IS_AWAY.has(String(code))) throw new Ended({ kind: 'refused', error: text });
  const retryAfterMs = restoredAfterMs(body?.extensions?.cost);
  throw new Ended({ kind: 'unavailable', error: text, ...(retryAfterMs === null ? {} : { retryAfterMs }) });
};

/** A request costs points, of which so many come back each second. */
const restoredAfterMs = (cost: Cost | undefined): number | null => {
  const { currentlyAvailable, restoreRate } = cost?.throttleStatus ?? {};
  const missing = (cost?.requestedQueryCost ?? Number.NaN) - (currentlyAvailable ?? Number.NaN);
  const ms = (missing / (restoreRate ?? Number.NaN)) * 1000;
  return ms > 0 && ms < Number.POSITIVE_INFINITY ? Math.ceil(ms) : null;
};

const isItem = (node: unknown): node is { id: string; sku: string } => {
  const { id, sku } = (node ?? {}) as { id?: unknown; sku?: unknown };
  return typeof id === 'string' && typeof sku === 'string';
};

/** The search finds what is like it, too. */
const idOf = (nodes: { id: string; sku: string }[], name: string): string | null =>
  (nodes.find(({ sku }) => sku === name) ?? nodes.find(({ sku }) => foldName(sku) === foldName(name)))?.id ?? null;

const isAboutIds = (code: unknown): boolean =>
  code === 'INVALID_INVENTORY_ITEM' || code === 'INVALID_LOCATION' || code === 'ITEM_NOT_STOCKED_AT_LOCATION';

/** A text in Shopify's search syntax. */
const quoted = (text: string): string => `"${text.replaceAll(/["\\]/g, (found) => `\\${found}`)}"`;
