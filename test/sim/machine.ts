/**
 * A machine runs one program at a time. It can crash at any effect, be paused and go on late, and its clock has its own
 * rate. What a program plans belongs to its life: after a crash none of it happens.
 *
 *   down --start--> running --pause--> paused --resume--> running
 *   running, paused --crash--> down
 */
import { assert } from '@till/shared/assert';
import type { World } from './world.ts';

/** Thrown by a machine that stops at once, and caught by it: the rest of what it was doing never happens. */
class Stopped extends Error {}

/** Answers a request; a message that is no request ignores what it is given. */
export type Reply = (body: unknown) => void;
export type Handler = (body: unknown, reply: Reply, from: Machine) => void;

export type Machine = {
  readonly name: string;
  state(): 'down' | 'running' | 'paused';
  /** Counts the starts: who remembers an older number talks of an earlier life. */
  life(): number;
  /** This machine's monotonic clock in milliseconds. */
  clockMs(): number;
  /** Runs later by this machine's clock, unless it crashes before. */
  after(delayMs: number, run: () => void): void;
  /** Runs when the world has something for this machine: now, or once it goes on; never, if it is down. */
  hear(run: () => void): void;
  /** Program side: a point where a crash may fall. Called before each effect. */
  effect(): void;
  /** Program side: what it listens to. Gone after a crash. */
  listen(route: string, handler: Handler): void;
  handler(route: string): Handler | undefined;
  start(): void;
  crash(): void;
  /** Crashes it at the n-th effect from here; null takes that back. */
  crashAtEffect(count: number | null): void;
  /** Program side: ends this life in order. Does not return. */
  exit(why: string): never;
  pause(): void;
  resume(): void;
  /** Told at each crash or exit, in the order of registration; for its disks and its connections. Returns how to end it. */
  onDown(run: () => void): () => void;
};

export type MachineOptions = {
  name: string;
  /** How far the clock may run fast or slow, as a fraction. */
  drift: number;
  /** Starts the program of a new life. */
  program: (machine: Machine) => void;
};

type Waiting = { timer: boolean; run: () => void };

export const createMachine = (world: World, { name, drift, program }: MachineOptions): Machine => {
  let state: 'down' | 'running' | 'paused' = 'down';
  let life = 0;
  let rate = 1;
  let offsetMs = 0;
  let fuse: number | null = null;
  let waiting: Waiting[] = [];
  let routes = new Map<string, Handler>();
  const downs = new Set<() => void>();

  const goDown = (): void => {
    state = 'down';
    life += 1;
    waiting = [];
    routes = new Map();
    fuse = null;
    for (const run of [...downs]) run();
  };

  const perform = (run: () => void): void => {
    try {
      run();
    } catch (error) {
      if (!(error instanceof Stopped)) throw error;
      world.trace(name, error.message);
      goDown();
    }
  };

  const arrive = (timer: boolean, run: () => void): void => {
    if (state === 'paused') waiting.push({ timer, run });
    else if (state === 'running') perform(run);
  };

  const machine: Machine = {
    name,
    state: () => state,
    life: () => life,
    clockMs: () => offsetMs + world.nowMs() * rate,
    after: (delayMs, run) => {
      const planned = life;
      world.after(delayMs / rate, () => {
        if (life === planned) arrive(true, run);
      });
    },
    hear: (run) => arrive(false, run),
    effect: () => {
      if (fuse === null) return;
      fuse -= 1;
      if (fuse > 0) return;
      world.count('crashes between effects');
      throw new Stopped('crashes between two effects');
    },
    listen: (route, handler) => {
      assert(!routes.has(route), 'A route has one handler');
      routes.set(route, handler);
    },
    handler: (route) => routes.get(route),
    start: () => {
      assert(state === 'down', 'Only a machine that is down may start');
      state = 'running';
      rate = 1 + world.chance.between(-drift, drift);
      offsetMs = world.chance.between(0, 1e6) - world.nowMs() * rate;
      world.trace(name, 'starts');
      perform(() => program(machine));
    },
    crash: () => {
      if (state === 'down') return;
      world.count('crashes');
      world.trace(name, 'crashes');
      goDown();
    },
    crashAtEffect: (count) => {
      fuse = count;
    },
    exit: (why) => {
      throw new Stopped(`exits: ${why}`);
    },
    pause: () => {
      if (state !== 'running') return;
      world.count('pauses');
      world.trace(name, 'is paused');
      state = 'paused';
    },
    resume: () => {
      if (state !== 'paused') return;
      world.trace(name, 'goes on');
      state = 'running';
      const backlog = waiting;
      waiting = [];
      const resumed = life;
      // A process that goes on finds due timers and full sockets; which it serves first is not promised.
      if (world.chance.happens(0.5)) backlog.sort((a, b) => Number(b.timer) - Number(a.timer));
      for (const { run, timer } of backlog) if (life === resumed) arrive(timer, run);
    },
    onDown: (run) => {
      downs.add(run);
      return () => downs.delete(run);
    },
  };
  return machine;
};
