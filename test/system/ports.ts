/**
 * Ports for a Till of a test. A killed service's port looks free until it is started again, so that looking is not enough:
 * ports are claimed, in slots, by a file that names the process, for as long as that process lives.
 */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** All tests of the whole system stay in this range, each in a slot of it. */
const FIRST = 21_400;
const SLOT_PORTS = 20;
const SLOTS = 30;

const claims = join(tmpdir(), `till-ports-${process.getuid?.() ?? 0}`);

const isFree = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => server.close(() => resolve(true)));
  });

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};

/** 0 for a claim that is being made or given up at this moment. */
const holderOf = (path: string): number => {
  try {
    return Number(readFileSync(path, 'utf8'));
  } catch {
    return 0;
  }
};

/** Claims a slot for this process; false if another one that lives has it. */
const claim = (path: string): boolean => {
  try {
    writeFileSync(path, String(process.pid), { flag: 'wx' });
    process.once('exit', () => rmSync(path, { force: true }));
    return true;
  } catch {
    const holder = holderOf(path);
    if (holder > 0 && !isAlive(holder)) rmSync(path, { force: true });
    return false;
  }
};

/** A PORT_BASE whose ports are this process's until it ends. */
export const findPortBase = async (replicas: number): Promise<number> => {
  mkdirSync(claims, { recursive: true });
  for (const slot of [...Array(2 * SLOTS).keys()].map((at) => at % SLOTS)) {
    const base = FIRST + slot * SLOT_PORTS;
    const ports = [base, base + 1, ...Array.from({ length: replicas }, (_, at) => base + 11 + at)];
    if (!claim(join(claims, String(slot)))) continue;
    const free = await Promise.all(ports.map(isFree));
    if (free.every((one) => one)) return base;
  }
  throw new Error(`Cannot find free ports from ${FIRST} on: do other tests still run? Their claims are in ${claims}`);
};
