/** A service that does nothing but live and end, as its argument says; its log lines and `did` lines tell the order. */
import { readdirSync } from 'node:fs';
import { runService } from '@till/shared/service';

const manner = process.argv[2];

runService(
  () => (manner === 'unusable' ? { problem: 'TEST: cannot be used' } : 'order-1'),
  async ({ folder, fail }) => {
    console.log(`did start in ${folder} with ${readdirSync(folder).join(' ')}`);
    if (manner === 'no start') throw new Error('as asked for');
    if (manner === 'fail') setTimeout(() => fail(new Error('as asked for')), 1);
    if (manner === 'throw') {
      setTimeout(() => {
        throw new Error('as asked for');
      }, 1);
    }
    if (manner === 'reject') setTimeout(() => void Promise.reject(new Error('as asked for')), 1);
    setInterval(() => undefined, 1000);
    return {
      async stop() {
        console.log(`did stop with ${readdirSync(folder).join(' ')}`);
        if (manner === 'no stop') throw new Error('as asked for');
      },
    };
  },
);
