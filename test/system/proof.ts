/** The end of a test that did harm: nothing is lost, nothing is double, everything adds up. */
import * as assert from 'uvu/assert';
import type { ClientEnd } from './commands.ts';
import { equalLogs, orderNumbers, readJournal, sumStock } from './ledger.ts';
import type { Runner, Till } from './till.ts';

/** Every request of the clients was answered, and every order that was acknowledged is there as it was acknowledged. */
export const assertFlawless = ({ code, output, report }: ClientEnd): void => {
  for (const run of report.runs) {
    assert.equal(run.failures, [], output);
    assert.equal(run.differences, [], output);
    assert.is(run.orders.verified, run.orders.acknowledged, output);
    assert.ok(run.orders.acknowledged > 0, output);
  }
  assert.is(report.runs.length, 1, output);
  assert.is(report.flawless, true, output);
  assert.is(code, 0, output);
};

export const acknowledgedOf = ({ report }: ClientEnd): number =>
  report.runs.reduce((sum, run) => sum + run.orders.acknowledged, 0);

/**
 * The files agree with each other and with what the front shows. Call it when all replicas are in sync and nobody
 * orders. Returns how many orders there are.
 */
export const assertProven = async (till: Till<Runner>): Promise<number> => {
  await equalLogs(till.dataFolder);
  const verdict = await till.verify();
  assert.equal(verdict.problems, []);
  assert.is(verdict.consistent, true);

  const journal = readJournal(till.dataFolder);
  const numbers = orderNumbers(journal);
  assert.equal(numbers, [...numbers.keys()], 'order numbers run from 0 without gaps');
  assert.is(verdict.orders, numbers.length);
  const keys = journal.flatMap(({ key }) => (key === undefined ? [] : [key]));
  assert.is(new Set(keys).size, keys.length, 'no key was decided twice');

  const { body } = await till.shop.get('/products');
  const shown = (body.data as unknown as { name: string; quantity: number }[]).map(
    ({ name, quantity }) => [name, quantity] as const,
  );
  const sums = sumStock(journal);
  assert.equal(new Map(shown), sums, 'stock is what it started with, plus restocks and sells, minus buys');
  assert.ok([...sums.values()].every((quantity) => quantity >= 0));
  return numbers.length;
};
