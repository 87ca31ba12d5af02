/** A catalog process in memory: the shop behind the catalog's own interface, with its stream of changes. */
import { type Changes, createChanges } from '@till/catalog/changes';
import { catalogContract, changesPath } from '@till/shared/contract';
import { Problem, problemOf } from '@till/shared/errors';
import { createHandler } from '@till/shared/handler';
import { limits } from '@till/shared/limits';
import { foldName } from '@till/shared/names';
import { seal, ZERO_HASH } from '@till/shared/sealed';
import { Reply, serve } from '@till/shared/serve';
import { Router } from 'itty-router';
import type { MemoryShop } from './memory-shop.ts';

export type MemoryCatalog = {
  url: string;
  port: number;
  changes: Changes;
  /** Reads of products that were answered, by folded name. */
  reads: string[];
  /** Runs before each read is answered, after its answer was made: what happens meanwhile makes the answer late. */
  delay: (foldedName: string) => Promise<void>;
  /** False: changes are decided and not pushed. */
  pushing: boolean;
  /** Whether a line of the stream gets lost. */
  loses: (line: string) => boolean;
  close(): Promise<void>;
};

let runs = 0;

export const serveMemoryCatalog = async (shop: MemoryShop, port = 0): Promise<MemoryCatalog> => {
  runs += 1;
  const epoch = `run ${runs}`;
  const changes = createChanges({
    epoch,
    sequence: shop.stock.sequence,
    beatMs: limits.streamBeatMs,
    backlogBytesMax: limits.streamBacklogBytesMax,
    onDropped: () => {},
  });
  shop.onMoved = (movements, products) => {
    const from = movements[0]?.sequence ?? 0;
    if (catalog.pushing) changes.publish({ from, to: from + movements.length - 1, products });
  };
  const router = Router({ catch: (error: unknown) => problemOf(error) });
  router.get(
    catalogContract.product.path,
    createHandler(catalogContract.product, async ({ params: { name } }) => {
      const product = shop.product(name);
      const asOf = shop.stock.sequence;
      catalog.reads.push(foldName(name));
      await catalog.delay(foldName(name));
      if (product === undefined) throw new Problem(404, 'unknown_product', `Cannot find "${name}"`);
      return { epoch, asOf, product };
    }),
  );
  router.get(
    catalogContract.products.path,
    createHandler(catalogContract.products, async () => {
      const answer = { epoch, asOf: shop.stock.sequence, products: shop.products() };
      await catalog.delay('*');
      return answer;
    }),
  );
  router.get(
    catalogContract.history.path,
    createHandler(catalogContract.history, ({ query: { after, limit = shop.movements.length } }) => {
      const lines = shop.movements
        .slice(after, after + limit)
        .map((movement) => seal(ZERO_HASH, JSON.stringify(movement)));
      return { lines: lines.map(({ line }) => line), more: after + limit < shop.movements.length };
    }),
  );
  router.get(
    catalogContract.trail.path,
    createHandler(catalogContract.trail, async ({ query }) => {
      const asOf = shop.stock.sequence;
      const trail = await shop.trail(query);
      await catalog.delay('trail');
      if (trail === null) throw new Problem(404, 'unknown_product', `Cannot find "${query.product}"`);
      return { epoch, asOf, ...trail };
    }),
  );
  router.get(
    changesPath,
    () => new Reply(changes.subscribe().pipeThrough(lossy()), { headers: { 'content-type': 'application/x-ndjson' } }),
  );
  const lossy = () =>
    new TransformStream<Uint8Array, Uint8Array>({
      transform: (chunk, controller) => {
        if (!catalog.loses(new TextDecoder().decode(chunk))) controller.enqueue(chunk);
      },
    });
  const server = await serve({ fetch: router.fetch, port, hostname: '127.0.0.1' });
  const catalog: MemoryCatalog = {
    url: server.url,
    port: server.port,
    changes,
    reads: [],
    delay: async () => {},
    pushing: true,
    loses: () => false,
    close: () => {
      changes.close();
      return server.close();
    },
  };
  return catalog;
};
