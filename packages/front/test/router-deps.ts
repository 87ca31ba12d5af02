/** Everything that the router needs, over the shop in memory; a test replaces what it is about. */
import { createHmac } from 'node:crypto';
import type { Ledger } from '../src/ledger.ts';
import type { SinkStatus } from '../src/order-client.ts';
import { createPlacement } from '../src/placement.ts';
import type { RouterDeps } from '../src/router.ts';
import type { Warehouse } from '../src/warehouse.ts';
import { createMemoryLedger } from './memory-ledger.ts';

/** What the webhooks of tests are signed with: the new secret, and the one that it replaces. */
export const SECRETS = ['the new secret', 'the old secret'] as const;

export const signatureOf = (body: string | Uint8Array, secret: string = SECRETS[0]): string =>
  createHmac('sha256', secret).update(body).digest('base64');

/** Two that are told of changes; one of them has given the first order up. */
const SINKS: SinkStatus[] = [
  {
    sink: 'webhook-0a1b2c3d',
    delivered: 2,
    lag: 0,
    dead: [{ sequence: 2, attempts: 60, error: 'it answered 503' }],
    again: [],
    trying: [],
    pausedMs: 0,
  },
  { sink: 'shopify', delivered: 1, lag: 1, dead: [], again: [], trying: [], pausedMs: 0 },
];

const shopLedger = (): Ledger => {
  const { ledger, shop } = createMemoryLedger();
  shop.sinks = SINKS;
  return ledger;
};

/** Without a `placement`, that over the ledger, with the warehouse if there is one. */
export const routerDeps = ({
  ledger = shopLedger(),
  warehouse = null,
  ...deps
}: Partial<RouterDeps> & { warehouse?: Pick<Warehouse, 'check'> | null } = {}): RouterDeps => ({
  ledger,
  placement: createPlacement({ ledger, warehouse }),
  requestWaitMs: 1000,
  shopifySecrets: SECRETS,
  checkout: { post: unwanted, get: unwanted },
  traffic: { hit: () => {}, answered: () => {}, webhook: () => {} },
  status: unwanted,
  whyNotReady: () => null,
  metrics: { contentType: 'text/plain', text: async () => 'metrics 1\n' },
  onError: (error) => {
    throw error;
  },
  ...deps,
});

const unwanted = () => {
  throw new Error('this test does not ask for it');
};
