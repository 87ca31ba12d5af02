/** The public routes of the front: which request goes where, and every error in the one shape. What is answered: handlers/. */
import { monotonicMs } from '@till/shared/clock';
import { Problem, problem, problemOf } from '@till/shared/errors';
import { Reply } from '@till/shared/reply';
import { addRoutes, createPlainRoutes, NOT_PLAIN, pathAt, type RouteEntry } from '@till/shared/routing';
import { Router } from 'itty-router/Router';
import type { Checkout } from './checkout/handlers.ts';
import { createOperationHandlers, type OperationDeps } from './handlers/operations.ts';
import { createOrderHandlers } from './handlers/orders.ts';
import { createOutboxHandlers } from './handlers/outbox.ts';
import { createProductHandlers } from './handlers/products.ts';
import { type Handler, queueFull, RETRY_AFTER, type Routed } from './handlers/replies.ts';
import type { Ledger } from './ledger.ts';
import { createOpenApi } from './openapi.ts';
import type { Placement } from './placement.ts';
import { quote } from './quote.ts';
import { publicRoutes, type RouteName } from './routes.ts';
import type { Traffic } from './traffic.ts';
import { QueueFull, Unavailable } from './unavailable.ts';
import { createWebhookHandlers } from './webhooks/handlers.ts';

export type RouterDeps = Omit<OperationDeps, 'openApi'> & {
  ledger: Ledger;
  /** How long a request may wait here altogether. */
  requestWaitMs: number;
  placement: Placement;
  shopifySecrets: readonly string[];
  checkout: Pick<Checkout, 'post' | 'get'>;
  traffic: Pick<Traffic, 'hit' | 'answered' | 'webhook'>;
  /** Hears of errors that are our mistake. */
  onError(error: unknown): void;
};

export const createRouter = (deps: RouterDeps): { fetch(request: Request): Response | Promise<Response> } => {
  const { ledger, placement, requestWaitMs, checkout, traffic } = deps;
  const products = createProductHandlers(ledger);
  const orders = createOrderHandlers({ ledger, placement, requestWaitMs });
  const handlers: Record<RouteName, Handler> = {
    ...products.handlers,
    ...orders.handlers,
    ...createWebhookHandlers({ ledger, placement, secrets: deps.shopifySecrets, traffic }),
    postCheckout: checkout.post,
    checkout: checkout.get,
    ...createOutboxHandlers(ledger),
    ...createOperationHandlers({ ...deps, openApi: JSON.stringify(createOpenApi(publicRoutes)) }),
  };

  const routes: RouteEntry<Routed>[] = [];
  for (const name of Object.keys(publicRoutes) as RouteName[]) {
    const { method, paths } = publicRoutes[name];
    const methods = method === 'GET' ? ['GET', 'HEAD'] : [method];
    for (const path of paths) routes.push({ methods, path, handler: handlers[name] });
  }
  routes.push({ methods: ['POST'], path: publicRoutes.order.paths[0], handler: orders.postedOrder });
  const plainRoute = createPlainRoutes(routes);
  const router = Router();
  addRoutes(router, { routes, wrongMethod, unknownRoute });

  /** Runs a handler, answers its errors, counts it. */
  const answered = async (
    routeOf: () => string,
    method: string,
    run: () => Response | Promise<Response>,
  ): Promise<Response> => {
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
        const response = products.byName(name);
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
      const plain = request.method === 'HEAD' ? undefined : plainRoute(request);
      if (plain !== undefined) {
        const { route, params } = plain;
        routed.params = params;
        return answered(
          () => route.path,
          request.method,
          () => route.handler(routed),
        );
      }
      const routeOf = () => (routed.route === undefined || routed.route === '*' ? 'unknown' : routed.route);
      const run = () => answered(routeOf, request.method, () => router.fetch(routed));
      return request.method === 'HEAD' ? run().then(withoutBody) : run();
    },
  };
};

const [productRoute] = publicRoutes.product.paths;

const PRODUCT_PREFIXES = publicRoutes.product.paths.map((path) => path.slice(0, path.indexOf(':')));

/** The product's name, if the URL asks for one in the plainest form; else an empty text. */
const plainProductName = (url: string): string => {
  const at = pathAt(url);
  for (const prefix of PRODUCT_PREFIXES) {
    if (!url.startsWith(prefix, at)) continue;
    const name = url.slice(at + prefix.length);
    return NOT_PLAIN.test(name) ? '' : name;
  }
  return '';
};

const failure = (error: unknown, onError: (error: unknown) => void): Response => {
  if (error instanceof Unavailable) {
    return problem(503, error.reason, `Cannot answer now: ${error.reason}`, RETRY_AFTER);
  }
  if (error instanceof QueueFull) {
    return queueFull().toResponse();
  }
  return problemOf(error, onError);
};

const wrongMethod = ({ method }: Request, methods: string[]): Response => {
  const allow = { allow: [...methods, 'OPTIONS'].join(', ') };
  if (method === 'OPTIONS') return new Reply(null, { status: 204, headers: allow });
  return problem(405, 'wrong_method', `Cannot ${method} here: only ${methods.join(', ')}`, allow);
};

const unknownRoute = ({ url }: Request): never => {
  throw new Problem(404, 'unknown_route', `Cannot find ${quote(new URL(url).pathname)} here`);
};

/** The answer to HEAD: that to GET, with its length and without its body. */
const withoutBody = async (response: Response): Promise<Response> => {
  const headers = Object.fromEntries(response.headers);
  const { byteLength } = await response.arrayBuffer();
  return new Reply(null, { status: response.status, headers: { ...headers, 'content-length': String(byteLength) } });
};
