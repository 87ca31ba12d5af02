/** A warehouse that is not ours: answers how many of a product there are, and goes wrong on demand. */
import { createServer } from 'node:http';
import { foldName } from '@till/shared/names';
import { answerWith, createFaults, type Faults, listen } from './faults.ts';

export type FakeWarehouse = {
  url: string;
  /** Quantities by sku; may be changed at any time. A sku that is not there is unknown. */
  stock: Record<string, number>;
  /** With `{ status: 200, body: ... }` it answers anything else. */
  faults: Faults;
  /** The skus that were asked for, in the order in which the requests came. */
  calls(): string[];
  /** Ends every connection and refuses new ones, until `accept`. */
  refuse(): Promise<void>;
  accept(): Promise<void>;
  close(): Promise<void>;
};

export const startFakeWarehouse = async (options: {
  port?: number;
  stock: Record<string, number>;
}): Promise<FakeWarehouse> => {
  const { stock } = options;
  const faults = createFaults();
  const calls: string[] = [];

  const open = (port: number | undefined) =>
    listen(
      createServer((request, response) => {
        const sku = skuOf(request.method, request.url ?? '');
        if (sku !== null) calls.push(sku);
        void answerWith(faults.take(), request, response, () => inventory(stock, sku));
      }),
      port,
    );

  let listening: { url: string; close(): Promise<void> } | null = await open(options.port);
  const { url } = listening;
  const refuse = async (): Promise<void> => {
    await listening?.close();
    listening = null;
  };
  return {
    url,
    stock,
    faults,
    calls: () => [...calls],
    refuse,
    accept: async () => {
      listening ??= await open(Number(new URL(url).port));
    },
    close: refuse,
  };
};

const skuOf = (method: string | undefined, path: string): string | null => {
  const match = /^\/products\/([^/?]+)\/inventory$/.exec(path);
  return method === 'GET' && match?.[1] !== undefined ? decodeURIComponent(match[1]) : null;
};

const inventory = (stock: Record<string, number>, sku: string | null) => {
  const known = Object.keys(stock).find((name) => sku !== null && foldName(name) === foldName(sku));
  const headers = { 'content-type': 'application/json' };
  return known === undefined
    ? { status: 404, headers, body: '{"error":"no such product"}' }
    : { status: 200, headers, body: JSON.stringify({ sku: known, available: stock[known] }) };
};
