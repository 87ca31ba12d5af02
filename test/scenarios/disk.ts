/** The disk of one replica: what a crash leaves behind, and a switch that lets its fsync hang. */
import { NEW_STORE } from '@till/order/replica/state';
import type { Durable, Effect, Entry } from '@till/order/replica/types';

type Operation = Extract<Effect, { type: 'append' | 'truncate' }>;

export type Disk = {
  entries: Entry[];
  durable: Durable;
  /** Why the replica halted, if it did: a restart does not forget it. */
  halted: string | null;
  isHeld: boolean;
  /** Performs an operation, at once or, while the disk hangs, once it is released. `done` follows a finished append. */
  perform(operation: Operation, done: (write: number) => void): void;
  release(): void;
  /** Finishes the first operation that waits. */
  releaseOnce(): void;
  /** The power is gone: what was not finished never happened. */
  crash(): void;
};

export const createDisk = (): Disk => {
  let waiting: { operation: Operation; done: (write: number) => void }[] = [];

  const finish = ({ operation, done }: (typeof waiting)[number]): void => {
    if (operation.type === 'truncate') disk.entries.length = Math.min(disk.entries.length, operation.from - 1);
    else {
      disk.entries.push(...operation.entries);
      done(operation.write);
    }
  };

  const disk: Disk = {
    entries: [],
    durable: NEW_STORE,
    halted: null,
    isHeld: false,
    perform(operation, done) {
      waiting.push({ operation, done });
      if (!disk.isHeld) disk.release();
    },
    release() {
      disk.isHeld = false;
      for (const one of waiting.splice(0)) finish(one);
    },
    releaseOnce() {
      const [first] = waiting.splice(0, 1);
      if (first !== undefined) finish(first);
    },
    crash() {
      waiting = [];
      disk.isHeld = false;
    },
  };
  return disk;
};
