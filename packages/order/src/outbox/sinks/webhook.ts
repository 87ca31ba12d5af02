/** A receiver of signed webhooks: every event as CloudEvents JSON. */
import { createHash, createHmac } from 'node:crypto';
import { createOutside } from '@till/shared/outside';
import { cloudEvent } from '../events.ts';
import { type Calls, defaultCalls, type Sink, unavailable } from './sink.ts';

/** The name of the receiver at an address. The address itself may hold secrets, and is told to nobody. */
export const webhookName = (url: string): string =>
  `webhook-${createHash('sha256').update(url).digest('hex').slice(0, 8)}`;

/** What the header `X-Till-Hmac-Sha256` says of a body. */
export const signatureOf = (secret: string, body: string): string =>
  createHmac('sha256', secret).update(body).digest('base64');

export type WebhookDeps = { url: string; secret: string; calls?: Calls };

export const createWebhookSink = ({ url, secret, calls = defaultCalls }: WebhookDeps): Sink => {
  const name = webhookName(url);
  const outside = createOutside({ name, url, ...calls, retries: 0 });
  return {
    name,
    async deliver({ movement, storeId, signal }) {
      const body = JSON.stringify(cloudEvent(storeId, movement));
      const headers = {
        'content-type': 'application/cloudevents+json',
        'x-till-hmac-sha256': signatureOf(secret, body),
      };
      try {
        const { status } = await outside.call({ method: 'POST', headers, body, signal });
        if (status >= 200 && status <= 299) return { kind: 'delivered' };
        return { kind: 'refused', error: `${name} answered ${status}` };
      } catch (error) {
        signal.throwIfAborted();
        return unavailable(error);
      }
    },
    close: () => outside.close(),
  };
};
