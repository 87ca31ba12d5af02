/**
 * A circuit breaker on a clock that only goes forward. cockatiel's own asks `Date.now()` how long it has been open: after
 * the machine's clock was set back by an hour it would stay open for an hour. So how long it is open is measured here, and
 * cockatiel is told with `initialState` when that is over; the rest, and what a state means, is cockatiel's.
 *
 *   closed ──failures──► open ──openMs──► half open: one call probes ──success──► closed
 *                         ▲                          │
 *                         └─────────failure──────────┘
 */
import {
  BrokenCircuitError,
  CircuitState,
  ConsecutiveBreaker,
  circuitBreaker,
  handleWhen,
  type IBreaker,
  SamplingBreaker,
} from 'cockatiel';
import { monotonicMs, wallMs } from './clock.ts';

export type BreakerState = 'closed' | 'open' | 'half_open';

export type Breaker = {
  /**
   * Does the work, or throws cockatiel's `BrokenCircuitError` at once without doing it. Nobody waits for somebody else's
   * probe. What the work throws is counted if it is a failure; anything else says nothing, and such a probe is made again.
   */
  execute<Value>(work: () => Promise<Value>): Promise<Value>;
  /** Stays `open` when its time is over, until a call comes to probe. */
  state(): BreakerState;
  /** Milliseconds until a call is let through, as far as that is known; null if one is now. */
  blockedMs(): number | null;
};

export type BreakerOptions = {
  /** When it opens. */
  rule: BreakerRule;
  openMs: number;
  isFailure(error: unknown): boolean;
  /** After every change of `state()`; `failure` is the last one. */
  onState?(failure: unknown): void;
  /** A clock that only goes forward. */
  nowMs?(): number;
};

export type BreakerRule = 'at the first failure' | 'at half failures';

/** Until a probe has its outcome, nobody knows when the next call is let through. */
const PROBE_MS = 1000;

export const createBreaker = (options: BreakerOptions): Breaker => {
  const { rule, openMs, isFailure, onState, nowMs = monotonicMs } = options;
  const undecided = new WeakSet<object>();
  const counts = handleWhen((error) => isFailure(error) || undecided.has(error));
  let openUntilMs = 0;

  /** `due`: open, and its time is over, whatever the wall clock says. One that was replaced is open, and tells no more. */
  const start = (due: boolean) => {
    const breaker = rule === 'at half failures' ? createSampling(nowMs) : new ConsecutiveBreaker(1);
    const ownState = { value: CircuitState.Open, openedAt: -Infinity, attemptNo: 1 };
    const initialState = due ? { initialState: { ownState, breakerState: breaker.state } } : {};
    const started = circuitBreaker(counts, { halfOpenAfter: openMs, breaker, ...initialState });
    started.onBreak((reason) => {
      const error = 'error' in reason ? reason.error : undefined;
      openUntilMs = nowMs() + (error !== undefined && undecided.has(error) ? 0 : openMs);
    });
    started.onStateChange(() => {
      const last = started.lastFailure;
      onState?.(last !== undefined && 'error' in last ? last.error : undefined);
    });
    return started;
  };
  let policy = start(false);

  const blockedMs = (): number | null => {
    if (policy.state === CircuitState.Closed) return null;
    if (policy.state === CircuitState.HalfOpen) return PROBE_MS;
    const leftMs = openUntilMs - nowMs();
    return leftMs > 0 ? leftMs : null;
  };

  /** The work of a probe. An end that says nothing opens the breaker again, where cockatiel would close it. */
  const probing =
    <Value>(work: () => Promise<Value>) =>
    async (): Promise<Value> => {
      try {
        return await work();
      } catch (error) {
        if (!isFailure(error) && error instanceof Error) undecided.add(error);
        throw error;
      }
    };

  return {
    execute: async (work) => {
      if (blockedMs() !== null) throw new BrokenCircuitError();
      if (policy.state === CircuitState.Closed) return policy.execute(work);
      // A new one: what began before it opened, and fails only now, does not disturb the probe.
      policy = start(true);
      return policy.execute(probing(work));
    },
    state: () => states[policy.state],
    blockedMs,
  };
};

const states: Record<CircuitState, BreakerState> = {
  [CircuitState.Closed]: 'closed',
  [CircuitState.HalfOpen]: 'half_open',
  [CircuitState.Open]: 'open',
  [CircuitState.Isolated]: 'open',
};

/** cockatiel opens above the threshold, and half is already too much. */
const HALF = 0.4999;
const SAMPLING_MS = 10_000;
/** At least five in ten seconds. */
const SAMPLES_PER_SECOND_MIN = 0.5;

/**
 * Half of what was done has failed, in the last ten seconds, and of at least five. cockatiel counts in windows of a second,
 * and a window ends only when something is counted after it: if there is less than one count a second, the ten windows hold
 * the last ten counts, however long ago they were. So five are enough at any rate, and no rate is too low to open it.
 *
 * The windows carry the time of day at which they began. Before each count they are moved along with whatever the time of
 * day did meanwhile beside the clock that only goes forward.
 */
const createSampling = (nowMs: () => number): IBreaker => {
  const sampling = new SamplingBreaker({ threshold: HALF, duration: SAMPLING_MS, minimumRps: SAMPLES_PER_SECOND_MIN });
  let offsetMs = wallMs() - nowMs();
  const follow = () => {
    const jumpMs = wallMs() - nowMs() - offsetMs;
    offsetMs += jumpMs;
    const { windows } = sampling.state as { windows: { startedAt: number }[] };
    sampling.state = { windows: windows.map((window) => ({ ...window, startedAt: window.startedAt + jumpMs })) };
  };
  return {
    get state() {
      return sampling.state;
    },
    set state(state) {
      sampling.state = state;
    },
    success(state) {
      follow();
      sampling.success(state);
    },
    failure(state) {
      follow();
      return sampling.failure(state);
    },
  };
};
