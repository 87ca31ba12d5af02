/** The public routes of the front: requests in, answers of the ledger out, every error in the one shape. */
import { monotonicMs } from '@till/shared/clock';
import { Problem, problem, problemOf } from '@till/shared/errors';
import { decoded } from '@till/shared/handler';
import { limits } from '@till/shared/limits';
import type { Order } from '@till/shared/movement';
import { foldName } from '@till/shared/names';
import { randomName } from '@till/shared/random';
import { json, Reply } from '@till/shared/reply';
import { Router } from 'itty-router/Router';
import type { clusterStatus } from './cluster-status.ts';
import { isEmptyBody, orderFields, quote, readFields, typedAnswer } from './dialect.ts';
import type { Ledger, Placed } from './ledger.ts';
import type { OrderQuery } from './order-client.ts';
import { keyOf, orderOf } from './order-request.ts';
import { orderView } from './orders.ts';
import { publicRoutes, type RouteName } from './routes.ts';
import type { Traffic } from './traffic.ts';
import { QueueFull, Unavailable } from './unavailable.ts';

export type RouterDeps = {
  ledger: Ledger;
  traffic: Pick<Traffic, 'hit' | 'answered'>;
  status(): ReturnType<typeof clusterStatus>;
  /** null when orders can be decided; else the reason why not. */
  whyNotReady(): string | null;
  /** The metrics as Prometheus reads them. */
  metrics: { contentType: string; text(): Promise<string> };
  /** Hears of errors that are our mistake. */
  onError(error: unknown): void;
};

/** What itty-router adds to a request. */
type Routed = Request & { params: Record<string, string | undefined>; route?: string };
type Handler = (request: Routed) => Response | Promise<Response>;

const RETRY_AFTER = { 'retry-after': String(limits.retryAfterSeconds) };
const OK = { status: 200, headers: { 'content-type': 'application/json; charset=utf-8' } };

export const createRouter = (deps: RouterDeps): { fetch(request: Request): Response | Promise<Response> } => {
  const { ledger, traffic, metrics } = deps;

  // Products.

  /** Synchronous when the cache has it. */
  const product = (name: string): Response | Promise<Response> => {
    const found = ledger.lookup(foldName(name));
    return found.kind === 'hit' ? new Reply(found.body, OK) : fetchProduct(name, found.token);
  };

  const fetchProduct = async (name: string, token: Parameters<Ledger['product']>[0]): Promise<Response> => {
    const body = name.length <= limits.nameLengthMax ? await ledger.product(token) : null;
    if (body !== null) return new Reply(body, OK);
    throw new Problem(404, 'unknown_product', `Cannot find a product named ${quote(name)}`);
  };

  // Orders.

  const placeOrder: Handler = async (request) => {
    const given = request.headers.get('idempotency-key');
    const key = given === null ? randomName() : keyOf(given, 'Idempotency-Key');
    const order = orderOf(orderFields(await readFields(request)));
    try {
      return placedAnswer(order, key, await ledger.place(key, order), given !== null);
    } catch (error) {
      if (!(error instanceof Unavailable)) throw error;
      return undecided(error, key);
    }
  };

  const findOrder = async (query: OrderQuery, what: string): Promise<Response> => {
    const order = await ledger.find(query);
    if (order !== null) return json(200, { data: orderView(order) });
    throw new Problem(404, 'unknown_order', `Cannot find an order ${what}`);
  };

  const orderByNumber: Handler = (request) => {
    const { number = '' } = decoded(request.params);
    // What is not a number is not the number of an order either.
    if (/^\d{1,15}$/.test(number)) return findOrder({ number: Number(number) }, number);
    throw new Problem(404, 'unknown_order', `Cannot find an order ${quote(number)}`);
  };

  const orderByKey: Handler = (request) => {
    const keys = new URL(request.url).searchParams.getAll('key');
    if (keys.length === 0) throw new Problem(400, 'missing_field', 'Cannot find an order without a number or a "key"');
    const key = keyOf(keys.join(', '), '"key"');
    return findOrder({ key }, `made under the key ${quote(key)}`);
  };

  // The service itself.

  const ready: Handler = () => {
    const reason = deps.whyNotReady();
    if (reason === null) return json(200, { data: { ready: true } });
    return problem(503, reason, `Cannot decide orders now: ${reason}`, RETRY_AFTER);
  };

  const handlers: Record<RouteName, Handler> = {
    product: (request) => product(decoded(request.params).name ?? ''),
    products: async () => json(200, await ledger.products()),
    placeOrder,
    orderByKey,
    order: orderByNumber,
    alive: () => json(200, { data: { alive: true } }),
    ready,
    cluster: () => json(200, { data: deps.status() }),
    metrics: async () => new Reply(await metrics.text(), { headers: { 'content-type': metrics.contentType } }),
  };

  // Routing.

  const router = Router();
  const allowed = new Map<string, string[]>();
  for (const [name, { method, paths }] of Object.entries(publicRoutes) as [
    RouteName,
    (typeof publicRoutes)[RouteName],
  ][]) {
    for (const path of paths) {
      const methods = method === 'GET' ? ['GET', 'HEAD'] : [method];
      for (const one of methods) register(router, one, path, handlers[name]);
      allowed.set(path, [...(allowed.get(path) ?? []), ...methods]);
    }
  }
  const [orderPath] = publicRoutes.order.paths;
  const orderMethods = ['GET', 'HEAD', 'POST'];
  register(router, 'POST', orderPath, async (request) => {
    if (await isEmptyBody(request)) return orderByNumber(request);
    return problem(
      405,
      'wrong_method',
      'Cannot POST a body here: an order is made at "/orders"',
      allowing(orderMethods),
    );
  });
  allowed.set(orderPath, orderMethods);
  for (const [path, methods] of allowed) register(router, 'ALL', path, (request) => wrongMethod(request, methods));
  register(router, 'ALL', '*', (request) => {
    const { pathname } = new URL(request.url);
    throw new Problem(404, 'unknown_route', `Cannot find ${quote(pathname)} here`);
  });

  /** Runs a handler, answers its errors, counts it. */
  const answered = async (routeOf: () => string, method: string, run: () => Promise<Response>): Promise<Response> => {
    const startMs = monotonicMs();
    let response: Response;
    try {
      response = await run();
    } catch (error) {
      response = failure(error, deps.onError);
    }
    const seconds = (monotonicMs() - startMs) / 1000;
    traffic.answered({ route: routeOf(), method, status: response.status, seconds });
    return response;
  };

  return {
    fetch: (request) => {
      // The most frequent request of all takes the shortest way; the routes below would answer it just the same.
      const name = request.method === 'GET' ? plainProductName(request.url) : '';
      if (name !== '') {
        const response = product(name);
        if (response instanceof Promise)
          return answered(
            () => productRoute,
            'GET',
            () => response,
          );
        traffic.hit();
        return response;
      }
      const routed = request as Routed;
      const routeOf = () => (routed.route === undefined || routed.route === '*' ? 'unknown' : routed.route);
      const run = () => answered(routeOf, request.method, () => router.fetch(routed));
      return request.method === 'HEAD' ? run().then(withoutBody) : run();
    },
  };
};

