/**
 * What the leader asks of the configuration manager: to drop a follower that does not answer, to count one that has
 * caught up, to hand leadership to a higher id. One proposal at a time, repeated word for word in every status until an
 * answer to it, or a newer record, settles it. No answer is no answer.
 */
import { assert } from '@till/shared/assert';
import type { Member } from '@till/shared/cluster';
import { type Follower, type Leadership, type Replica, recordOf } from './state.ts';

/** Looks whether something is to be proposed. Called at each tick and after each acknowledgement. */
export const considerProposal = (replica: Replica, leadership: Leadership): void => {
  const { limits, without } = replica;
  if (leadership.proposal !== null && !without.has('timeoutIsNoAnswer')) return;
  const inSync = recordOf(replica)?.inSync ?? [];
  const silent = inSync.find(({ id }) => (leadership.followers.get(id)?.misses ?? 0) >= limits.missesMax);
  if (silent !== undefined) {
    propose(
      replica,
      leadership,
      inSync.filter((member) => member !== silent),
    );
    return;
  }
  if (leadership.startIndex === 0) return;
  for (const follower of leadership.followers.values()) {
    if (inSync.some(({ id, incarnation }) => id === follower.id && incarnation === follower.incarnation)) continue;
    if (mayCount(replica, leadership, follower)) {
      const others = inSync.filter(({ id }) => id !== follower.id);
      propose(replica, leadership, [...others, { id: follower.id, incarnation: follower.incarnation }]);
      return;
    }
  }
};

/**
 * A follower counts only once it holds all that is committed, this term's first entry too (KIP-320): from then on the
 * commit of anything waits for it, since the proposed set is counted while the proposal is open.
 */
const mayCount = (replica: Replica, leadership: Leadership, follower: Follower): boolean => {
  const { without } = replica;
  if (!follower.matched || follower.levelSince === null) return false;
  if (replica.now - follower.levelSince < follower.levelForMs) return false;
  const caughtUp = follower.held >= replica.commitIndex || without.has('growNeedsCatchUp');
  const inTerm = follower.held >= leadership.startIndex && replica.commitIndex >= leadership.startIndex;
  return caughtUp && (inTerm || without.has('growNeedsTermStart') || without.has('growNeedsCatchUp'));
};

/**
 * The member that should lead instead: the highest id, once it is in sync. With rotation it is the next one in the order of
 * ids, whenever a checkout has been executed.
 */
export const successorOf = (replica: Replica, leadership: Leadership): Member | null => {
  const inSync = recordOf(replica)?.inSync ?? [];
  const higher = inSync.filter(({ id }) => id > replica.id);
  if (!replica.limits.rotateLeader) return higher.at(-1) ?? null;
  if (!leadership.rotating) return null;
  return higher[0] ?? inSync.find(({ id }) => id < replica.id) ?? null;
};

/** Asks that `member` lead from now on; everything that this leader took in must be settled. */
export const proposeHandOver = (replica: Replica, leadership: Leadership, member: Member): void => {
  const follower = leadership.followers.get(member.id);
  assert(follower?.held === replica.log.lastIndex(), 'A hand-over needs a follower that holds the whole log');
  propose(replica, leadership, recordOf(replica)?.inSync ?? [], member);
};

const propose = (
  replica: Replica,
  leadership: Leadership,
  inSync: Member[],
  handOverTo: Member | null = null,
): void => {
  const record = recordOf(replica);
  assert(record !== null, 'A leader must have a cluster record');
  leadership.proposals += 1;
  leadership.proposal = {
    id: leadership.proposals,
    term: leadership.term,
    version: record.version,
    leader: { id: replica.id, incarnation: leadership.incarnation },
    inSync: [...inSync].sort((a, b) => a.id - b.id),
    handOverTo,
  };
};
