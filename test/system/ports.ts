/** Ports that nobody uses, so that two runs of the tests side by side do not meet. */

import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';

/** All tests of the whole system stay in this range. */
const FIRST = 21_400;
const LAST = 21_499;
const TRIES_MAX = 200;

const isFree = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => server.close(() => resolve(true)));
  });

/** A PORT_BASE whose ports are all free at this moment. */
export const findPortBase = async (replicas: number): Promise<number> => {
  for (let tries = 0; tries < TRIES_MAX; tries += 1) {
    const base = randomInt(FIRST, LAST - 10 - replicas + 1);
    const ports = [base, base + 1, ...Array.from({ length: replicas }, (_, at) => base + 11 + at)];
    const free = await Promise.all(ports.map(isFree));
    if (free.every((one) => one)) return base;
  }
  throw new Error(`Cannot find free ports from ${FIRST} to ${LAST}: do other tests still run?`);
};
