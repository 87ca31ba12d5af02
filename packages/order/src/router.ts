/** What each request means to an order replica: the contract's routes, and the messages of the other replicas. */
import { orderContract } from '@till/shared/contract';
import { createHandler } from '@till/shared/handler';
import { createServiceRouter, type ServiceRouterDeps } from '@till/shared/service-router';
import type { Driver } from './driver.ts';
import type { Outbox } from './outbox/delivery.ts';
import { peerContract } from './peer-contract.ts';
import { received, toSend } from './peer-messages.ts';

export type RouterDeps = Omit<ServiceRouterDeps, 'routes'> & {
  driver: Driver;
  outbox: Outbox;
  /** What to tell the front of the chaos switches here; null or absent: nothing. */
  chaos?: string | null;
};

export const createRouter = ({
  driver,
  outbox,
  chaos,
  ...service
}: RouterDeps): ReturnType<typeof createServiceRouter> => {
  const { health, orders, find, outbox: outboxStatus, outboxEvent, outboxReplay } = orderContract;
  const { message } = peerContract;
  const harm = chaos == null ? {} : { chaos };
  return createServiceRouter({
    ...service,
    routes: [
      { ...health, handler: createHandler(health, ({ body }) => ({ ...driver.health(body), ...harm })) },
      {
        ...orders,
        handler: createHandler(orders, async ({ body }) => ({
          term: body.term,
          ...(await driver.place(body.term, body.orders)),
        })),
      },
      {
        ...find,
        handler: createHandler(find, ({ body }) => ({ term: body.term, ...driver.find(body.term, body.queries) })),
      },
      { ...outboxStatus, handler: createHandler(outboxStatus, ({ body }) => outbox.status(body.term)) },
      { ...outboxEvent, handler: createHandler(outboxEvent, ({ body }) => outbox.event(body.term, body.sequence)) },
      {
        ...outboxReplay,
        handler: createHandler(outboxReplay, ({ body }) => outbox.replay(body.term, body.sequence, body.sink)),
      },
      {
        ...message,
        handler: createHandler(message, async ({ body }) => {
          const answer = await driver.peers.answer(body.from, received(body));
          return answer === null ? { message: null, lines: [] } : toSend(answer);
        }),
      },
    ],
  });
};
