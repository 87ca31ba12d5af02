/** Starts services, each with settings of its own, and starts them again whenever they die, as PM2 does. */
import { sleep } from '@till/shared/clock';
import type { ChildRunner, ServiceProcess, Till } from './till.ts';

export type Keeper = {
  /** How often a service whose name begins so was killed. */
  deaths(prefix: string): number;
  /** All that services whose names begin so have said, in all their lives. */
  said(prefix: string): string;
  /** Nothing is started again from now on. */
  stop(): void;
};

const PAUSE_MS = 100;

export const startKeeper = (till: Till<ChildRunner>, settingsOf: (name: string) => Record<string, string>): Keeper => {
  const lives: { name: string; process: ServiceProcess; wasKilled: boolean }[] = [];
  let keeping = true;

  const keep = async (name: string): Promise<void> => {
    while (keeping) {
      const life = { name, process: till.run.spawn(name, settingsOf(name)), wasKilled: false };
      lives.push(life);
      const { signal } = await life.process.ended;
      life.wasKilled = signal === 'SIGKILL';
      await sleep(PAUSE_MS);
    }
  };
  for (const name of till.names) keep(name);

  const livesOf = (prefix: string) => lives.filter(({ name }) => name.startsWith(prefix));
  return {
    deaths: (prefix) => livesOf(prefix).filter(({ wasKilled }) => wasKilled).length,
    said: (prefix) =>
      livesOf(prefix)
        .map(({ process }) => process.output())
        .join(''),
    stop: () => {
      keeping = false;
    },
  };
};
