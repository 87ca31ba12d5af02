/** The service itself: whether it runs and can decide, how the cluster does, what it offers. */
import { problem } from '@till/shared/errors';
import { json, Reply } from '@till/shared/reply';
import type { clusterStatus } from '../cluster-status.ts';
import { type Handler, RETRY_AFTER } from './replies.ts';

export type OperationDeps = {
  status(): ReturnType<typeof clusterStatus>;
  /** null when orders can be decided; else the reason why not. */
  whyNotReady(): string | null;
  /** The metrics as Prometheus reads them. */
  metrics: { contentType: string; text(): Promise<string> };
  /** The description of the interface, as JSON. */
  openApi: string;
};

export const createOperationHandlers = ({ status, whyNotReady, metrics, openApi }: OperationDeps) => {
  const ready: Handler = () => {
    const reason = whyNotReady();
    if (reason === null) return json(200, { data: { ready: true } });
    return problem(503, reason, `Cannot decide orders now: ${reason}`, RETRY_AFTER);
  };
  const alive: Handler = () => json(200, { data: { alive: true } });
  const cluster: Handler = () => json(200, { data: status() });
  const measurements: Handler = async () =>
    new Reply(await metrics.text(), { headers: { 'content-type': metrics.contentType } });
  const description: Handler = () => json(200, openApi);
  return { alive, ready, cluster, metrics: measurements, openApi: description };
};
