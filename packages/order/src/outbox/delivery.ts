/**
 * The outbox of a replica: while the replica leads and serves, every committed event goes to every sink. There is no record of an
 * event besides its movement in the log, and none of a delivery besides the sink's notes there.
 */
import { setImmediate } from 'node:timers';
import { deadline } from '@till/shared/clock';
import type { orderContract, ResponseOf, sinkStatusSchema } from '@till/shared/contract';
import type { Logger } from '@till/shared/logger';
import type { Movement } from '@till/shared/movement';
import type { OrderLog } from '@till/shared/order-log';
import type { Random } from '@till/shared/random';
import type { Static } from 'typebox';
import type { SinkLimits } from './core/types.ts';
import { cloudEvent, eventIn } from './events.ts';
import type { OutboxHost } from './host.ts';
import { outboxLimits } from './limits.ts';
import type { OutboxMetrics } from './metrics.ts';
import { createRunner, type Runner } from './runner.ts';
import type { Sink } from './sinks/sink.ts';

export type SinkStatus = Static<typeof sinkStatusSchema>;
type Told<Route extends keyof typeof orderContract> = ResponseOf<(typeof orderContract)[Route]>;

/** Everything is asked in a term, and answered only by who leads and serves in it. */
export type Outbox = {
  status(term: number): Told<'outbox'>;
  event(term: number, sequence: number): Told<'outboxEvent'>;
  /** Answered when it is recorded. `sink`: only there; null: wherever the event is a dead letter. */
  replay(term: number, sequence: number, sink: string | null): Promise<Told<'outboxReplay'>>;
  /** Ends all deliveries, and records how far they have come if there is time. */
  close(): Promise<void>;
};

export const createOutbox = (deps: {
  host: OutboxHost;
  sinks: Sink[];
  limits: SinkLimits;
  /** Milliseconds of a clock that only goes forward. */
  now(): number;
  random: Random;
  logger: Logger;
  metrics: OutboxMetrics;
  orderLog?: OrderLog | null;
}): Outbox => {
  const { host, sinks, metrics } = deps;
  const read = createReader(host);
  /** In this term these runners deliver. */
  let term: number | null = null;
  let runners: Runner[] = [];
  let isTurnDue = false;
  let isClosed = false;

  const run = (sink: Sink, current: number): Runner => {
    const runner = createRunner({
      ...deps,
      sink,
      read,
      term: current,
      onOvertaken() {
        runner.stop();
        runners = runners.map((one) => (one === runner ? run(sink, current) : one));
      },
    });
    return runner;
  };

  /** Stops what this replica must not do any more, begins what it must. */
  const follow = (): void => {
    const leading = isClosed ? null : host.leading();
    if (leading === term) return;
    for (const runner of runners) runner.stop();
    term = leading;
    runners = leading === null ? [] : sinks.map((sink) => run(sink, leading));
  };

  /** Catching up goes on at once, but lets others have their turn. */
  const turn = (): void => {
    follow();
    const isMore = runners.map((runner) => runner.turn()).includes(true);
    if (!isMore || isTurnDue || isClosed) return;
    isTurnDue = true;
    setImmediate(() => {
      isTurnDue = false;
      turn();
    });
  };
  const ticking = setInterval(turn, outboxLimits.tickMs);
  metrics.watch(() => runners.map((runner) => runner.status()));

  const refusal = (asked: number): { term: number; ok: false; reason: string } | null => {
    follow();
    return term === asked ? null : { term: asked, ok: false, reason: 'not_leader' };
  };

  return {
    status: (asked) => refusal(asked) ?? { term: asked, ok: true, sinks: runners.map((runner) => runner.status()) },
    event(asked, sequence) {
      const refused = refusal(asked);
      if (refused !== null) return refused;
      const [movement] = sequence > 0 ? read(sequence - 1, 1) : [];
      const event = movement?.sequence === sequence ? eventIn(movement) : null;
      if (event === null) return { term: asked, ok: true, event: null, sinks: [] };
      const standings = runners.map((runner) => ({ sink: runner.name, ...runner.standing(sequence) }));
      return { term: asked, ok: true, event: { ...cloudEvent(host.storeId(), event) }, sinks: standings };
    },
    async replay(asked, sequence, sink) {
      const refused = refusal(asked);
      if (refused !== null) return refused;
      const chosen = runners.filter(
        (runner) => (sink === null || runner.name === sink) && runner.hasDeadLetter(sequence),
      );
      try {
        const recorded = Promise.all(chosen.map((runner) => runner.replay(sequence)));
        await deadline(recorded, outboxLimits.replayWaitMs);
      } catch {
        // It may be recorded or not; asked again, it is recorded once.
        return { term: asked, ok: false, reason: 'unknown' };
      }
      return { term: asked, ok: true, sinks: chosen.map(({ name }) => name) };
    },
    async close() {
      if (isClosed) return;
      isClosed = true;
      clearInterval(ticking);
      await Promise.all(runners.map((runner) => runner.close()));
      runners = [];
      await Promise.all(sinks.map((sink) => sink.close()));
    },
  };
};

/** Reads committed movements, which have no gaps; the last page is kept, since all sinks read the same, and then one by one. */
const createReader = (host: OutboxHost) => {
  let page: Movement[] = [];
  return (after: number, max: number): Movement[] => {
    const at = after + 1 - (page[0]?.sequence ?? 0);
    if (at >= 0 && at < page.length) return page.slice(at, at + max);
    if (max === 1) return host.movements(after, 1);
    page = host.movements(after, outboxLimits.pageMax);
    return page.slice(0, max);
  };
};
