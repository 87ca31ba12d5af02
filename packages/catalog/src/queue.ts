/** What waits for the journal. While one batch is on its way to the disk the next fills up here, within a bound. */

export type Waiting = {
  /** How many orders it brings; a job without orders counts as one. */
  weight: number;
  /** Is decided alone: what comes after it in the queue may depend on the term that it sets. */
  alone: boolean;
};

export type Queue<Job extends Waiting> = {
  /** False if there is no room. An empty queue has room for anything, or a large job would never get in. */
  push(job: Job): boolean;
  /** The next batch: jobs in their order, at most `weightMax` together unless the first is heavier. Empty if none waits. */
  take(weightMax: number): Job[];
  /** The weight of all that waits. */
  length(): number;
};

export const createQueue = <Job extends Waiting>({ lengthMax }: { lengthMax: number }): Queue<Job> => {
  let jobs: Job[] = [];
  let length = 0;
  return {
    push: (job) => {
      if (length > 0 && length + job.weight > lengthMax) return false;
      jobs.push(job);
      length += job.weight;
      return true;
    },
    take: (weightMax) => {
      let count = 0;
      let weight = 0;
      for (const job of jobs) {
        if (count > 0 && (job.alone || weight + job.weight > weightMax)) break;
        count += 1;
        weight += job.weight;
        if (job.alone) break;
      }
      const batch = jobs.slice(0, count);
      jobs = jobs.slice(count);
      length -= weight;
      return batch;
    },
    length: () => length,
  };
};
