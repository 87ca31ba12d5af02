/** A receiver of Till's webhooks: checks what it gets, keeps it, and goes wrong when it is told to. */
import { createHmac, timingSafeEqual } from 'node:crypto';
import { createServer, type IncomingMessage } from 'node:http';
import { type Answer, answerWith, createFaults, type Faults, listen, readBody } from './faults.ts';

export type ReceivedEvent = { id: string; type: string; data: { sequence: number; stock: { name: string }[] } };

export type WebhookReceiver = {
  url: string;
  faults: Faults;
  /** Events with the right form and signature that were accepted, in the order in which they were; repeats too. */
  events(): ReceivedEvent[];
  /** What was wrong with the others. */
  complaints(): string[];
  /** Requests, whatever became of them. */
  calls(): number;
  close(): Promise<void>;
};

export const startWebhookReceiver = async ({
  port = 0,
  secret,
}: {
  port?: number;
  secret: string;
}): Promise<WebhookReceiver> => {
  const faults = createFaults();
  const events: ReceivedEvent[] = [];
  const complaints: string[] = [];
  let calls = 0;

  const accept = (request: IncomingMessage, body: Buffer): Answer => {
    const complaint = complaintOf(request, body, secret);
    if (complaint === null) events.push(JSON.parse(body.toString('utf8')) as ReceivedEvent);
    else complaints.push(complaint);
    return complaint === null ? { status: 204, body: '' } : { status: 400, body: complaint };
  };

  const server = createServer(async (request, response) => {
    calls += 1;
    const fault = faults.take();
    const body = await readBody(request);
    await answerWith(fault, request, response, () => accept(request, body));
  });
  const { url, close } = await listen(server, port);
  return {
    url: `${url}/events?token=in-the-address`,
    faults,
    events: () => events,
    complaints: () => complaints,
    calls: () => calls,
    close,
  };
};

const complaintOf = (request: IncomingMessage, body: Buffer, secret: string): string | null => {
  if (request.method !== 'POST') return `method ${request.method}`;
  const type = request.headers['content-type'];
  if (type !== 'application/cloudevents+json') return `content type ${type}`;
  const given = Buffer.from(String(request.headers['x-till-hmac-sha256']), 'base64');
  const due = createHmac('sha256', secret).update(body).digest();
  if (given.length !== due.length || !timingSafeEqual(given, due)) return 'signature';
  const event = JSON.parse(body.toString('utf8')) as Record<string, unknown>;
  if (event.specversion !== '1.0' || event.source !== 'till' || typeof event.id !== 'string') return 'not a CloudEvent';
  return null;
};
