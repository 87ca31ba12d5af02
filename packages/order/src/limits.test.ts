import { readConfig } from '@till/shared/config';
import { limits } from '@till/shared/limits';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { orderLimits, replicaLimits } from './limits.ts';

const config = readConfig({});
const ofCore = replicaLimits(config);

test('a replica that leaves and then closes its server ends well within the time that stopping may take', () => {
  assert.ok(orderLimits.leaveWaitMs + 2 * limits.closeWaitMs + 500 <= limits.stopWaitMs);
  assert.ok(ofCore.drainMs + orderLimits.managerSilentMs < orderLimits.leaveWaitMs);
});

test('the front hears why an order was not decided before it gives the call up', () => {
  assert.ok(ofCore.requestWaitMs < limits.internalWaitMs);
  assert.is(replicaLimits({ ...config, requestWaitMs: 200 }).requestWaitMs, 200);
});

test('a held answer goes back before its caller gives it up', () => {
  assert.ok(orderLimits.answerHeldMs < orderLimits.messageWaitMs);
});

test.run();
