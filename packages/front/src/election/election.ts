/**
 * The configuration manager: the only one that says who leads.
 *
 * It may shrink the in-sync set and elect from it; only the leader makes it grow, by a proposal that is granted at
 * exactly the term and version it names. Whether a proposal is granted follows from the record and the proposal alone, so
 * that a repeated or late copy gets the same answer. After PacificA (MSR-TR-2008-25) and Kafka's controller (KIP-497,
 * 841, 903).
 */
import { assert } from '@till/shared/assert';
import type { ClusterRecord, Member, Proposal, ReplicaStatus } from '@till/shared/cluster';
import { foundRecord } from './found.ts';
import type { Effect, Election, ElectionLimits, ElectionRule, Input, NoLeader, Sight } from './types.ts';

export const createElection = (start: {
  replicas: number[];
  limits: ElectionLimits;
  record: ClusterRecord | null;
  newStoreId: string;
  now: number;
  without?: ElectionRule[];
}): Election => ({
  replicas: [...start.replicas].sort((a, b) => a - b),
  limits: start.limits,
  record: start.record,
  newStoreId: start.newStoreId,
  now: start.now,
  sights: new Map(start.replicas.map((id): [number, Sight] => [id, { heardAt: start.now, gone: false, status: null }])),
  without: new Set(start.without),
});

/** Takes one input; returns what is to be done, in order. A new record is in `election.record` from then on. */
export const step = (election: Election, input: Input): Effect[] => {
  passTime(election, input.now);
  const effects: Effect[] = [];
  if (input.type === 'gone') sightOf(election, input.id).gone = true;
  if (input.type === 'status') {
    forgetIfRolledBack(election, input.status);
    if (!hear(election, input.status)) return effects;
  }
  const before = election.record;
  if (election.record === null) change(election, effects, foundRecord(election));
  if (election.record !== null) {
    if (input.type === 'status') {
      change(election, effects, registration(election, election.record, input.status));
      const { proposal, id } = input.status;
      if (proposal !== null) judge(election, effects, id, proposal);
    }
    change(election, effects, withoutTheDead(election, election.record));
  }
  if (election.record !== before) for (const to of election.replicas) effects.push({ type: 'notify', to });
  return effects;
};

/** True if the replica answers health checks, as far as is known. One that is not of this cluster any more does not. */
export const isAlive = (election: Election, id: number): boolean => {
  const sight = election.sights.get(id);
  return sight !== undefined && !sight.gone && election.now - sight.heardAt < election.limits.suspectAfterMs;
};

/** The leader of the record if it is alive, or why there is none. */
export const leaderOf = (election: Election): { leader: Member; term: number } | { reason: NoLeader } => {
  const { record } = election;
  if (record === null) {
    const known = [...election.sights.values()].flatMap(({ status }) => (status === null ? [] : [status]));
    if (known.some((status) => status.record === null && status.lastIndex > 0))
      return { reason: 'logs_without_record' };
    return { reason: 'waiting_for_all_replicas' };
  }
  if (record.leader !== null && isAlive(election, record.leader.id)) {
    const { status } = sightOf(election, record.leader.id);
    if (status === null) return { reason: 'starting' };
    if (isRun(record, record.leader, status) && isFit(election, record, status))
      return { leader: record.leader, term: record.term };
  }
  return { reason: 'no_in_sync_replica' };
};

const sightOf = (election: Election, id: number): Sight => {
  const sight = election.sights.get(id);
  assert(sight !== undefined, `Replica ${id} is not one of this cluster`);
  return sight;
};

/** Silence while this process itself stood still (stopped, hung) is no evidence against anybody. */
const passTime = (election: Election, now: number): void => {
  const passedMs = now - election.now;
  if (passedMs <= 0) return;
  election.now = now;
  if (passedMs < election.limits.suspectAfterMs / 2) return;
  for (const sight of election.sights.values()) sight.heardAt += passedMs;
};

/** A replica that knows a newer record than the manager: the manager's was lost or rolled back, and is to be found anew. */
const forgetIfRolledBack = (election: Election, { storeId, record }: ReplicaStatus): void => {
  const own = election.record;
  if (own === null || record === null || storeId !== own.storeId || record.version <= own.version) return;
  election.record = null;
  for (const sight of election.sights.values()) sight.status = null;
};

/** Takes note of a status. False if it is of a run that is over, or of no replica of ours. */
const hear = (election: Election, status: ReplicaStatus): boolean => {
  const sight = election.sights.get(status.id);
  if (sight === undefined) return false;
  const registered = election.record?.registered.find(({ id }) => id === status.id);
  if (status.incarnation !== null && registered !== undefined && registered.boot !== status.boot) return false;
  sight.heardAt = election.now;
  sight.gone = false;
  sight.status = status;
  return true;
};

const change = (election: Election, effects: Effect[], record: ClusterRecord | null): void => {
  if (record === null) return;
  const before = election.record;
  assert(before === null || record.version > before.version, 'A record must have a higher version than the one before');
  assert(before === null || record.term >= before.term, 'The term of the record must not fall');
  election.record = record;
  effects.push({ type: 'store', record });
};

const isRun = (record: ClusterRecord, member: Member, status: ReplicaStatus): boolean =>
  record.registered.some(
    ({ id, incarnation, boot }) => id === member.id && incarnation === member.incarnation && boot === status.boot,
  );

/** A store of another cluster must never be counted, nor one that knows itself damaged or is about to leave. */
const isFit = (election: Election, record: ClusterRecord, status: ReplicaStatus): boolean => {
  const isOurs = status.storeId === record.storeId || election.without.has('lostStoreLeavesSet');
  return isOurs && status.clean && !status.leaving;
};

