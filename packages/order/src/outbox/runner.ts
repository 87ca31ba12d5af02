/** One sink in one term of this leader: performs what the sink's core decides. */
import { sleep } from '@till/shared/clock';
import { noteKey } from '@till/shared/keys';
import type { Logger } from '@till/shared/logger';
import type { Movement, Progress } from '@till/shared/movement';
import type { OrderLog } from '@till/shared/order-log';
import type { Random } from '@till/shared/random';
import {
  createSink,
  deadLettersOf,
  deliveredOf,
  isFull,
  progressOf,
  replayingOf,
  roomOf,
  standingOf,
  tryingOf,
} from './core/state.ts';
import { step } from './core/step.ts';
import type { Effect, Input, Result, SinkLimits } from './core/types.ts';
import { eventIn, productsOf, takenOf } from './events.ts';
import type { OutboxHost } from './host.ts';
import { outboxLimits } from './limits.ts';
import type { OutboxMetrics } from './metrics.ts';
import type { Sink } from './sinks/sink.ts';

export type RunnerDeps = {
  sink: Sink;
  host: Pick<OutboxHost, 'storeId' | 'committedSequence' | 'noteOf' | 'place'>;
  /** The committed movements after a sequence, at most `max`. */
  read(after: number, max: number): Movement[];
  term: number;
  limits: SinkLimits;
  now(): number;
  random: Random;
  logger: Logger;
  metrics: Pick<OutboxMetrics, 'attempt' | 'settled'>;
  /** For `bin/trace`; null unless it is on. */
  orderLog?: Pick<OrderLog, 'delivered' | 'failed'> | null;
  /** Somebody else has written a note of this sink: what this runner knows is not true any more. */
  onOvertaken(): void;
};

export type Runner = ReturnType<typeof createRunner>;

