/** What replicas say to each other over HTTP: one message there, perhaps one back. */
import type { Contract } from '@till/shared/contract';
import Type, { type Static } from 'typebox';
import type { Message } from './replica/types.ts';

/** A message as it travels: the entries of an append go beside it, as their lines. */
export type SentMessage = Exclude<Message, { type: 'append' }> | Omit<Extract<Message, { type: 'append' }>, 'entries'>;

const count = Type.Integer({ minimum: 0 });
const text = Type.String();
/** Of the entries of an append; none with any other message. */
const lines = Type.Array(text);
const position = Type.Object({ index: count, hash: text });
const fromLeader = { term: count, leaderIncarnation: count };

export const messageSchema = Type.Union([
  Type.Object({
    type: Type.Literal('append'),
    ...fromLeader,
    previous: position,
    commitIndex: count,
  }),
  Type.Object({ type: Type.Literal('ack'), ...fromLeader, incarnation: count, held: position, commitIndex: count }),
  Type.Object({ type: Type.Literal('probe'), ...fromLeader }),
  Type.Object({
    type: Type.Literal('position'),
    ...fromLeader,
    incarnation: count,
    last: position,
    commitIndex: count,
    onceCommitted: count,
    locator: Type.Array(position),
  }),
  Type.Object({ type: Type.Literal('refuse'), term: count }),
]);

export const peerContract = {
  /** The answer carries what the receiver has to say to the sender once it is true; null if that is nothing. */
  message: {
    method: 'POST',
    path: '/messages',
    body: Type.Object({ from: Type.Integer({ minimum: 1 }), message: messageSchema, lines }),
    bodyLines: 'lines',
    response: Type.Object({ message: Type.Union([messageSchema, Type.Null()]), lines }),
    responseLines: 'lines',
  },
} as const satisfies Contract;

// The schema and the type must say the same; the compiler compares them here.
type Same<One, Other> = [One, Other] extends [Other, One] ? true : { differs: [One, Other] };
const same = <_Verdict extends true>(): void => {};
same<Same<Static<typeof messageSchema>, SentMessage>>();
