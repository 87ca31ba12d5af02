/** Rest: what must come true once the faults have ended, and what must hold then. */
import type { Checks } from './invariants.ts';
import type { FrontNode } from './nodes/front.ts';
import type { ReplicaNode } from './nodes/replica.ts';
import type { SinkNode } from './nodes/sinks.ts';
import type { Settings } from './settings.ts';
import { mustHold } from './violation.ts';

/** What is still missing until everything is at rest, or null. */
export const unsettled = (parts: {
  settings: Settings;
  checks: Checks;
  front: FrontNode;
  replicas: ReplicaNode[];
}): string | null => {
  const { settings, checks, front, replicas } = parts;
  const record = front.manager()?.record() ?? null;
  if (record === null) return 'there is no cluster record';
  const members = record.inSync.map(({ id }) => id);
  if (members.length < settings.replicas.length) return `in sync are only ${members.join(', ')}`;
  const leader = record.leader?.id;
  const { rotateLeader } = settings.replica;
  if (!rotateLeader && leader !== settings.replicas.at(-1)) return `the leader is ${leader}`;
  for (const { id, core } of replicas) {
    const replica = core();
    if (replica === null) return `replica ${id} is down`;
    if (id === leader && replica.leadership?.phase !== 'serving') return `the leader is ${replica.leadership?.phase}`;
    if (replica.leadership?.rotating) return `replica ${id} is about to hand over`;
    if (replica.commitIndex < checks.logs.commitIndex()) return `replica ${id} knows ${replica.commitIndex} committed`;
    if (checks.logs.entries(id).length !== checks.logs.commitIndex()) return `replica ${id} has an uncommitted tail`;
  }
  const { journal, logs } = checks;
  if (logs.committedSequence() < journal.sequence())
    return `committed is ${logs.committedSequence()} of ${journal.sequence()}`;
  const waiting = journal.checkouts.waiting();
  if (waiting > 0) return `${waiting} checkouts wait`;
  const behind = settings.outbox.sinks.find((sink) => journal.outbox.open(sink) > 0);
  return behind === undefined ? null : `${behind} is ${journal.outbox.open(behind)} events behind`;
};

/**
 * I11: at rest all logs are equal, and hold every movement of the journal once, in its order. K8: and each shop outside has the
 * stock that the journal tells, but for what stands among the dead letters.
 */
export const checkEnd = ({ replicas, products }: Settings, { logs, journal }: Checks, sinks: SinkNode[]): void => {
  for (const id of replicas) {
    const entries = logs.entries(id);
    const bodies = entries.filter(({ start }) => !start).map(({ body }) => body);
    mustHold(bodies.length === journal.sequence(), 'I11', () => {
      return `replica ${id} has ${bodies.length} movements, the journal ${journal.sequence()}`;
    });
    const hash = entries.at(-1)?.hash;
    mustHold(hash === logs.entries(replicas[0] ?? 0).at(-1)?.hash, 'I11', () => `the log of replica ${id} differs`);
  }
  for (const sink of sinks.filter(({ kind }) => kind === 'shop')) {
    const dead = journal.outbox.dead(sink.name);
    for (const { name } of products) {
      const version = journal.versionAt(name, journal.sequence());
      const isTold = version > 1 && !dead.includes(version);
      const quantity = journal.product(name, version)?.quantity;
      mustHold(!isTold || sink.level(name) === quantity, 'K8', () => {
        return `${sink.name} has ${sink.level(name)} of "${name}", the journal ${quantity} since ${version}`;
      });
    }
  }
};