export const createRunner = (deps: RunnerDeps) => {
  const { sink, host, read, term, now, random, metrics, orderLog = null } = deps;
  const logger = deps.logger.child({ sink: sink.name });
  const last = host.noteOf(sink.name);
  const productsAt = (sequence: number): string[] => {
    const event = eventAt(sequence);
    return event === null ? [] : productsOf(event);
  };
  const eventAt = (sequence: number) => {
    const [movement] = read(sequence - 1, 1);
    return movement?.sequence === sequence ? eventIn(movement) : null;
  };
  const state = createSink({
    limits: deps.limits,
    now: now(),
    note: last === null ? null : { ...last, productsOf: productsAt },
  });
  const ending = new AbortController();
  const { signal } = ending;
  /** Ends before all is over: attempts under way may finish, and no further one begins. */
  let isClosing = false;
  let underWay = 0;
  let fullToldAt = Number.NEGATIVE_INFINITY;
  let lastError: string | null = null;
  const requests = new Map<number, { promise: Promise<void>; resolve(): void }>();

  const input = (given: Input): void => {
    if (signal.aborted) return;
    const failuresBefore = state.failures;
    for (const effect of step(state, given)) perform(effect);
    tellFailures(failuresBefore);
    tellRequests();
  };

  const perform = (effect: Effect): void => {
    if (effect.type === 'note') void record(effect);
    else if (!isClosing) void attempt(effect);
  };

  // Attempts.

  const attempt = async ({ attempt: number, sequence, asked }: Extract<Effect, { type: 'attempt' }>): Promise<void> => {
    underWay += 1;
    const result = await deliver(sequence, asked);
    underWay -= 1;
    if (signal.aborted) return;
    count(result);
    const told = { sequence, sink: sink.name, attempts: standingOf(state, sequence).attempts + 1 };
    if (result.kind === 'delivered') orderLog?.delivered(told);
    else orderLog?.failed({ ...told, error: result.error });
    if (result.kind !== 'delivered') lastError = result.error;
    input({ type: 'result', attempt: number, result, jitter: random() });
    if (result.kind === 'delivered') metrics.settled(sink.name, 'delivered');
    else logger.debug({ sequence, error: result.error }, 'not delivered');
    if (standingOf(state, sequence).state === 'dead') tellDead(sequence);
    takeIn();
  };

  const deliver = async (sequence: number, asked: number | null): Promise<Result> => {
    const movement = eventAt(sequence);
    // What was an event when it was taken in is one for ever.
    if (movement === null) return { kind: 'unavailable', error: 'The log does not have it', isUncounted: true };
    const key = asked === null ? `${sequence}` : `${sequence}.${asked}`;
    try {
      return await sink.deliver({ movement, storeId: host.storeId(), key, isReplay: asked !== null, signal });
    } catch (error) {
      if (!signal.aborted) logger.error({ error, sequence }, 'cannot deliver: something unexpected happened');
      return { kind: 'refused', error: 'Something unexpected happened, the log has it' };
    }
  };

  const count = (result: Result): void => {
    const isOpen = result.kind === 'unavailable' && result.isUncounted === true;
    metrics.attempt(sink.name, isOpen ? 'open' : result.kind);
  };

  // Notes.

  /** Until it is recorded, or this is over. What nobody answered is asked again, and then found to be there. */
  const record = async ({ after, progress }: { after: number; progress: Progress }): Promise<void> => {
    while (!signal.aborted) {
      const sequence = await place(after, progress);
      if (signal.aborted) return;
      if (sequence !== null) return input({ type: 'noted', sequence });
      await sleep(outboxLimits.noteRetryMs, signal);
    }
  };

  const place = async (after: number, progress: Progress): Promise<number | null> => {
    const result = await host.place(term, [{ key: noteKey(sink.name), note: { sink: sink.name, after, ...progress } }]);
    const outcome = result.ok ? result.outcomes[0] : undefined;
    if (outcome?.status === 'noted') return outcome.sequence;
    if (outcome?.status !== 'stale' || host.committedSequence() < outcome.sequence) return null;
    const found = host.noteOf(sink.name);
    if (found !== null && found.sequence > after && isSame(found, progress)) return found.sequence;
    logger.error(
      { after, found: outcome.sequence },
      'somebody else has noted how far this sink is: beginning anew there',
    );
    deps.onOvertaken();
    return null;
  };

  // What people should know.

  const tellFailures = (before: number): void => {
    if (before === 0 && state.failures > 0) {
      logger.warn({ error: lastError }, 'the sink takes nothing: paused');
    }
    if (before > 0 && state.failures === 0) logger.info('the sink takes events again');
    if (!isFull(state) || now() - fullToldAt < outboxLimits.fullToldEveryMs) return;
    fullToldAt = now();
    logger.error(
      { dead: state.dead.size },
      'too many dead letters: no further event is given up until some are sent again',
    );
  };

  const tellDead = (sequence: number): void => {
    metrics.settled(sink.name, 'dead');
    logger.error({ ...state.dead.get(sequence) }, 'gave an event up: a dead letter');
  };

  // Requests.

  /** Answers those that are recorded, or that are not needed any more; makes those again that came at the wrong moment. */
  const tellRequests = (): void => {
    for (const [sequence, { resolve }] of requests) {
      const item = state.replays.get(sequence);
      if (!state.dead.has(sequence) || (item !== undefined && item.asked !== 0 && !item.isGivenUp)) {
        requests.delete(sequence);
        resolve();
      } else if (item === undefined) ask(sequence);
    }
  };
  const ask = (sequence: number): void => input({ type: 'replay', sequence, products: productsAt(sequence) });

  /** Takes in what is new, as far as there is room. True if there may be more. */
  const takeIn = (): boolean => {
    const max = Math.min(roomOf(state), outboxLimits.pageMax);
    if (signal.aborted || isClosing || max === 0 || host.committedSequence() <= state.taken) return false;
    const movements = read(state.taken, max);
    input({ type: 'taken', movements: movements.map(takenOf) });
    return movements.length > 0;
  };

  return {
    name: sink.name,
    turn(): boolean {
      input({ type: 'tick', now: now() });
      return takeIn();
    },
    status: () => ({
      sink: sink.name,
      delivered: deliveredOf(state),
      lag: Math.max(0, host.committedSequence() - deliveredOf(state)),
      dead: deadLettersOf(state),
      again: replayingOf(state),
      trying: tryingOf(state, outboxLimits.tryingMax),
      pausedMs: Math.ceil(Math.max(0, state.pausedUntil - now())),
    }),
    standing: (sequence: number) => standingOf(state, sequence),
    hasDeadLetter: (sequence: number) => deadLettersOf(state).some((letter) => letter.sequence === sequence),
    /** Fulfilled when it is recorded that the dead letter is sent again. */
    replay(sequence: number): Promise<void> {
      const request = requests.get(sequence) ?? Promise.withResolvers<void>();
      requests.set(sequence, request);
      tellRequests();
      return request.promise;
    },
    /** Nothing goes out after this. */
    stop: () => ending.abort(),
    /** Lets what is under way end, records how far it has come, and stops. */
    async close(): Promise<void> {
      isClosing = true;
      const until = now() + outboxLimits.closeWaitMs;
      while (underWay > 0 && now() < until && !signal.aborted) await sleep(10, signal);
      if (!signal.aborted && state.noting === null && deliveredOf(state) > state.noted) {
        const noting = place(state.notedAt, progressOf(state));
        await Promise.race([noting, sleep(outboxLimits.closeWaitMs, signal)]);
      }
      ending.abort();
    },
  };
};

/** Whether a note of this progress is what was found: it was recorded, though nobody said so. */
const isSame = (found: { sequence: number; progress: Progress }, sent: Progress): boolean => {
  const again = sent.again.map((one) => ({ ...one, asked: one.asked === 0 ? found.sequence : one.asked }));
  return textOf(found.progress) === textOf({ ...sent, again });
};

const textOf = ({ delivered, dead, again }: Progress): string =>
  JSON.stringify([
    delivered,
    dead.map(({ sequence, attempts, error }) => [sequence, attempts, error]),
    again.map(({ sequence, asked }) => [sequence, asked]),
  ]);