const [productRoute] = publicRoutes.product.paths;

const register = (router: ReturnType<typeof Router>, method: string, path: string, handler: Handler): void => {
  const add = router[method.toLowerCase()] as (path: string, handler: Handler) => unknown;
  add(path, handler);
};

const PRODUCT_PREFIXES = publicRoutes.product.paths.map((path) => path.slice(0, path.indexOf(':')));
/** What makes a path need more than a look: an encoded or further part, a query. */
const NOT_PLAIN = /[%/?#]/;

/** The product's name, if the URL asks for one in the plainest form; else an empty text. */
const plainProductName = (url: string): string => {
  const pathAt = url.indexOf('/', url.indexOf('://') + 3);
  for (const prefix of PRODUCT_PREFIXES) {
    if (!url.startsWith(prefix, pathAt)) continue;
    const name = url.slice(pathAt + prefix.length);
    return NOT_PLAIN.test(name) ? '' : name;
  }
  return '';
};

const placedAnswer = (order: Order, key: string, placed: Placed, isKeyGiven: boolean): Response => {
  if (placed.status === 'conflict') {
    throw new Problem(422, 'key_reused', `Cannot use the key ${quote(key)} again: it belongs to another order`);
  }
  if (placed.status === 'unknown_product') {
    throw new Problem(404, 'unknown_product', `Cannot find a product named ${quote(placed.name)}`);
  }
  const headers = isKeyGiven && placed.replayed ? { 'idempotent-replayed': 'true' } : undefined;
  if (placed.status === 'rejected') return problem(400, placed.reason, placed.message, headers);
  const data = order.type === undefined ? { order_number: placed.number } : typedAnswer(placed.number);
  return json(200, { data }, headers);
};

/** Nothing may be assumed of the order: the answer carries its key, so that it can be repeated safely. */
const undecided = (error: Unavailable, key: string): Response => {
  const headers = { ...RETRY_AFTER, 'idempotency-key': key };
  if (error.joined)
    return problem(409, 'in_flight', `Cannot answer yet: the order ${quote(key)} is in flight`, headers);
  const message = `Cannot say whether the order was made: ${error.reason}; repeat it with the same Idempotency-Key`;
  return problem(503, error.reason, message, headers);
};

const failure = (error: unknown, onError: (error: unknown) => void): Response => {
  if (error instanceof Unavailable) {
    return problem(503, error.reason, `Cannot answer now: ${error.reason}`, RETRY_AFTER);
  }
  if (error instanceof QueueFull) {
    return problem(429, 'queue_full', 'Cannot take another request: too many are waiting', RETRY_AFTER);
  }
  return problemOf(error, onError);
};

const wrongMethod = ({ method }: Request, methods: string[]): Response => {
  if (method === 'OPTIONS') return new Reply(null, { status: 204, headers: allowing(methods) });
  return problem(405, 'wrong_method', `Cannot ${method} here: only ${methods.join(', ')}`, allowing(methods));
};

const allowing = (methods: string[]) => ({ allow: [...methods, 'OPTIONS'].join(', ') });

/** The answer to HEAD: that to GET, with its length and without its body. */
const withoutBody = async (response: Response): Promise<Response> => {
  const headers = Object.fromEntries(response.headers);
  const { byteLength } = await response.arrayBuffer();
  return new Reply(null, { status: response.status, headers: { ...headers, 'content-length': String(byteLength) } });
};
