/** Whether services are at work on a data folder. */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { holderOf } from '@till/shared/lock-place';
import { isGone } from '@till/shared/process-identity';

/** True if a living process holds the lock of any store in the folder. */
export const isHeld = (folder: string): boolean =>
  readdirSync(folder)
    .map((name) => join(folder, name, 'lock'))
    .filter((place) => existsSync(place))
    .some((place) => {
      const pid = holderOf(place)?.pid ?? null;
      return pid !== null && !isGone({ pid, startedAt: null, bootId: null });
    });
