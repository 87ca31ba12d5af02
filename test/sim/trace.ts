/** What the replica core takes in and gives out, as one line of text each. */
import type { Effect, Input, Message } from '@till/order/replica/types';
import type { ClusterRecord } from '@till/shared/cluster';

export const recordText = ({ term, version, leader, inSync, registered }: ClusterRecord): string => {
  const members = inSync.map(({ id, incarnation }) => `${id}+${incarnation}`).join(' ');
  const runs = registered.map(({ id, incarnation }) => `${id}+${incarnation}`).join(' ');
  return `term=${term} version=${version} leader=${leader?.id ?? '-'} in-sync=[${members}] registered=[${runs}]`;
};

export const inputText = (input: Input): string => {
  switch (input.type) {
    case 'record':
      return `record ${recordText(input.record)}`;
    case 'propose':
      return `propose ${input.request} term=${input.term} keys=${input.orders.map(({ key }) => key).join(' ')}`;
    case 'catalog':
      return `catalog answers call ${input.call}: ${JSON.stringify({ ...input.answer, lines: undefined })}`;
    case 'stored':
      return `write ${input.write} is stored`;
    case 'message':
      return `from order-${input.from}: ${messageText(input.message)}`;
    default:
      return JSON.stringify(input);
  }
};

export const effectText = (effect: Effect): string => {
  switch (effect.type) {
    case 'save':
      return `save term=${effect.durable.term} version=${effect.durable.record?.version ?? 0}`;
    case 'append':
      return `write ${effect.write}: ${placesText(effect.entries)}`;
    case 'send':
      return `send to order-${effect.to}: ${messageText(effect.message)}`;
    default:
      return JSON.stringify(effect);
  }
};

const placesText = (entries: { index: number; term: number }[]): string =>
  entries.map(({ index, term }) => `${index}@${term}`).join(' ');

const messageText = (message: Message): string => {
  if (message.type !== 'append') return JSON.stringify(message);
  const { term, previous, entries, commitIndex } = message;
  return `append term=${term} after=${previous.index} entries=[${placesText(entries)}] commit=${commitIndex}`;
};
