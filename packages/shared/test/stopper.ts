/** A service that ends as asked for: `clean`, `failing`, `slow`. Says `ready`, then what happens. */
import { onStop } from '@till/shared/shutdown';

const manner = process.argv[2];
const stop = onStop(
  () => {
    console.log('stopping');
    if (manner === 'failing') throw new Error('as asked for');
    return manner === 'slow' ? new Promise<void>(() => undefined) : undefined;
  },
  { withinMs: 300, onFailure: (error) => console.log(`failed ${error instanceof Error ? error.name : error}`) },
);
setInterval(() => undefined, 1000);
console.log('ready');
if (manner === 'itself') stop(3);
