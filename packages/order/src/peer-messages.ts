/** Messages between replicas and the form in which they travel: the line that goes into the log is the line that is sent. */
import { Problem } from '@till/shared/errors';
import type { SentMessage } from './peer-contract.ts';
import { entryIn } from './replica/entry.ts';
import type { Message } from './replica/types.ts';

export type Sent = { message: SentMessage; lines: string[] };

export const toSend = (message: Message): Sent => {
  if (message.type !== 'append') return { message, lines: [] };
  const { entries, ...head } = message;
  return { message: head, lines: entries.map(({ line }) => line) };
};

/** Whether the entries are undamaged and follow is for the core to say. Throws a `Problem` for lines that are no entries at all. */
export const received = ({ message, lines }: Sent): Message => {
  if (message.type !== 'append') return message;
  const entries = lines.map((line) => {
    const entry = entryIn(line);
    if (entry === null) throw new Problem(400, 'invalid_body', 'Cannot accept the body: a line is not an entry');
    return entry;
  });
  return { ...message, entries };
};
