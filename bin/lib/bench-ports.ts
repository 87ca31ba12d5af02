/** Ports that nobody uses, so that neither a Till that runs already nor another benchmark is met. */
import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';
import { Failure } from './command.ts';

const FIRST = 25_000;
const LAST = 25_999;
const TRIES_MAX = 200;

const isFree = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => server.close(() => resolve(true)));
  });

/** The first of `count` ports in a row that are all free at this moment. */
export const findPorts = async (count: number): Promise<number> => {
  for (let tries = 0; tries < TRIES_MAX; tries += 1) {
    const first = randomInt(FIRST, LAST - count + 2);
    const free = await Promise.all(Array.from({ length: count }, (_, at) => isFree(first + at)));
    if (free.every((one) => one)) return first;
  }
  throw new Failure(`Cannot find ${count} free ports in a row from ${FIRST} to ${LAST}`);
};
