/** Ends at once, but its output stays open for a moment: a child of its own still has it. */
import { spawn } from 'node:child_process';

spawn('sleep', ['1'], { stdio: ['ignore', 'inherit', 'ignore'], detached: true }).unref();
process.stdout.write('going\n');
setTimeout(() => process.exit(0), 50);
