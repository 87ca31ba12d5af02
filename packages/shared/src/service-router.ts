/**
 * The router of an internal service: the routes of its contracts, and what operators ask every service for (`/healthz`,
 * `/readyz`, `/metrics`). A path that exists answers another method with 405, anything else is 404, all in the one shape
 * of errors.
 */
import { Router } from 'itty-router/Router';
import { problem, problemOf } from './errors.ts';
import type { RoutedRequest } from './handler.ts';
import { limits } from './limits.ts';
import { json, Reply } from './reply.ts';
import { addRoutes, createPlainRoutes } from './routing.ts';

export type Handler = (request: RoutedRequest) => Response | Promise<Response>;
export type ServiceRoute = { method: 'GET' | 'POST'; path: string; handler: Handler };

export type ServiceRouterDeps = {
  routes: ServiceRoute[];
  /** null when the service can do its work; else why not, as a reason. */
  whyNotReady(): string | null;
  /** The metrics of this process in Prometheus text. */
  metrics: { contentType: string; text(): Promise<string> };
  /** Hears of what was thrown that is not the caller's fault. */
  onError(error: unknown): void;
};

export const createServiceRouter = (deps: ServiceRouterDeps): { fetch(request: Request): Promise<Response> } => {
  const { metrics, onError } = deps;
  const ready = (): Response => {
    const reason = deps.whyNotReady();
    if (reason === null) return json(200, { data: { ready: true } });
    return problem(503, reason, `Cannot do its work now: ${reason}`, {
      'retry-after': String(limits.retryAfterSeconds),
    });
  };
  const routes: ServiceRoute[] = [
    ...deps.routes,
    { method: 'GET', path: '/healthz', handler: () => json(200, { data: { alive: true } }) },
    { method: 'GET', path: '/readyz', handler: ready },
    {
      method: 'GET',
      path: '/metrics',
      handler: async () => new Reply(await metrics.text(), { headers: { 'content-type': metrics.contentType } }),
    },
  ];
  const router = Router({ catch: (error: unknown) => problemOf(error, onError) });
  const table = routes.map(({ method, path, handler }) => ({ methods: [method], path, handler }));
  const plainRoute = createPlainRoutes(table);
  addRoutes(router, {
    routes: table,
    wrongMethod: ({ method }, methods) => {
      const allow = methods.join(', ');
      return problem(405, 'wrong_method', `Cannot ${method} here: only ${allow}`, { allow });
    },
    unknownRoute: () => problem(404, 'unknown_route', 'There is nothing here'),
  });
  return {
    async fetch(request) {
      const plain = plainRoute(request);
      if (plain === undefined) return router.fetch(request);
      try {
        return await plain.route.handler(Object.assign(request, { params: plain.params }));
      } catch (error) {
        return problemOf(error, onError);
      }
    },
  };
};
