/** A Till that is loaded: what the measurements of it share. */
import type { LoadRequest, LoadResult, Watched } from './bench-load.ts';
import type { Services } from './bench-services.ts';
import { type ClusterView, readCluster } from './cluster-view.ts';
import { Failure } from './command.ts';

type LoadOptions = { connections?: number; forSeconds?: number };

export type TillLoad = {
  load(requests: LoadRequest[], options?: LoadOptions): Promise<LoadResult>;
  /** Each answer is looked at, which costs the load program something. */
  watch(requests: LoadRequest[], options?: LoadOptions): Promise<Watched>;
};

export const clusterOf = async ({ url }: Services): Promise<ClusterView> => {
  const cluster = await readCluster(url);
  if (cluster === null) throw new Failure(`Cannot read the state of the cluster at ${url}`);
  return cluster;
};
