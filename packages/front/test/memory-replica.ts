/** An order replica in memory: the shop behind the replica's interface. It leads whatever term it is asked under. */
import { orderContract } from '@till/shared/contract';
import { problemOf } from '@till/shared/errors';
import { createHandler } from '@till/shared/handler';
import { limits } from '@till/shared/limits';
import { serve } from '@till/shared/serve';
import { Router } from 'itty-router/Router';
import type { MemoryShop } from './memory-shop.ts';

export const serveMemoryReplica = async (
  shop: MemoryShop,
  port = 0,
): Promise<{ url: string; port: number; close(): Promise<void> }> => {
  const router = Router({ catch: (error: unknown) => problemOf(error) });
  router.post(
    orderContract.orders.path,
    createHandler(orderContract.orders, ({ body }) => ({
      term: body.term,
      ok: true as const,
      outcomes: shop.place(body.orders),
    })),
  );
  router.post(
    orderContract.find.path,
    createHandler(orderContract.find, ({ body }) => ({
      term: body.term,
      ok: true as const,
      found: body.queries.map((query) => shop.find(query)),
    })),
  );
  router.post(
    orderContract.outbox.path,
    createHandler(orderContract.outbox, ({ body }) => ({ term: body.term, ok: true as const, sinks: shop.sinks })),
  );
  router.post(
    orderContract.outboxEvent.path,
    createHandler(orderContract.outboxEvent, ({ body }) => ({
      term: body.term,
      ok: true as const,
      ...shop.event(body.sequence),
    })),
  );
  router.post(
    orderContract.outboxReplay.path,
    createHandler(orderContract.outboxReplay, ({ body }) => ({
      term: body.term,
      ok: true as const,
      sinks: shop.replay(body.sequence, body.sink),
    })),
  );
  return serve({ fetch: router.fetch, port, hostname: '127.0.0.1', bodyBytesMax: limits.internalBodyBytesMax });
};
