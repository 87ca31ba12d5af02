/**
 * The part of a Shopify shop that Till talks to: inventory levels behind the GraphQL Admin API. It knows the operations
 * that Till sends by their names, is strict about everything that they say, carries out a mutation once per key, and goes wrong
 * when it is told to.
 */
import { createServer, type IncomingMessage } from 'node:http';
import { type Answer, answerWith, createFaults, type Fault, type Faults, listen, readBody } from './faults.ts';

/** One mutation as it came, in order. `isRepeat`: its key was known, and it did nothing. */
export type ShopifyCall = { key: string; changes: { sku: string; quantity: number }[]; isRepeat: boolean };

export type FakeShopify = {
  /** Of the GraphQL endpoint. */
  url: string;
  /** For every request; its kind can be looked at with `onlyMutations`. */
  faults: Faults;
  /** Faults hit mutations only, lookups go well. */
  onlyMutations(yes: boolean): void;
  /** The next mutations are answered with this user error, and do nothing. */
  refuse(count: number, error: { code: string; message: string }): void;
  /** Every mutation with this product is answered with this user error, and does nothing; null: no more. */
  refuseProduct(sku: string, error: { code: string; message: string } | null): void;
  /** The next requests are answered with an error of the whole request, in a body with status 200. */
  fail(count: number, error: { code: string; cost?: object }): void;
  /** Available quantities by sku. */
  levels(): Map<string, number>;
  calls(): ShopifyCall[];
  /** Requests by the name of the operation. */
  requests(): Map<string, number>;
  /** What was wrong with requests that a real shop would have turned down. */
  complaints(): string[];
  addProduct(sku: string, quantity: number): void;
  /** The product gets another id, as if it had been deleted and made again. */
  renewProduct(sku: string): void;
  /** Keys are forgotten, as a shop does after a while. */
  forgetKeys(): void;
  close(): Promise<void>;
};

const LOCATION = 'gid://shopify/Location/1';
const MUTATION =
  /^mutation TillSetQuantities\(\$input: InventorySetQuantitiesInput!, \$key: String!\) \{\s+inventorySetQuantities\(input: \$input\) @idempotent\(key: \$key\) \{\s+userErrors \{ code message \}\s+\}\s+\}$/;
const ITEMS =
  /^query TillFindItems\(\$query: String!, \$first: Int!\) \{\s+inventoryItems\(first: \$first, query: \$query\) \{ nodes \{ id sku \} \}\s+\}$/;
const WHERE = /^query TillFindLocation \{ location \{ id \} \}$/;

type Input = {
  name: string;
  reason: string;
  referenceDocumentUri: string;
  quantities: { inventoryItemId: string; locationId: string; quantity: number; changeFromQuantity: null }[];
};
type UserError = { code: string; message: string };

