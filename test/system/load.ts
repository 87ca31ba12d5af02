/** Clients that order for as long as a test needs them, whatever happens to the services. */
import * as assert from 'uvu/assert';
import type { ClientEnd } from './commands.ts';
import { countOrders } from './ledger.ts';
import type { Runner, Till } from './till.ts';
import { until } from './until.ts';

export type Load = {
  /** Waits for some more orders: more than could have been on their way before. Fails if the clients have ended. */
  goesOn(): Promise<void>;
  /** Ends it: every order is checked. */
  finish(): Promise<ClientEnd>;
};

/** More than all clients can have on their way at once. */
const SOME_ORDERS = 30;

/** bin/client with 8 clients that order at each step, and retry for 10 s. */
export const startLoad = (till: Till<Runner>, { thinkMs }: { thinkMs: number }): Load => {
  const words = ['--clients', '8', '--requests', '1000000', '--probability', '1', '--retry-for', '10000'];
  const client = till.client([...words, '--think', String(thinkMs)]);
  return {
    async goesOn() {
      const before = countOrders(till.dataFolder);
      await until('more orders', () => {
        assert.ok(client.isRunning(), 'the clients have ended too early');
        return countOrders(till.dataFolder) > before + SOME_ORDERS;
      });
    },
    finish() {
      assert.ok(client.isRunning(), 'the clients have ended too early');
      return client.finish();
    },
  };
};
