/** The virtual world: one clock, one queue of events, one source of chance. Nothing in it happens by itself. */
import { type Chance, createChance } from './chance.ts';
import { createEventQueue } from './event-queue.ts';

/** What has happened so often: shows that a run did something. */
export type Counts = Record<string, number>;

export type World = {
  readonly seed: number;
  readonly chance: Chance;
  readonly counts: Counts;
  /** Virtual milliseconds since the start. */
  nowMs(): number;
  /** Events performed so far. */
  tick(): number;
  /** Plans an event. */
  after(delayMs: number, run: () => void): void;
  /** Performs the next event; false if nothing is left to happen. */
  step(): boolean;
  count(what: string): void;
  readonly tracing: boolean;
  /** Adds a line to the trace. Callers ask `tracing` first where making the text costs something. */
  trace(who: string, text: string): void;
};

export type WorldOptions = { seed: number; onTrace?: ((line: string) => void) | undefined };

export const createWorld = ({ seed, onTrace }: WorldOptions): World => {
  const queue = createEventQueue();
  const counts: Counts = {};
  let nowMs = 0;
  let tick = 0;
  return {
    seed,
    chance: createChance(seed),
    counts,
    nowMs: () => nowMs,
    tick: () => tick,
    after: (delayMs, run) => queue.add(nowMs + Math.max(0, delayMs), run),
    step: () => {
      const event = queue.next();
      if (!event) return false;
      nowMs = event.atMs;
      tick += 1;
      event.run();
      return true;
    },
    count: (what) => {
      counts[what] = (counts[what] ?? 0) + 1;
    },
    tracing: onTrace !== undefined,
    trace: (who, text) => {
      onTrace?.(`${String(tick).padStart(6)} ${nowMs.toFixed(2).padStart(9)} ${who.padEnd(8)} ${text}`);
    },
  };
};
