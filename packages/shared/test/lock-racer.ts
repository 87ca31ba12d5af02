/** Tries to take a lock whenever it is told the name of a round, all racers at the same time, and says how that went. */
import { createInterface } from 'node:readline';
import { createLockPlace } from '../src/lock-place.ts';

const path = process.argv[2] as string;

createInterface({ input: process.stdin }).on('line', (round) => {
  try {
    createLockPlace(path).take();
    console.log(`${round} won`);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    console.log(`${round} lost`);
  }
});
console.log('ready');
