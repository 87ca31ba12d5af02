/** The commit index: what every counted replica holds on its disk. */
import { assert } from '@till/shared/assert';
import type { Member } from '@till/shared/cluster';
import { sequenceAt } from './entry.ts';
import { answerCommitted } from './requests.ts';
import { type Leadership, type Replica, recordOf, sameMember } from './state.ts';
import type { Effect } from './types.ts';

/**
 * The members whose acknowledgement an entry needs: the recorded set, and while a proposal is open also the proposed
 * one, since either may be the one in force.
 */
export const countedSet = (replica: Replica, leadership: Leadership): Member[] => {
  const recorded = recordOf(replica)?.inSync ?? [];
  const proposed = leadership.proposal?.inSync ?? [];
  if (replica.without.has('waitForGrant') && proposed.length > 0) return proposed;
  if (replica.without.has('countUnion')) return recorded;
  return [...recorded, ...proposed.filter((member) => !recorded.some((other) => sameMember(member, other)))];
};

/** Raises the commit index as far as it may, and answers what that completes. */
export const advanceCommit = (replica: Replica, leadership: Leadership, effects: Effect[]): void => {
  const members = countedSet(replica, leadership);
  if (!members.some((member) => sameMember(member, { id: replica.id, incarnation: leadership.incarnation }))) return;
  const takesOrders = leadership.phase === 'serving' || leadership.phase === 'draining';
  if (takesOrders && (recordOf(replica)?.inSync.length ?? 0) < replica.limits.minInSync) return;
  const places = members.map((member) => heldBy(replica, leadership, member)).sort((a, b) => a - b);
  const held = replica.without.has('everyMemberAcks') ? places[Math.min(1, places.length - 1)] : places[0];
  assert(held !== undefined, 'The counted set must not be empty');
  if (leadership.startIndex === 0 || held < leadership.startIndex || held <= replica.commitIndex) return;
  replica.commitIndex = held;
  effects.push({ type: 'commit', index: held });
  answerCommitted(replica, leadership, sequenceAt(replica.log, held), effects);
};

/** Highest index that a member is known to hold on disk, as the run that the set names. */
const heldBy = (replica: Replica, leadership: Leadership, member: Member): number => {
  if (member.id === replica.id) return replica.stored;
  const follower = leadership.followers.get(member.id);
  if (follower === undefined) return 0;
  if (follower.incarnation !== member.incarnation && !replica.without.has('incarnationInAcks')) return 0;
  return follower.held;
};
