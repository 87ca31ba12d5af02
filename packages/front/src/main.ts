/** The front: the only public process, and the configuration manager of the replicas. */
import { catalogUrl, frontPort, orderUrl, replicaIds } from '@till/shared/config';
import { createMetrics } from '@till/shared/metrics';
import { serve } from '@till/shared/serve';
import { runService } from '@till/shared/service';
import { createFront, DRAIN_MS } from './front.ts';
import { createManager } from './manager.ts';
import { createRecordStore } from './record-store.ts';
import { bodyBytesMaxOf } from './webhooks/routes.ts';

runService(
  () => 'front',
  async ({ config, folder, logger, chaos, orderLog, fail }) => {
    const urls = new Map(replicaIds(config).map((id) => [id, orderUrl(config, id)]));
    const store = createRecordStore({
      folder,
      onDamaged: (damage) => logger.error(damage, 'a cluster record cannot be read and was moved aside'),
    });
    const manager = createManager({
      urls,
      store: { ...store, write: chaos.store(store.write) },
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
      shopifySecrets: config.shopifySecrets,
      warehouse: config.wmsUrl === null ? null : { url: config.wmsUrl, holdMs: config.wmsHoldMs },
      checks: {
        verification: config.checkVerificationUrl,
        fraud: config.checkFraudUrl,
        suggestions: config.suggestionsUrl,
        waitMs: config.checkWaitMs,
      },
      metrics: createMetrics('front'),
      chaos: chaos.shown,
      orderLog,
      logger,
    });
    const server = await serve({
      fetch: chaos.wrap(front.fetch),
      port: frontPort(config),
      hostname: config.host,
      bodyBytesMax: bodyBytesMaxOf,
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
