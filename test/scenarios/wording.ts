/** How a transcript says things: short, and only what a reader of the history needs. */
import type { Found, Query } from '@till/order/replica/find';
import type { Replica } from '@till/order/replica/state';
import type { CatalogAnswer, Durable, Effect, Entry, Message, PlaceResult } from '@till/order/replica/types';
import type { ClusterRecord, Member } from '@till/shared/cluster';
import type { Movement, NoteMovement, Outcome } from '@till/shared/movement';
import { unseal } from '@till/shared/sealed';
import { movementOf } from './catalog.ts';

/** `4:k1`: the place of an entry in the log, and what it records. */
export const entryWords = (entry: Entry): string => {
  const body = JSON.parse(unseal(entry.line)?.body ?? 'null') as { movement?: Movement };
  return `${entry.index}:${body.movement === undefined ? `start of term ${entry.term}` : movementWord(body.movement)}`;
};

export const entriesWords = (entries: Entry[]): string =>
  entries.length === 0 ? 'nothing' : entries.map(entryWords).join(', ');

const movementWord = (movement: Movement): string => {
  switch (movement.kind) {
    case 'order':
      return movement.key;
    case 'rejection':
      return `${movement.key} (rejected)`;
    case 'fence':
      return `fence ${movement.term}`;
    case 'cancel':
      return movement.key;
    case 'checkout':
      return `${movement.checkout.id} (waits)`;
    case 'note':
      return noteWords(movement);
    default:
      return movement.kind;
  }
};

const noteWords = ({ sink, delivered, dead }: NoteMovement): string => {
  const letters = dead.map(({ sequence }) => sequence);
  return `note ${sink} up to ${delivered}${letters.length === 0 ? '' : `, dead ${letters.join(' ')}`}`;
};

export const messageWords = (message: Message): string => {
  switch (message.type) {
    case 'probe':
      return `where are you? (term ${message.term})`;
    case 'position':
      return `at ${message.last.index}, knows ${message.commitIndex} committed`;
    case 'append':
      return `after ${message.previous.index}: ${entriesWords(message.entries)}; committed ${message.commitIndex}`;
    case 'ack':
      return `has ${message.held.index}, knows ${message.commitIndex} committed`;
    case 'refuse':
      return `no: term is ${message.term}`;
  }
};

export const callWords = (call: Extract<Effect, { type: 'decide' | 'fence' }>): string =>
  call.type === 'fence'
    ? `fence term ${call.term}, what is at ${call.after} and after?`
    : `decide ${call.orders.map(({ key }) => key).join(', ') || 'nothing'}, what follows ${call.after}?`;

export const answerWords = (answer: CatalogAnswer): string => {
  switch (answer.kind) {
    case 'decided': {
      const movements = answer.lines.map((line) => {
        const movement = movementOf(line);
        return `${movement.sequence}:${movementWord(movement)}`;
      });
      const outcomes = answer.outcomes.map(outcomeWords);
      const more = answer.more ? ['and more'] : [];
      return [...outcomes, `movements ${movements.join(', ') || 'none'}`, ...more].join('; ');
    }
    case 'behind':
      return `my journal ends at ${answer.sequence}`;
    case 'old_term':
      return `no: term is ${answer.term}`;
    default:
      return answer.kind;
  }
};

export const outcomeWords = (outcome: Outcome): string => {
  const again = 'replayed' in outcome && outcome.replayed ? ' (again)' : '';
  if (outcome.status === 'accepted') return `${outcome.key} accepted, number ${outcome.number}${again}`;
  if (outcome.status === 'cancelled') return `${outcome.key} gives back number ${outcome.number}${again}`;
  if (outcome.status === 'stale') return `${outcome.key} stale, the last one is at ${outcome.sequence}`;
  return `${outcome.key} ${outcome.status}${again}`;
};

export const resultWords = (result: PlaceResult, keys: string[]): string =>
  result.ok ? result.outcomes.map(outcomeWords).join('; ') : `${keys.join(', ')} not answered: ${result.reason}`;

export const foundWords = (query: Query, found: Found): string => {
  const name = Object.values(query)[0];
  if (found === null) return `${name} is not there`;
  if ('decided' in found) return `${name} is decided at ${found.sequence}`;
  if (!('state' in found)) return `${name} is number ${found.number}${found.cancelled ? ', cancelled' : ''}`;
  return found.state === 'placed' ? `${name} is placed, number ${found.number}` : `${name} is ${found.state}`;
};

/** A save of nothing but the commit index only marks how far this log has come. */
export const saveWords = (before: Durable, after: Durable): string =>
  before.term === after.term && before.record?.version === after.record?.version
    ? `marks ${after.committed.index} as committed`
    : `saves term ${after.term}, version ${after.record?.version ?? 0}`;

/** What is new in a record, after the version and the term. */
export const recordWords = (record: ClusterRecord, before: ClusterRecord | null): string => {
  const words = [`version ${record.version}, term ${record.term}`];
  words.push(record.leader === null ? 'nobody leads' : `${record.leader.id} leads`);
  words.push(`in sync ${record.inSync.map(memberWords(record)).join(' ') || 'nobody'}`);
  for (const { id, boot } of record.registered) {
    const known = before?.registered.find((run) => run.id === id);
    if (known?.boot !== boot) words.push(`run ${boot} of ${id}`);
  }
  return words.join(', ');
};

/** A member's id, marked if the set names a run of it that is over. */
const memberWords =
  (record: ClusterRecord) =>
  ({ id, incarnation }: Member): string =>
    record.registered.some((run) => run.id === id && run.incarnation === incarnation) ? `${id}` : `${id}(old run)`;

export const replicaWords = (replica: Replica): string => {
  const { leadership, durable, log } = replica;
  const role = leadership === null ? 'follower' : leadership.phase;
  const words = [
    role.padEnd(11),
    `term ${durable.term}`,
    `version ${durable.record?.version ?? 0}`,
    `log ${log.lastIndex()}`,
    `disk ${replica.stored}`,
    `committed ${replica.commitIndex}`,
  ];
  if (leadership?.catalogBehind === true) words.push('catalog behind');
  if (leadership?.proposal != null)
    words.push(
      `proposes ${leadership.proposal.inSync.map(({ id }) => id).join(' ')} at ${leadership.proposal.version}`,
    );
  if (replica.halted !== null) words.push(`halted: ${replica.halted}`);
  else if (!replica.clean) words.push('unclean');
  if (replica.leaving) words.push('leaving');
  return words.join('  ');
};
