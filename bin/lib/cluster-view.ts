/** What the front says of the cluster, as seen from outside: over HTTP, like any user. */
import { request } from 'undici';

export type ClusterView = {
  term: number;
  version: number;
  leader: number | null;
  inSync: number[];
  replicas: {
    id: number;
    role: string;
    alive: boolean;
    /** null for a replica that never answered. */
    lastIndex: number | null;
    commitIndex: number | null;
    lag: number | null;
  }[];
  catalog: { alive: boolean; sequence: number };
  cache: { capacity: number; size: number; hits: number; misses: number; bypassing: boolean };
  /** Services that do harm on purpose, and what; absent if none does. */
  chaos?: Record<string, string>;
};

const get = async (url: string): Promise<{ status: number; body: unknown }> => {
  const { statusCode, body } = await request(url, { headersTimeout: 3000, bodyTimeout: 3000 });
  const text = await body.text();
  try {
    return { status: statusCode, body: JSON.parse(text) };
  } catch {
    return { status: statusCode, body: null };
  }
};

/** The cluster, or null if nobody answers there as the front does. */
export const readCluster = async (frontUrl: string): Promise<ClusterView | null> => {
  try {
    const { status, body } = await get(`${frontUrl}/cluster`);
    return status === 200 ? ((body as { data?: ClusterView } | null)?.data ?? null) : null;
  } catch {
    return null;
  }
};

/** Null if the front can take orders, else why it cannot. */
export const readUnreadiness = async (frontUrl: string): Promise<string | null> => {
  try {
    const { status, body } = await get(`${frontUrl}/readyz`);
    if (status === 200) return null;
    const error = (body as { error?: { message?: string } } | null)?.error;
    return error?.message ?? `the front answers with status ${status}`;
  } catch (error) {
    return `the front does not answer (${describe(error)})`;
  }
};

const describe = (error: unknown): string =>
  error instanceof Error ? String((error as NodeJS.ErrnoException).code ?? error.message) : String(error);
