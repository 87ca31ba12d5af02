/** What replicas say to each other over HTTP: one message there, perhaps one back. */
import type { Contract } from '@till/shared/contract';
import Type, { type Static } from 'typebox';
import type { Message } from './replica/types.ts';

const count = Type.Integer({ minimum: 0 });
const text = Type.String();
const position = Type.Object({ index: count, hash: text });
const entry = Type.Object({ index: count, term: count, sequence: count, hash: text, line: text });
const fromLeader = { term: count, leaderIncarnation: count };

export const messageSchema = Type.Union([
  Type.Object({
    type: Type.Literal('append'),
    ...fromLeader,
    previous: position,
    entries: Type.Array(entry),
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
    body: Type.Object({ from: Type.Integer({ minimum: 1 }), message: messageSchema }),
    response: Type.Object({ message: Type.Union([messageSchema, Type.Null()]) }),
  },
} as const satisfies Contract;

// The schema and the type must say the same; the compiler compares them here.
type Same<One, Other> = [One, Other] extends [Other, One] ? true : { differs: [One, Other] };
const same = <_Verdict extends true>(): void => {};
same<Same<Static<typeof messageSchema>, Message>>();
