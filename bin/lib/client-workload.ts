/**
 * One client, from its first request to its last check.
 *
 * Chance comes in three draws for each product looked up, used or not, so that one seed asks for the same products in
 * the same order whatever is answered.
 */
import { monotonicMs, sleep } from '@till/shared/clock';
import { limits } from '@till/shared/limits';
import { randomInteger, randomItem, randomName, seededRandom } from '@till/shared/random';
import type { ClientAnswer, ClientRequest } from './client-connection.ts';
import { createConnection, describeStatus } from './client-connection.ts';
import type { RequestKind, Statistics } from './client-statistics.ts';
import type { AcknowledgedOrder } from './client-verification.ts';
import { compareOrder } from './client-verification.ts';

export type ClientResult = {
  acknowledged: AcknowledgedOrder[];
  verified: number;
  outOfStock: number;
  /** Orders that differ or are missing. */
  differences: string[];
  /** Requests that never got an answer that they may get. */
  failures: string[];
};

export const runClient = async (run: {
  url: string;
  /** Which of the clients it is: from 1. */
  client: number;
  seed: number;
  names: readonly string[];
  requests: number;
  probability: number;
  thinkMs: number;
  retryForMs: number;
  statistics: Statistics;
  isStopping: () => boolean;
  onStep: () => void;
}): Promise<ClientResult> => {
  const { statistics, names } = run;
  const random = seededRandom((Math.imul(run.seed, 31) + run.client) >>> 0);
  const result: ClientResult = { acknowledged: [], verified: 0, outOfStock: 0, differences: [], failures: [] };
  let kind: RequestKind = 'lookup';
  const connection = createConnection({
    url: run.url,
    retryForMs: run.retryForMs,
    onRetry: () => statistics.retried(kind),
  });

  const fail = (reason: string): null => {
    statistics.failed(kind);
    result.failures.push(`client ${run.client}: ${reason}`);
    return null;
  };

  /** The answer if it is one of the expected ones, measured with all its retries; else null. */
  const ask = async (
    ofKind: RequestKind,
    request: ClientRequest,
    isExpected: (answer: ClientAnswer) => boolean,
  ): Promise<ClientAnswer | null> => {
    kind = ofKind;
    const startedAt = monotonicMs();
    try {
      const answer = await connection.send(request);
      if (!isExpected(answer)) {
        return fail(`${request.method} ${request.path}: ${describeStatus(answer.status, answer.body)}`);
      }
      statistics.answered(kind, monotonicMs() - startedAt);
      return answer;
    } catch (error) {
      return fail((error as Error).message);
    }
  };

  const lookUp = async (name: string): Promise<number> => {
    const path = `/products/${encodeURIComponent(name)}`;
    const answer = await ask('lookup', { method: 'GET', path }, (found) => typeof dataOf(found).quantity === 'number');
    return answer === null ? 0 : Number(dataOf(answer).quantity);
  };

  const order = async (name: string, quantity: number): Promise<void> => {
    const request: ClientRequest = { method: 'POST', path: '/orders', body: { name, quantity }, key: randomName() };
    const answer = await ask('order', request, (found) => orderNumberOf(found) !== null || isOutOfStock(found));
    if (answer === null) return;
    const number = orderNumberOf(answer);
    if (number === null) result.outOfStock += 1;
    else result.acknowledged.push({ number, name, quantity });
  };

  const check = async (expected: AcknowledgedOrder): Promise<void> => {
    const path = `/orders/${expected.number}`;
    const answer = await ask('check', { method: 'GET', path }, ({ status }) => status === 200 || status === 404);
    if (answer === null) return;
    const differences = compareOrder(expected, answer.status, answer.body);
    if (differences.length === 0) result.verified += 1;
    else result.differences.push(...differences);
  };

  try {
    for (let step = 0; step < run.requests && !run.isStopping(); step += 1) {
      const [name, chance, amount] = [randomItem(random, names), random(), random()];
      const left = Math.min(await lookUp(name), limits.quantityMax);
      if (left > 0 && chance < run.probability) {
        await order(
          name,
          randomInteger(() => amount, { min: 1, max: left }),
        );
      }
      run.onStep();
      if (run.thinkMs > 0) await sleep(run.thinkMs);
    }
    for (const acknowledged of result.acknowledged) await check(acknowledged);
  } finally {
    await connection.close();
  }
  return result;
};

const dataOf = ({ status, body }: ClientAnswer): Record<string, unknown> => {
  const data = status === 200 ? (body as { data?: unknown } | null)?.data : null;
  return typeof data === 'object' && data !== null ? (data as Record<string, unknown>) : {};
};

const orderNumberOf = (answer: ClientAnswer): number | null => {
  const number = dataOf(answer).order_number;
  return Number.isSafeInteger(number) ? Number(number) : null;
};

/** Somebody else was faster: a normal end of an order. */
const isOutOfStock = ({ status, body }: ClientAnswer): boolean =>
  status === 400 && (body as { error?: { reason?: unknown } } | null)?.error?.reason === 'out_of_stock';
