/** What is told to others: how far each of them is, one event, a dead letter sent again. */
import { Problem } from '@till/shared/errors';
import { decoded } from '@till/shared/handler';
import { json } from '@till/shared/reply';
import type { Ledger } from '../ledger.ts';
import { quote } from '../quote.ts';
import { type Handler, type Routed, wholeNumberOf } from './replies.ts';

export const createOutboxHandlers = (ledger: Pick<Ledger, 'outbox' | 'outboxEvent' | 'replay'>) => {
  const outbox: Handler = async () => json(200, { data: { sinks: await ledger.outbox() } });

  const outboxEvent: Handler = async (request) => {
    const sequence = sequenceOf(request);
    const { event, sinks } = await ledger.outboxEvent(sequence);
    if (event === null) throw unknownEvent(sequence);
    return json(200, { data: { event, sinks } });
  };

  const replayEvent: Handler = async (request) => {
    const sequence = sequenceOf(request);
    const sink = new URL(request.url).searchParams.get('sink');
    const sinks = await ledger.replay(sequence, sink);
    if (sinks.length > 0) return json(200, { data: { sinks } });
    const where = sink === null ? 'any sink' : `the sink ${quote(sink)}`;
    throw new Problem(409, 'not_a_dead_letter', `Cannot send ${sequence} again: it is no dead letter of ${where}`);
  };

  return { outbox, outboxEvent, replayEvent };
};

const sequenceOf = (request: Routed): number => {
  const { sequence = '' } = decoded(request.params);
  const whole = wholeNumberOf(sequence);
  if (whole === null) throw unknownEvent(sequence);
  return whole;
};

const unknownEvent = (sequence: number | string): Problem =>
  new Problem(404, 'unknown_event', `Cannot find an event ${quote(sequence)}`);
