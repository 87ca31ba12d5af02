/** One table of routes for every service: a path that exists answers another method, and what is nowhere, as it is told. */
import type { Router } from 'itty-router/Router';
import type { RoutedRequest } from './handler.ts';

type Answer = Response | Promise<Response>;
export type RouteEntry<Input extends RoutedRequest> = {
  methods: readonly string[];
  path: string;
  handler(request: Input): Answer;
};

export const addRoutes = <Input extends RoutedRequest>(
  router: ReturnType<typeof Router>,
  table: {
    routes: readonly RouteEntry<Input>[];
    /** `methods`: those that the path has. */
    wrongMethod(request: Input, methods: string[]): Answer;
    unknownRoute(request: Input): Answer;
  },
): void => {
  const add = (method: string, path: string, handler: (request: Input) => Answer): void => {
    const register = router[method.toLowerCase()] as (path: string, handler: (request: Input) => Answer) => unknown;
    register(path, handler);
  };
  const known = new Map<string, string[]>();
  for (const { methods, path, handler } of table.routes) {
    for (const method of methods) add(method, path, handler);
    known.set(path, [...(known.get(path) ?? []), ...methods]);
  }
  for (const [path, methods] of known) add('ALL', path, (request) => table.wrongMethod(request, methods));
  add('ALL', '*', table.unknownRoute);
};

export type Found<Input extends RoutedRequest> = { route: RouteEntry<Input>; params: Record<string, string> };

/**
 * Finds the route of a URL whose path is plain: one of the table letter by letter, or all but its last part, which is then the
 * route's one parameter. Anything else is undefined: then the router has to try one pattern after the other. What is found
 * here the router would find too, at many times the cost; of two routes that fit, a path without a parameter comes first.
 */
export const createPlainRoutes = <Input extends RoutedRequest>(
  routes: readonly RouteEntry<Input>[],
): ((request: { method: string; url: string }) => Found<Input> | undefined) => {
  const exact = new Map<string, Found<Input>>();
  const lastPart = new Map<string, { route: RouteEntry<Input>; parameter: string }>();
  for (const route of routes) {
    const [, folder = '', parameter] = ONE_PARAMETER.exec(route.path) ?? [];
    for (const method of route.methods) {
      if (parameter !== undefined) setNew(lastPart, method + folder, { route, parameter });
      else if (!PATTERN.test(route.path)) setNew(exact, method + route.path, { route, params: {} });
    }
  }
  return ({ method, url }) => {
    const path = url.slice(pathAt(url));
    const found = exact.get(method + path);
    if (found !== undefined) return found;
    const at = path.lastIndexOf('/') + 1;
    const fits = lastPart.get(method + path.slice(0, at));
    const value = path.slice(at);
    if (fits === undefined || value === '' || NOT_PLAIN.test(value)) return undefined;
    return { route: fits.route, params: { [fits.parameter]: value } };
  };
};

const setNew = <Value>(map: Map<string, Value>, key: string, value: Value): void => {
  if (!map.has(key)) map.set(key, value);
};

const ONE_PARAMETER = /^([^:*]*\/):(\w+)$/;
const PATTERN = /[:*]/;

/** What makes a part of a path need more than a look: an encoded letter, a query. */
export const NOT_PLAIN = /[%/?#]/;

/** Where the path of an absolute URL begins. */
export const pathAt = (url: string): number => url.indexOf('/', url.indexOf('://') + 3);
