/** The front's way to the leader's outbox: a dead letter is to be sent again. */
import type { Machine } from '../machine.ts';
import type { Network } from '../network.ts';
import type { Manager } from './manager.ts';

export type ReplayBody = { sink: string; sequence: number };
export type ReplayReply = { status: 200 } | { status: 503 };

const CALL_WAIT_MS = 600;

export const serveReplays = (options: {
  network: Network;
  machine: Machine;
  manager: Manager;
  replica: (id: number) => Machine;
}): void => {
  const { network, machine, manager } = options;
  machine.listen('replay', (body, reply) => {
    const found = manager.leader();
    if ('reason' in found) return reply({ status: 503 });
    network.call<{ ok: boolean }>({
      from: machine,
      to: options.replica(found.leader.id),
      route: 'replay',
      body: { ...(body as ReplayBody), term: found.term },
      waitMs: CALL_WAIT_MS,
      done: (answer) => reply({ status: answer.kind === 'ok' && answer.body.ok ? 200 : 503 }),
    });
  });
};
