/** One check as a service of its own: the very module that otherwise runs inside the front, behind one route. */
import { createClient } from '@till/shared/client';
import { monotonicMs, wallMs } from '@till/shared/clock';
import { catalogContract } from '@till/shared/contract';
import { createHandler } from '@till/shared/handler';
import { limits } from '@till/shared/limits';
import type { Logger } from '@till/shared/logger';
import { createMetrics, type Metrics } from '@till/shared/metrics';
import { type Listening, serve } from '@till/shared/serve';
import { createServiceRouter, type ServiceRoute } from '@till/shared/service-router';
import { checksContract } from './contract.ts';
import { monthOf } from './expiry.ts';
import { createFraudDetection } from './fraud.ts';
import { createCheckMeasures } from './measures.ts';
import type { CheckName } from './names.ts';
import { createSuggestions } from './suggestions.ts';
import { createVerification } from './verification.ts';

export type CheckServiceOptions = {
  name: CheckName;
  /** 0: any free port. */
  port: number;
  /** Whose journal tells what was bought; only suggestions need it. */
  catalogUrl: string;
  logger: Logger;
};

/** A caller that has gone away cancels nothing here: every check is over within moments. */
const UNCANCELLED = { signal: new AbortController().signal };

/** What differs from check to check. */
type Part = { route: ServiceRoute; whyNotReady(): string | null; close(): Promise<void> };

/** Answers only this machine. Nothing of what is asked is logged. */
export const startCheckService = async (options: CheckServiceOptions): Promise<Listening> => {
  const { name, port, logger } = options;
  const metrics = createMetrics(`check-${name}`);
  const onError = (error: unknown): void => logger.error({ error }, 'A request failed');
  const part = parts[name](options, metrics);
  const { fetch } = createServiceRouter({
    routes: [part.route],
    whyNotReady: part.whyNotReady,
    metrics,
    onError,
  });
  const server = await serve({
    fetch,
    port,
    hostname: '127.0.0.1',
    bodyBytesMax: limits.internalBodyBytesMax,
    onError,
  }).catch(async (error) => {
    await part.close();
    throw error;
  });
  return {
    ...server,
    close: async () => {
      await server.close();
      await part.close();
    },
  };
};

const always = { whyNotReady: () => null, close: async () => {} };

const parts: Record<CheckName, (options: CheckServiceOptions, metrics: Metrics) => Part> = {
  verification: (_, metrics) => {
    const { verify } = checksContract;
    const check = createCheckMeasures(metrics).watch(
      'verification',
      createVerification({ today: () => monthOf(wallMs()) }),
    );
    return {
      ...always,
      route: { ...verify, handler: createHandler(verify, ({ body }) => check(body, UNCANCELLED)) },
    };
  },
  fraud: (_, metrics) => {
    const { detect } = checksContract;
    const check = createCheckMeasures(metrics).watch('fraud', createFraudDetection({ now: monotonicMs }));
    return {
      ...always,
      route: { ...detect, handler: createHandler(detect, ({ body }) => check(body, UNCANCELLED)) },
    };
  },
  suggestions: ({ catalogUrl, logger }, metrics) => {
    const { suggest } = checksContract;
    const catalog = createClient(catalogContract, { url: catalogUrl });
    const suggesting = createSuggestions({
      history: (range) => catalog.history({ query: range }),
      onFailed: (error) => logger.warn({ error }, 'cannot read what was bought, suggestions may be old'),
    });
    const check = createCheckMeasures(metrics).watch('suggestions', suggesting.suggest);
    return {
      route: { ...suggest, handler: createHandler(suggest, ({ body }) => check(body, UNCANCELLED)) },
      whyNotReady: () => (suggesting.isReady() ? null : 'catalog_away'),
      close: async () => {
        suggesting.close();
        await catalog.close();
      },
    };
  },
};
