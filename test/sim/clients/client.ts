/** What every kind of wish needs: a machine at the edge that asks the front, and asks again. */
import type { Line } from '@till/shared/movement';
import type { Chance } from '../chance.ts';
import type { History } from '../history/history.ts';
import type { World } from '../world.ts';

export type Client = {
  name: string;
  world: World;
  chance: Chance;
  history: History;
  /** Sends a request to the front; null: no answer came. */
  ask<Body>(route: string, body: unknown, done: (body: Body | null) => void): void;
  /** Runs after a pause, which counts as open work. */
  later(run: () => void): void;
  /** Some lines of an order, few of them unknown. */
  lines(countMax: number): Line[];
};

/** Something that a client can want; `done` follows once it is answered, or given up. */
export type Wish = (done: () => void) => void;

/** Wants to be asked once at the end, when everything is at rest. */
export type Wishes = { wish: Wish; verify: Wish };

/** Performs both at once. */
export const together =
  (one: Wish, other: Wish): Wish =>
  (done) => {
    let left = 2;
    const end = (): void => {
      left -= 1;
      if (left === 0) done();
    };
    one(end);
    other(end);
  };

export const traceAnswer = ({ world, name }: Client, reply: unknown): void => {
  if (world.tracing) world.trace(name, `is answered ${JSON.stringify(reply)}`);
};
