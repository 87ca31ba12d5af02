/** The bounds of an order replica, each with its unit in its name. */
import type { Config } from '@till/shared/config';
import { limits } from '@till/shared/limits';
import type { ReplicaLimits } from './replica/types.ts';

export const orderLimits = {
  tickMs: 10,
  /** A message to another replica that has no answer after this long is given up; the core sends again. */
  messageWaitMs: 2000,
  /** A peer's request goes back empty if there is nothing to say to it for so long. */
  answerHeldMs: 1500,
  /** Entries that stay in memory with their lines; older ones are read from the file. */
  recentEntriesMax: 4096,
  /** A manager that has not called for so long is gone: leaving needs no permission then. */
  managerSilentMs: 500,
  /** How long a stopping replica waits to be out of the set; its server has to close within `stopWaitMs` too. */
  leaveWaitMs: 2000,
} as const;

/** What the core is given; times in milliseconds. */
export const replicaLimits = (config: Config): ReplicaLimits => ({
  peerWaitMs: 400,
  missesMax: 3,
  levelForMs: 200,
  levelForMsMax: 10_000,
  markEveryMs: 1000,
  beatMs: 50,
  handOverAfterMs: 1000,
  drainMs: 500,
  // Less than the front waits for one answer: so that it hears the reason, and asks again within its own time.
  requestWaitMs: Math.min(config.requestWaitMs, limits.internalWaitMs - 500),
  catalogWaitMs: 1000,
  catalogIdleMs: 250,
  appendEntriesMax: 2048,
  appendBytesMax: 2 * 1024 * 1024,
  ordersInCallMax: limits.ordersInBatchMax * 4,
  queueLengthMax: limits.queueLengthMax,
  minInSync: config.minInSync,
  // A read of 20 microseconds for each: some 5 ms, a hundredth of what makes a leader suspect.
  checkoutsSeenMax: 256,
  // One at a time when leadership goes on after each.
  checkoutsInCallMax: config.rotateLeader ? 1 : 64,
  checkoutsPerBook: 10,
  rotateLeader: config.rotateLeader,
});
