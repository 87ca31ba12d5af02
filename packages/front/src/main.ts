/** The front: the only public process, and the configuration manager of the replicas. */
import { catalogUrl, frontPort, orderUrl, replicaIds } from '@till/shared/config';
import { createMetrics } from '@till/shared/metrics';
import { serve } from '@till/shared/serve';
import { runService } from '@till/shared/service';
import { createFront, DRAIN_MS } from './front.ts';
import { createManager } from './manager.ts';
import { createRecordStore } from './record-store.ts';

runService(
  () => 'front',
  async ({ config, folder, logger, fail }) => {
    const urls = new Map(replicaIds(config).map((id) => [id, orderUrl(config, id)]));
    const manager = createManager({
      urls,
      store: createRecordStore({
        folder,
        onDamaged: (damage) => logger.error(damage, 'a cluster record cannot be read and was moved aside'),
      }),
      suspectAfterMs: config.suspectAfterMs,
      onFailed: fail,
      logger,
    });
    const front = createFront({
      cluster: manager,
      catalogUrl: catalogUrl(config),
      orderUrls: urls,
      cacheSize: config.cacheSize,
      requestWaitMs: config.requestWaitMs,
      metrics: createMetrics('front'),
      logger,
    });
    const server = await serve({
      fetch: front.fetch,
      port: frontPort(config),
      hostname: config.host,
      drainMs: DRAIN_MS,
      onError: (error) => logger.error({ error }, 'cannot answer a request'),
    });
    logger.info({ url: server.url }, 'listening');
    return {
      async stop() {
        await front.stop(server);
        await manager.close();
      },
    };
  },
);
