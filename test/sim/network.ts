/**
 * The network between machines. Every message crosses as JSON text; it may be lost, doubled, overtaken, or come hours
 * late, and each direction between two machines can be cut by itself.
 *
 * A message goes one way. A call is a message that expects an answer within a time; like a call over HTTP it can also
 * find nobody there (`refused`) or lose its connection (`broken`).
 */
import type { Machine } from './machine.ts';
import type { World } from './world.ts';

export type Answer<Body> = { kind: 'ok'; body: Body } | { kind: 'refused' } | { kind: 'broken' } | { kind: 'timeout' };

/** How bad the network is just now. */
export type Weather = {
  loss: number;
  duplicate: number;
  /** Share of messages of which a copy arrives at any later time. */
  late: number;
  /** Share of messages that are slow, and how slow they can be. */
  slow: number;
  slowMsMax: number;
  usualMsMax: number;
};

export const FAIR_WEATHER: Weather = { loss: 0, duplicate: 0, late: 0, slow: 0, slowMsMax: 1, usualMsMax: 1 };

export type Call<Body> = {
  from: Machine;
  to: Machine;
  route: string;
  body: unknown;
  waitMs: number;
  done: (answer: Answer<Body>) => void;
};

export type Network = {
  weather: Weather;
  /** Machines at the edge: the weather does not reach what they send and are sent. */
  readonly edge: Set<Machine>;
  /** Messages that come late come within this time. */
  lateMsMax: number;
  post(message: { from: Machine; to: Machine; route: string; body: unknown }): void;
  call<Body>(call: Call<Body>): void;
  /** Cuts one direction; the same cut may be made several times and must be healed as often. */
  cut(from: Machine, to: Machine): void;
  heal(from: Machine, to: Machine): void;
  isCut(from: Machine, to: Machine): boolean;
  /** How long a message takes in this weather. What is `prompt` is slow less often: one slow line holds up all after it. */
  delayMs(prompt?: 'prompt'): number;
};

export const createNetwork = (world: World): Network => {
  const { chance } = world;
  const cuts = new Map<Machine, Map<Machine, number>>();

  const cutsOf = (from: Machine): Map<Machine, number> => {
    const found = cuts.get(from) ?? new Map<Machine, number>();
    cuts.set(from, found);
    return found;
  };

  const network: Network = {
    weather: FAIR_WEATHER,
    edge: new Set(),
    lateMsMax: 0,
    delayMs: (prompt) => {
      const { weather } = network;
      if (chance.happens(prompt ? weather.slow / 10 : weather.slow)) return chance.between(0, weather.slowMsMax);
      return chance.between(0.05, weather.usualMsMax);
    },
    cut: (from, to) => {
      cutsOf(from).set(to, (cutsOf(from).get(to) ?? 0) + 1);
    },
    heal: (from, to) => {
      cutsOf(from).set(to, (cutsOf(from).get(to) ?? 0) - 1);
    },
    isCut: (from, to) => (cuts.get(from)?.get(to) ?? 0) > 0,
    post: ({ from, to, route, body }) => {
      const text = JSON.stringify(body);
      carry(from, to, () => to.hear(() => to.handler(route)?.(JSON.parse(text), () => {}, from)));
    },
    call: ({ from, to, route, body, waitMs, done }) => {
      const text = JSON.stringify(body);
      const life = from.life();
      let open = true;
      const end = (answer: Answer<never>, replyText?: string): void => {
        from.hear(() => {
          if (!open || from.life() !== life) return;
          open = false;
          done(replyText === undefined ? answer : { kind: 'ok', body: JSON.parse(replyText) });
        });
      };
      from.after(waitMs, () => {
        if (open) end({ kind: 'timeout' });
      });
      carry(from, to, () => {
        if (to.state() === 'down') return carry(to, from, () => end({ kind: 'refused' }));
        to.hear(() => {
          const servedIn = to.life();
          const answered = watch(to, servedIn, () => carry(to, from, () => end({ kind: 'broken' })));
          const handler = to.handler(route);
          // A process that listens on no such route is still starting: nobody is there yet.
          if (!handler) return carry(to, from, () => end({ kind: 'refused' }));
          handler(
            JSON.parse(text),
            (reply) => {
              if (to.life() !== servedIn || !answered()) return;
              const replyText = JSON.stringify(reply);
              carry(to, from, () => end({ kind: 'broken' }, replyText));
            },
            from,
          );
        });
      });
    },
  };

  /** Calls that a machine is working on: they break when it goes down. */
  const served = new Map<Machine, Set<() => void>>();
  const watchAll = (machine: Machine): Set<() => void> => {
    const calls = new Set<() => void>();
    served.set(machine, calls);
    machine.onDown(() => {
      const lost = [...calls];
      calls.clear();
      for (const tell of lost) if (chance.happens(0.8)) tell();
    });
    return calls;
  };
  const watch = (machine: Machine, life: number, broken: () => void): (() => boolean) => {
    const calls = served.get(machine) ?? watchAll(machine);
    calls.add(broken);
    return () => machine.life() === life && calls.delete(broken);
  };

  /** Brings something over, as often as the weather decides: never, once, or again later. */
  const carry = (from: Machine, to: Machine, arrive: () => void): void => {
    const { weather, edge } = network;
    if (edge.has(from) || edge.has(to)) return world.after(chance.between(0.05, 1), arrive);
    if (weather.late > 0 && chance.happens(weather.late)) {
      world.count('late copies');
      world.after(chance.between(0, network.lateMsMax) * chance.pick([0.01, 0.1, 1]), arrive);
    }
    if (network.isCut(from, to) || (weather.loss > 0 && chance.happens(weather.loss))) {
      world.count('lost messages');
      return;
    }
    world.after(network.delayMs(), arrive);
    if (weather.duplicate > 0 && chance.happens(weather.duplicate)) {
      world.count('doubled messages');
      world.after(network.delayMs(), arrive);
    }
  };

  return network;
};
