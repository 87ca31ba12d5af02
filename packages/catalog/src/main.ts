/** The catalog's process: wires its parts, decides nothing. */
import { wallMs } from '@till/shared/clock';
import { catalogPort } from '@till/shared/config';
import { diskFiles } from '@till/shared/journal-files';
import { limits } from '@till/shared/limits';
import { createMetrics } from '@till/shared/metrics';
import { randomName } from '@till/shared/random';
import { serve } from '@till/shared/serve';
import { runService } from '@till/shared/service';
import { createChanges } from './changes.ts';
import { createDriver, seedMovements } from './driver.ts';
import { createMeasures } from './measures.ts';
import { startRestocker } from './restocker.ts';
import { createRouter } from './router.ts';
import { readSeed } from './seed.ts';
import { applyMovement } from './stock/apply.ts';
import { openStore } from './store.ts';

runService(
  () => 'catalog',
  async ({ config, folder, logger, chaos, orderLog, fail }) => {
    const { journal, stock, snapshots, torn, snapshotSequence } = await openStore({
      folder,
      files: chaos.files(diskFiles),
      onFailed: fail,
      onSnapshotFailed: (error) => logger.warn({ error }, 'Cannot write a snapshot; the next start reads more'),
    });
    if (torn !== null) logger.warn({ torn }, 'Cut off the unfinished end of the journal, and kept it aside');
    if (stock.sequence === 0) {
      const movements = seedMovements(stock, readSeed(config.seed), wallMs());
      await journal.append(movements);
      for (const movement of movements) applyMovement(stock, movement);
      logger.info({ seed: config.seed, products: stock.products.size }, 'Began a journal');
    }

    const metrics = createMetrics('catalog');
    const measures = createMeasures(metrics);
    const epoch = randomName();
    const changes = createChanges({
      epoch,
      sequence: stock.sequence,
      chaos: chaos.shown,
      beatMs: limits.streamBeatMs,
      backlogBytesMax: limits.streamBacklogBytesMax,
      onDropped: () => {
        measures.droppedSubscriber();
        logger.warn('Cut off a subscriber that reads too slowly');
      },
    });
    const driver = createDriver({
      epoch,
      journal,
      stock,
      changes,
      now: wallMs,
      onBatch: (batch) => {
        measures.batch(batch);
        snapshots.grown(journal.bytes);
      },
      orderLog,
      onFailed: fail,
    });
    measures.watch({ driver, changes });

    const onError = (error: unknown): void => logger.error({ error }, 'A request failed');
    const { fetch } = createRouter({ driver, changes, metrics, onError });
    const server = await serve({
      fetch: chaos.wrap(fetch),
      port: catalogPort(config),
      hostname: '127.0.0.1',
      links: true,
      bodyBytesMax: limits.internalBodyBytesMax,
      onError,
    });
    const restocker = startRestocker({
      everyMs: config.restockEveryMs,
      level: config.restockLevel,
      products: () => stock.products.values(),
      restock: driver.restock,
    });
    const { sequence, term, number } = stock;
    logger.info({ url: server.url, sequence, term, number, snapshot: snapshotSequence }, 'Serving');

    return {
      async stop() {
        restocker.stop();
        await driver.drain();
        changes.close();
        await server.close();
        await snapshots.close();
        await journal.close();
      },
    };
  },
);
