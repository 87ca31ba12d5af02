/** One order replica: its log, its core, its place among the others. */
import { join } from 'node:path';
import { createClient } from '@till/shared/client';
import { monotonicMs } from '@till/shared/clock';
import { catalogUrl, orderPort, orderUrl, replicaIds } from '@till/shared/config';
import { catalogContract } from '@till/shared/contract';
import { diskFiles } from '@till/shared/journal-files';
import { limits } from '@till/shared/limits';
import { randomName } from '@till/shared/random';
import { serve } from '@till/shared/serve';
import { runService } from '@till/shared/service';
import { createDriver } from './driver.ts';
import { replicaLimits } from './limits.ts';
import { openLog } from './log.ts';
import { createOrderMetrics } from './metrics.ts';
import { createOutbox } from './outbox/delivery.ts';
import { sinkLimits } from './outbox/limits.ts';
import { createSinks } from './outbox/sinks.ts';
import { createPeers } from './peers.ts';
import { createReplica, roleOf } from './replica/state.ts';
import { createRouter } from './router.ts';
import { createStateFile } from './state-file.ts';

runService(
  ({ replicaId }) =>
    replicaId === null ? { problem: 'REPLICA_ID: must be given to an order replica' } : `order-${replicaId}`,
  async ({ config, folder, logger, chaos, orderLog, fail }) => {
    const id = config.replicaId ?? 0;
    const stateFile = createStateFile(folder);
    const log = await openLog({ path: join(folder, 'log.jsonl'), files: chaos.files(diskFiles) });
    if (log.torn !== null) logger.warn(log.torn, 'cut a torn last line, which was never acknowledged');
    const halted = stateFile.readHalt();
    const replica = createReplica({
      id,
      boot: randomName(),
      limits: replicaLimits(config),
      durable: stateFile.read(),
      log: log.view,
      now: monotonicMs(),
      halted,
    });
    if (!replica.clean && halted === null) {
      const { index } = replica.durable.committed;
      logger.error(
        { committed: index, lastIndex: log.view.lastIndex() },
        'the log lacks what it once held: out of the set until it is level again',
      );
    }
    if (halted !== null) {
      logger.fatal(
        { reason: halted, file: stateFile.haltPath },
        'halted before: nothing is served until an operator has looked',
      );
    }
    const metrics = createOrderMetrics(replica);
    const catalog = createClient(catalogContract, { url: catalogUrl(config), links: true });
    const driver = createDriver({
      replica,
      log,
      createPeers: (onMessage) =>
        createPeers({
          id,
          urls: new Map(replicaIds(config).map((peer) => [peer, orderUrl(config, peer)])),
          now: monotonicMs,
          onMessage,
        }),
      catalog,
      now: monotonicMs,
      save: stateFile.save,
      saveHalt: stateFile.saveHalt,
      onFailed: fail,
      logger,
      orderLog,
      metrics,
    });
    const outbox = createOutbox({
      host: driver.outbox,
      sinks: createSinks({ config, catalog, now: monotonicMs, onSkipped: metrics.outbox.skipped, logger }),
      limits: sinkLimits(config),
      now: monotonicMs,
      random: Math.random,
      logger,
      orderLog,
      metrics: metrics.outbox,
    });
    const router = createRouter({
      driver,
      outbox,
      metrics,
      chaos: chaos.shown,
      whyNotReady: () => (replica.halted !== null ? 'halted' : replica.durable.record === null ? 'unregistered' : null),
      onError: (error) => logger.error({ error }, 'cannot answer a request'),
    });
    const server = await serve({
      fetch: chaos.wrap(router.fetch),
      port: orderPort(config, id),
      hostname: '127.0.0.1',
      links: true,
      bodyBytesMax: limits.internalBodyBytesMax,
      onError: (error) => logger.error({ error }, 'cannot answer a request'),
    });
    logger.info({ url: server.url, lastIndex: log.view.lastIndex(), role: roleOf(replica) }, 'listening');
    return {
      async stop() {
        await outbox.close();
        await driver.leave();
        await server.close();
        await driver.close();
        await catalog.close();
      },
    };
  },
);
