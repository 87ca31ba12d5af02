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
