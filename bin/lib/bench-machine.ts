/** Where a benchmark ran: figures mean little without it. */
import { statfsSync } from 'node:fs';
import { cpus, loadavg, release, tmpdir, totalmem, type } from 'node:os';

export type Machine = {
  cores: number;
  processor: string;
  memoryGigabytes: number;
  system: string;
  /** Processes that wanted to run when the benchmark began, over the last minute. */
  loadBefore: number;
  /** The folder of all stores, and whether it is memory: then fsync costs nothing, and the figures are worth nothing. */
  folder: string;
  isMemory: boolean;
};

/** What Linux calls the type of a tmpfs. */
const TMPFS = 0x01021994;
const LOAD_QUIET_MAX = 0.5;

export const describeMachine = (): Machine => ({
  cores: cpus().length,
  processor: cpus()[0]?.model.trim() ?? 'unknown',
  memoryGigabytes: Math.round(totalmem() / 2 ** 30),
  system: `${type()} ${release()}`,
  loadBefore: Math.round((loadavg()[0] ?? 0) * 100) / 100,
  folder: tmpdir(),
  isMemory: statfsSync(tmpdir()).type === TMPFS,
});

export const machineLines = (machine: Machine): string[] => [
  `${machine.cores} cores (${machine.processor}), ${machine.memoryGigabytes} GB, ${machine.system}; stores in ${machine.folder}.`,
  ...(machine.loadBefore > LOAD_QUIET_MAX
    ? [`The machine was not idle (load ${machine.loadBefore} at the start): the figures are lower than they could be.`]
    : []),
  ...(machine.isMemory
    ? [`${machine.folder} is in memory, where fsync costs nothing: set TMPDIR to a folder on a disk.`]
    : []),
];