export const startFakeShopify = async ({
  port = 0,
  token,
  products,
}: {
  port?: number;
  token: string;
  products: { sku: string; quantity: number }[];
}): Promise<FakeShopify> => {
  const faults = createFaults();
  let isOnlyMutations = false;
  const refusals: UserError[] = [];
  const refusedProducts = new Map<string, UserError>();
  const failures: { code: string; cost?: object }[] = [];
  const items = new Map<string, { sku: string; quantity: number }>();
  const keys = new Map<string, { text: string; errors: UserError[] }>();
  const calls: ShopifyCall[] = [];
  const requests = new Map<string, number>();
  const complaints: string[] = [];
  let lastId = 0;

  const add = (sku: string, quantity: number): void => {
    lastId += 1;
    items.set(`gid://shopify/InventoryItem/${lastId}`, { sku, quantity });
  };
  for (const { sku, quantity } of products) add(sku, quantity);

  const userErrorOf = ({ name, reason, quantities }: Input): UserError | null => {
    if (name !== 'available') return { code: 'INVALID_NAME', message: 'The quantity name is wrong' };
    if (reason !== 'correction') return { code: 'INVALID_REASON', message: 'The reason is wrong' };
    for (const { inventoryItemId, locationId, quantity } of quantities) {
      const item = items.get(inventoryItemId);
      if (item === undefined) return { code: 'INVALID_INVENTORY_ITEM', message: 'There is no such item' };
      const refusal = refusedProducts.get(item.sku);
      if (refusal !== undefined) return refusal;
      if (locationId !== LOCATION) return { code: 'INVALID_LOCATION', message: 'There is no such location' };
      if (quantity > 1_000_000_000) return { code: 'INVALID_QUANTITY_TOO_HIGH', message: 'Too many' };
    }
    return null;
  };

  /** All or nothing, and once per key: a repeat gets the answer of the first one, another content none. */
  const setQuantities = (key: string, input: Input): UserError[] => {
    const changes = input.quantities.map(({ inventoryItemId, quantity }) => ({
      sku: items.get(inventoryItemId)?.sku ?? inventoryItemId,
      quantity,
    }));
    const text = JSON.stringify(input);
    const known = keys.get(key);
    calls.push({ key, changes, isRepeat: known !== undefined });
    if (known !== undefined) {
      const mismatch = { code: 'IDEMPOTENCY_KEY_PARAMETER_MISMATCH', message: 'The key belongs to something else' };
      return known.text === text ? known.errors : [mismatch];
    }
    const error = refusals.shift() ?? userErrorOf(input);
    if (error !== null) return [error];
    keys.set(key, { text, errors: [] });
    for (const { inventoryItemId, quantity } of input.quantities) {
      const item = items.get(inventoryItemId);
      if (item !== undefined) item.quantity = quantity;
    }
    return [];
  };

  const data = (value: object): Answer => ({
    status: 200,
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ data: value }),
  });
  const failed = ({ code, cost }: { code: string; cost?: object }): Answer => ({
    status: 200,
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      errors: [{ message: 'It did not work out', extensions: { code } }],
      ...(cost === undefined ? {} : { extensions: { cost } }),
    }),
  });
  const complain = (what: string): Answer => {
    complaints.push(what);
    return failed({ code: 'argumentLiteralsIncompatible' });
  };

  const carryOut = (query: string, variables: Record<string, unknown>): Answer => {
    if (WHERE.test(query)) {
      return sameKeys(variables, []) ? data({ location: { id: LOCATION } }) : complain('variables of a location');
    }
    if (ITEMS.test(query)) {
      const { query: search, first } = variables as { query: unknown; first: unknown };
      const skus = typeof search === 'string' ? skusIn(search) : null;
      if (skus === null || !sameKeys(variables, ['query', 'first']) || !isCount(first, 250))
        return complain('a search');
      // The search is not case-sensitive, and finds what begins alike.
      const found = [...items].filter(([, { sku }]) => skus.some((one) => begins(sku, one)));
      return data({ inventoryItems: { nodes: found.slice(0, first).map(([id, { sku }]) => ({ id, sku })) } });
    }
    if (MUTATION.test(query)) {
      const { input, key } = variables as { input: unknown; key: unknown };
      const complaint = complaintOf(input, key);
      if (complaint !== null || !sameKeys(variables, ['input', 'key'])) return complain(complaint ?? 'variables');
      const userErrors = setQuantities(key as string, input as Input);
      return data({ inventorySetQuantities: { userErrors } });
    }
    return complain('an operation that is not known');
  };

  const server = createServer(async (request: IncomingMessage, response) => {
    const text = (await readBody(request)).toString('utf8');
    const { query, variables } = JSON.parse(text) as { query: string; variables: Record<string, unknown> };
    const operation = /^\w+ (\w+)/.exec(query)?.[1] ?? 'unknown';
    requests.set(operation, (requests.get(operation) ?? 0) + 1);
    const fault: Fault | null = isOnlyMutations && operation !== 'TillSetQuantities' ? null : faults.take();
    await answerWith(fault, request, response, () => {
      if (request.headers['x-shopify-access-token'] !== token) return { status: 401, body: '{}' };
      if (request.method !== 'POST' || !String(request.headers['content-type']).startsWith('application/json')) {
        complaints.push('not a POST of JSON');
        return { status: 400, body: '{}' };
      }
      const failure = failures.shift();
      return failure === undefined ? carryOut(query, variables) : failed(failure);
    });
  });
  const { url, close } = await listen(server, port);

  return {
    url: `${url}/admin/api/2026-01/graphql.json`,
    faults,
    onlyMutations(yes) {
      isOnlyMutations = yes;
    },
    refuse(count, error) {
      refusals.push(...Array.from({ length: count }, () => error));
    },
    refuseProduct(sku, error) {
      if (error === null) refusedProducts.delete(sku);
      else refusedProducts.set(sku, error);
    },
    fail(count, error) {
      failures.push(...Array.from({ length: count }, () => error));
    },
    levels: () => new Map([...items.values()].map(({ sku, quantity }) => [sku, quantity])),
    calls: () => calls,
    requests: () => requests,
    complaints: () => complaints,
    addProduct: add,
    renewProduct(sku) {
      for (const [id, item] of items) {
        if (item.sku !== sku) continue;
        items.delete(id);
        add(sku, item.quantity);
        return;
      }
    },
    forgetKeys: () => keys.clear(),
    close,
  };
};

/** What a real shop would not take, or Till has promised not to send; null if nothing. */
const complaintOf = (given: unknown, key: unknown): string | null => {
  if (typeof key !== 'string' || !/^till-[\x21-\x7e]+-\d+(\.\d+)?$/.test(key) || key.length > 255) return `key ${key}`;
  const input = given as Input;
  if (!sameKeys(input, ['name', 'reason', 'referenceDocumentUri', 'quantities'])) return 'fields of the input';
  if (!/^gid:\/\/till\/Movement\/[\w-]+-\d+$/.test(input.referenceDocumentUri))
    return `uri ${input.referenceDocumentUri}`;
  if (!Array.isArray(input.quantities) || input.quantities.length === 0) return 'no quantities';
  for (const one of input.quantities) {
    if (!sameKeys(one, ['inventoryItemId', 'locationId', 'quantity', 'changeFromQuantity']))
      return 'fields of a quantity';
    if (one.changeFromQuantity !== null) return 'a comparison';
    if (!isCount(one.quantity, Number.MAX_SAFE_INTEGER)) return `quantity ${one.quantity}`;
  }
  const ids = new Set(input.quantities.map(({ inventoryItemId }) => inventoryItemId));
  return ids.size === input.quantities.length ? null : 'an item twice';
};

const sameKeys = (value: unknown, names: string[]): boolean =>
  typeof value === 'object' && value !== null && [...Object.keys(value)].sort().join() === [...names].sort().join();

const isCount = (value: unknown, max: number): value is number =>
  Number.isInteger(value) && (value as number) >= 0 && (value as number) <= max;

/** The skus that are searched for, as `sku:"A" OR sku:"B"`; null if it is something else. */
const skusIn = (search: string): string[] | null => {
  const whole = /^(?:(?:^| OR )sku:"(?:[^"\\]|\\["\\])*")+$/;
  if (!whole.test(search)) return null;
  return [...search.matchAll(/sku:"((?:[^"\\]|\\["\\])*)"(?: OR |$)/g)].map(([, sku = '']) =>
    sku.replaceAll(/\\(.)/g, '$1'),
  );
};

const begins = (sku: string, searched: string): boolean => sku.toLowerCase().startsWith(searched.toLowerCase());
