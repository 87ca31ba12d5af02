/** Which request goes where. */
import { catalogContract, changesPath } from '@till/shared/contract';
import { Reply } from '@till/shared/reply';
import { createServiceRouter, type ServiceRouterDeps } from '@till/shared/service-router';
import type { Changes } from './changes.ts';
import type { Driver } from './driver.ts';
import { createRoutes } from './routes.ts';

export type RouterDeps = Pick<ServiceRouterDeps, 'metrics' | 'onError'> & {
  driver: Driver;
  changes: Pick<Changes, 'subscribe'>;
};

export const createRouter = ({ driver, changes, metrics, onError }: RouterDeps) => {
  const routes = createRoutes(driver);
  const { product, products, movements, fence, history, trail } = catalogContract;
  return createServiceRouter({
    routes: [
      { ...product, handler: routes.product },
      { ...products, handler: routes.products },
      { ...movements, handler: routes.movements },
      { ...fence, handler: routes.fence },
      { ...history, handler: routes.history },
      { ...trail, handler: routes.trail },
      { method: 'GET', path: changesPath, handler: () => new Reply(changes.subscribe(), { headers: STREAM_HEADERS }) },
    ],
    whyNotReady: driver.whyNotReady,
    metrics,
    onError,
  });
};

const STREAM_HEADERS = { 'content-type': 'application/x-ndjson; charset=utf-8', 'cache-control': 'no-store' };
