/** The catalog's process: wires its parts, decides nothing. */
import { join } from 'node:path';
import { wallMs } from '@till/shared/clock';
import { type Config, ConfigError, catalogPort, readConfig } from '@till/shared/config';
import { makeFolder } from '@till/shared/files';
import { FolderLocked, lockFolder } from '@till/shared/folder-lock';
import { JournalDamaged } from '@till/shared/journal';
import { limits } from '@till/shared/limits';
import { createLogger, type Logger } from '@till/shared/logger';
import { createMetrics } from '@till/shared/metrics';
import { randomName } from '@till/shared/random';
import { serve } from '@till/shared/serve';
import { onStop } from '@till/shared/shutdown';
import { createChanges } from './changes.ts';
import { createDriver, seedMovements } from './driver.ts';
import { createMeasures } from './measures.ts';
import { openMovementJournal } from './movement-journal.ts';
import { startRestocker } from './restocker.ts';
import { createRouter } from './router.ts';
import { readSeed } from './seed.ts';
import { applyMovement, createStock } from './stock/apply.ts';

const start = async (config: Config, logger: Logger): Promise<void> => {
  /** For what leaves no way to go on: nothing more is shown or answered, the next start reads the journal. */
  const end = (error: unknown): never => {
    logger.fatal({ error }, 'The catalog ends here');
    process.exit(1);
  };

  const folder = join(config.dataDir, 'catalog');
  await makeFolder(folder);
  const lock = await lockFolder(folder, { onLost: end });

  const stock = createStock();
  const { journal, torn } = await openMovementJournal({
    path: join(folder, 'journal.jsonl'),
    recent: { linesMax: 2 * limits.historyLinesMax, bytesMax: 2 * limits.historyBytesMax },
    onMovement: (movement) => applyMovement(stock, movement),
    onFailed: end,
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
    beatMs: limits.streamBeatMs,
    backlogBytesMax: limits.streamBacklogBytesMax,
    onDropped: () => {
      measures.droppedSubscriber();
      logger.warn('Cut off a subscriber that reads too slowly');
    },
  });
  const driver = createDriver({ epoch, journal, stock, changes, now: wallMs, onBatch: measures.batch, onFailed: end });
  measures.watch({ driver, changes });

  const onError = (error: unknown): void => logger.error({ error }, 'A request failed');
  const { fetch } = createRouter({ driver, changes, metrics, onError });
  const server = await serve({
    fetch,
    port: catalogPort(config),
    hostname: '127.0.0.1',
    bodyBytesMax: limits.internalBodyBytesMax,
    onError,
  });
  const restocker = startRestocker({
    everyMs: config.restockEveryMs,
    level: config.restockLevel,
    products: () => stock.products.values(),
    restock: driver.restock,
  });
  logger.info({ url: server.url, sequence: stock.sequence, term: stock.term, number: stock.number }, 'Serving');

  onStop(
    async () => {
      restocker.stop();
      await driver.drain();
      changes.close();
      await server.close();
      await journal.close();
      await lock.release();
      logger.info({ sequence: stock.sequence }, 'Stopped');
    },
    { onFailure: (error) => logger.error({ error }, 'Could not stop in order') },
  );
};

const main = async (): Promise<void> => {
  try {
    const config = readConfig();
    await start(config, createLogger({ service: 'catalog', level: config.logLevel }));
  } catch (error) {
    process.stderr.write(`${describe(error)}\n`);
    process.exit(error instanceof ConfigError ? 2 : 1);
  }
};

/** A condition of the world is told by its message, a mistake of ours by where it happened. */
const describe = (error: unknown): string => {
  if (error instanceof ConfigError || error instanceof FolderLocked || error instanceof JournalDamaged)
    return error.message;
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
};

void main();
