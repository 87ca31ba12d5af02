/**
 * What the outbox delivers to. A shop takes absolute quantities and knows again what it was sent under one key; a receiver
 * of events takes everything, as often as it comes. Both are outside: they lose nothing in a crash, and they have faults
 * of their own.
 */
import type { JournalCheck } from '../checks/journal.ts';
import { createMachine, type Machine } from '../machine.ts';
import type { Settings, SinkKind } from '../settings.ts';
import { mustHold } from '../violation.ts';
import type { World } from '../world.ts';

export type Delivery = {
  sequence: number;
  /** Of a dead letter that is sent again: the sequence of the note that asks for it. */
  asked: number | null;
  key: string;
  quantities: { name: string; quantity: number }[];
  /** What nobody outside could know: the world's time at which it was sent, and the note that its sender had begun with. */
  sentAtMs: number;
  since: number;
};

export type DeliveryAnswer =
  | { kind: 'delivered' }
  | { kind: 'refused'; error: string }
  | { kind: 'unavailable'; error: string; retryAfterMs: number };

/** How badly a sink does just now. */
export type SinkFaults = {
  /** Share of events that it never takes while this lasts. */
  refusals: number;
  /** Share of requests that it turns away for a while. */
  busy: number;
  /** Share of requests that take effect, and are never answered. */
  lostAnswers: number;
  /** How long it takes at most, answered or not. */
  slowMsMax: number;
};

export const HEALTHY: SinkFaults = { refusals: 0, busy: 0, lostAnswers: 0, slowMsMax: 1 };

export type SinkNode = {
  name: string;
  kind: SinkKind;
  machine: Machine;
  faults: SinkFaults;
  /** What a shop has of a product; null: it was never told. */
  level(name: string): number | null;
};

export const createSinkNode = (options: {
  world: World;
  settings: Settings;
  journal: JournalCheck;
  kind: SinkKind;
}): SinkNode => {
  const { world, settings, kind } = options;
  const { chance } = world;
  const { outbox } = options.journal;
  const name = kind;
  const levels = new Map<string, { quantity: number; sequence: number }>();
  const keys = new Set<string>();
  const isRefused = new Map<number, boolean>();

  /**
   * Nothing arrives of what was given up, from those who did not know that yet: its attempts are over for so long that nobody
   * has them on their way any more. This is the one thing that keys cannot answer for.
   */
  const isOver = ({ sequence, asked, sentAtMs, since }: Delivery): boolean => {
    if (asked === null) return outbox.wasGivenUp(name, sequence, since);
    return world.nowMs() - sentAtMs > settings.outbox.lateMsMax || outbox.wasGivenUpAgain(name, { sequence, asked });
  };

  const take = (delivery: Delivery): void => {
    const { sequence, key, quantities } = delivery;
    if (keys.has(key)) {
      world.count('deliveries that came again');
      if (kind === 'shop') return;
    } else if (isOver(delivery)) {
      world.count('deliveries that came too late to be true');
      return;
    }
    keys.add(key);
    if (delivery.asked !== null) world.count(`dead letters that came to the ${kind} sink`);
    outbox.arrived(name, sequence);
    for (const one of quantities) {
      const before = levels.get(one.name)?.sequence ?? 0;
      mustHold(before <= sequence, 'K8', () => `${name} goes back from ${before} to ${sequence} of "${one.name}"`);
      levels.set(one.name, { quantity: one.quantity, sequence });
    }
  };

  const judge = ({ sequence }: Delivery): DeliveryAnswer => {
    const { refusals, busy } = node.faults;
    const isBad = isRefused.get(sequence) ?? chance.happens(refusals);
    if (refusals > 0) isRefused.set(sequence, isBad);
    if (refusals > 0 && isBad) return { kind: 'refused', error: `${name} does not want ${sequence}` };
    if (chance.happens(busy)) return { kind: 'unavailable', error: 'busy', retryAfterMs: chance.pick([0, 50, 300]) };
    return { kind: 'delivered' };
  };

  const program = (machine: Machine): void => {
    machine.listen('deliver', (body, reply) => {
      const delivery = body as Delivery;
      machine.after(chance.between(0, node.faults.slowMsMax), () => {
        const answer = judge(delivery);
        world.count(`deliveries to the ${kind} sink: ${answer.kind}`);
        if (world.tracing) world.trace(name, `${JSON.stringify(delivery)} is ${JSON.stringify(answer)}`);
        if (answer.kind === 'delivered') take(delivery);
        if (!chance.happens(node.faults.lostAnswers)) reply(answer);
      });
    });
  };

  const node: SinkNode = {
    name,
    kind,
    machine: createMachine(world, { name, drift: 0, program }),
    faults: HEALTHY,
    level: (product) => levels.get(product)?.quantity ?? null,
  };
  return node;
};
