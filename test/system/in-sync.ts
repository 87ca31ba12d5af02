/** Waiting for the replicas when it does not matter, or cannot be known, which of them leads. */
import { readCluster, readUnreadiness } from '../../bin/lib/cluster-view.ts';
import type { Runner, Till } from './till.ts';
import { until } from './until.ts';

/** Waits until orders can be decided and exactly these replicas are in sync, if none are named all of them. */
export const inSync = async (till: Till<Runner>, ids?: number[]): Promise<void> => {
  const wanted = ids ?? till.names.flatMap((name) => (name.startsWith('order-') ? [Number(name.slice(6))] : []));
  await until(`${wanted.join(', ')} in sync`, async () => {
    const [reason, view] = await Promise.all([readUnreadiness(till.url), readCluster(till.url)]);
    return reason === null && view?.leader != null && view.inSync.join() === wanted.join();
  });
};

/** Waits until somebody leads. */
export const leaderOf = (till: Till<Runner>): Promise<number> =>
  until('somebody leads', async () => (await till.cluster()).leader);