/**
 * A run that has no incarnation yet gets one. A store that comes back keeps its place in the in-sync set under its new
 * incarnation, since everything that it acknowledged is on its disk; a lost store does not. One that knows itself damaged
 * keeps it too, but cannot lead, and is dropped as soon as anybody else can: so the last member still counts once its log
 * was repaired. A leader that comes back is a new leader, if it is elected at all: it never leads a term that it
 * registered under or before.
 */
const registration = (election: Election, record: ClusterRecord, status: ReplicaStatus): ClusterRecord | null => {
  const { id, boot } = status;
  const known = record.registered.find((run) => run.id === id);
  if (status.incarnation !== null || known?.boot === boot) return null;
  if (status.storeId !== null && status.storeId !== record.storeId) return null;
  const version = record.version + 1;
  const incarnation = version;
  const isUntouched = record.term === 0 && status.storeId === null && status.lastIndex === 0;
  const keptStore = status.storeId === record.storeId || isUntouched || election.without.has('lostStoreLeavesSet');
  return {
    ...record,
    version,
    registered: [...record.registered.filter((run) => run.id !== id), { id, incarnation, boot }].sort(byId),
    inSync: record.inSync.map((member) => (same(member, known ?? NOBODY) && keptStore ? { id, incarnation } : member)),
  };
};

/** Grants or refuses what the leader proposes. A proposal for another version than the current one is settled already. */
const judge = (election: Election, effects: Effect[], from: number, proposal: Proposal): void => {
  const record = election.record;
  assert(record !== null, 'Only a manager with a record can judge a proposal');
  const current =
    proposal.term === record.term &&
    (proposal.version === record.version ||
      (election.without.has('casOnVersion') && proposal.version < record.version));
  if (!current) return;
  if (isGrantable(election, record, proposal)) change(election, effects, granted(record, proposal));
  else effects.push({ type: 'refuse', to: from, proposal: proposal.id, version: proposal.version });
};

const isGrantable = (election: Election, record: ClusterRecord, proposal: Proposal): boolean => {
  if (record.leader === null || !same(record.leader, proposal.leader)) return false;
  const isRegistered = (member: Member) => record.registered.some((run) => same(run, member));
  const knownRuns = proposal.inSync.every(isRegistered) || election.without.has('incarnationInProposal');
  if (!knownRuns || !proposal.inSync.some((member) => same(member, proposal.leader))) return false;
  const { handOverTo } = proposal;
  return handOverTo === null || record.inSync.some((member) => same(member, handOverTo));
};

const granted = (record: ClusterRecord, proposal: Proposal): ClusterRecord => {
  const version = record.version + 1;
  if (proposal.handOverTo !== null) {
    return { ...record, version, term: record.term + 1, leader: proposal.handOverTo };
  }
  const inSync = proposal.inSync
    .map(({ id }) => record.registered.find((run) => run.id === id))
    .flatMap((run) => (run === undefined ? [] : [{ id: run.id, incarnation: run.incarnation }]))
    .sort(byId);
  return { ...record, version, inSync };
};

/**
 * Takes members that are gone out of the set, and elects the highest that is left if the leader is among them. Never
 * empties the set: the last member is waited for, since nobody else holds every acknowledged order.
 */
const withoutTheDead = (election: Election, record: ClusterRecord): ClusterRecord | null => {
  const isCandidate = (member: Member): boolean => {
    const { status } = sightOf(election, member.id);
    return (
      status !== null &&
      isAlive(election, member.id) &&
      isRun(record, member, status) &&
      isFit(election, record, status)
    );
  };
  const pool = election.without.has('electFromInSync') ? record.registered : record.inSync;
  const candidates = pool.filter(({ id }) => election.sights.has(id)).filter(isCandidate);
  const stays = (member: Member): boolean => {
    if (!election.sights.has(member.id) || !isAlive(election, member.id)) return false;
    if (!record.registered.some((run) => same(run, member))) return false;
    const { status } = sightOf(election, member.id);
    return status === null || isFit(election, record, status);
  };
  const { leader } = record;
  const isSettling =
    record.term === 0 && record.inSync.some((member) => isAlive(election, member.id) && !isCandidate(member));
  // A front that has heard nobody may have been given an old record: whoever answers first would tell.
  const hasHeardNobody = [...election.sights.values()].every(({ status }) => status === null);
  if (isSettling || hasHeardNobody) return null;
  const leads =
    leader !== null &&
    !isOutdated(election, record, leader) &&
    stays(leader) &&
    record.inSync.some((member) => same(member, leader));
  if (!leads && candidates.length === 0) return null;
  const next = leads ? leader : candidates.at(-1);
  assert(next !== undefined, 'An election needs a candidate');
  const inSync = record.inSync.filter((member) => stays(member) || same(member, next));
  if (leads && inSync.length === record.inSync.length) return null;
  return {
    ...record,
    version: record.version + 1,
    term: leads ? record.term : highestTerm(election, record) + 1,
    leader: leads ? record.leader : { id: next.id, incarnation: next.incarnation },
    inSync: inSync.some((member) => same(member, next)) ? inSync : [{ id: next.id, incarnation: next.incarnation }],
  };
};

/** A leader that has seen a higher term than the record's can never lead the record's. */
const isOutdated = (election: Election, record: ClusterRecord, leader: Member): boolean =>
  (election.sights.get(leader.id)?.status?.term ?? 0) > record.term;

const highestTerm = (election: Election, record: ClusterRecord): number =>
  Math.max(record.term, ...[...election.sights.values()].map(({ status }) => status?.term ?? 0));

const NOBODY: Member = { id: 0, incarnation: 0 };

const same = (a: Member, b: Member): boolean => a.id === b.id && a.incarnation === b.incarnation;
const byId = (a: { id: number }, b: { id: number }): number => a.id - b.id;
