/** The sinks that the settings name. */
import type { Client } from '@till/shared/client';
import { CallError } from '@till/shared/client';
import type { Config } from '@till/shared/config';
import type { catalogContract } from '@till/shared/contract';
import type { Logger } from '@till/shared/logger';
import { createShopifySink } from './sinks/shopify.ts';
import type { Sink } from './sinks/sink.ts';
import { createWebhookSink } from './sinks/webhook.ts';

export const createSinks = (deps: {
  config: Pick<Config, 'shopifyUrl' | 'shopifyToken' | 'webhookUrls' | 'webhookSecret'>;
  catalog: Pick<Client<typeof catalogContract>, 'product'>;
  now(): number;
  onSkipped(): void;
  logger: Logger;
}): Sink[] => {
  const { config, catalog, now, onSkipped, logger } = deps;
  const { shopifyUrl, shopifyToken, webhookUrls, webhookSecret } = config;
  const versionOf = async (name: string): Promise<number | null> => {
    try {
      return (await catalog.product({ params: { name } })).product.version;
    } catch (error) {
      if (error instanceof CallError && error.status === 404) return null;
      throw error;
    }
  };
  const shops =
    shopifyUrl === null || shopifyToken === null
      ? []
      : [createShopifySink({ url: shopifyUrl, token: shopifyToken, versionOf, now, onSkipped, logger })];
  const receivers =
    webhookSecret === null
      ? []
      : [...new Set(webhookUrls)].map((url) => createWebhookSink({ url, secret: webhookSecret }));
  return [...shops, ...receivers];
};
