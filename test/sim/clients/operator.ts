/** An operator, who looks after dead letters now and then, and in some runs tidies all of them up in the end. */
import type { JournalCheck } from '../checks/journal.ts';
import { createMachine, type Machine } from '../machine.ts';
import type { Network } from '../network.ts';
import type { ReplayReply } from '../nodes/replays.ts';
import type { Settings } from '../settings.ts';
import { mustHold } from '../violation.ts';
import type { World } from '../world.ts';

export type Operator = {
  machine: Machine;
  /** From now on dead letters are only sent again to tidy up. */
  finish(): void;
  isIdle(): boolean;
};

const ANSWER_WAIT_MS = 1500;

export const createOperator = (options: {
  world: World;
  network: Network;
  settings: Settings;
  journal: JournalCheck;
  front: () => Machine;
}): Operator => {
  const { world, network, settings, journal } = options;
  const { chance } = world;
  const { sinks, limits, operatorEveryMs } = settings.outbox;
  const isTidy = chance.happens(0.5);
  let finishing = false;
  let open = false;

  /** A sink that is full of dead letters stops: then there is no choice. */
  const toSend = (): { sink: string; sequence: number }[] =>
    sinks.flatMap((sink) => {
      const dead = journal.outbox.dead(sink);
      const isWanted = !finishing || isTidy || dead.length >= limits.deadMax;
      return isWanted ? dead.map((sequence) => ({ sink, sequence })) : [];
    });

  const look = (): void => {
    machine.after(chance.between(0, operatorEveryMs), look);
    const letters = toSend();
    if (open || letters.length === 0) return;
    // The newest one is the likeliest to matter still.
    const letter = chance.happens(0.5) ? (letters.at(-1) as (typeof letters)[number]) : chance.pick(letters);
    open = true;
    network.call<ReplayReply>({
      from: machine,
      to: options.front(),
      route: 'replay',
      body: letter,
      waitMs: ANSWER_WAIT_MS,
      done: (answer) => {
        open = false;
        if (answer.kind !== 'ok' || answer.body.status !== 200) return;
        world.count('dead letters sent again');
        const isRecorded = journal.outbox.wasAskedFor(letter.sink, letter.sequence);
        mustHold(
          isRecorded,
          'I18',
          () => `${letter.sequence} is to be sent to ${letter.sink} again, and no note says so`,
        );
      },
    });
  };

  const machine = createMachine(world, {
    name: 'operator',
    drift: 0,
    program: () => {
      if (sinks.length > 0) look();
    },
  });
  return {
    machine,
    finish: () => {
      finishing = true;
    },
    isIdle: () => finishing && !open && toSend().length === 0,
  };
};
