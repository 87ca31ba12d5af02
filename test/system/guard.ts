/**
 * Ends everything that a test started, and removes its folder. A process in a session of its own: it waits for the end
 * of its input, which comes when the test asks for it, and also when the test is gone in whatever way, SIGKILL included.
 * Each line of the input is a `GuardNote`.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { projectFolder, tool } from '../../bin/lib/project.ts';

export type GuardNote = { started: number } | { ended: number } | { pm2Home: string } | { folder: string };

const alive = new Set<number>();
const pm2Homes: string[] = [];
const folders: string[] = [];

for await (const line of createInterface({ input: process.stdin })) {
  const note = JSON.parse(line) as GuardNote;
  if ('started' in note) alive.add(note.started);
  else if ('ended' in note) alive.delete(note.ended);
  else if ('pm2Home' in note) pm2Homes.push(note.pm2Home);
  else folders.push(note.folder);
}

const kill = (pid: number): void => {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
};

for (const pid of alive) kill(pid);
for (const home of pm2Homes) {
  const pidFile = join(home, 'pm2.pid');
  if (!existsSync(pidFile)) continue;
  const daemon = Number(readFileSync(pidFile, 'utf8'));
  try {
    const words = [join(projectFolder, 'node_modules/pm2/bin/pm2'), 'kill'];
    execFileSync(tool('node'), words, { env: { ...process.env, PM2_HOME: home }, stdio: 'ignore', timeout: 60_000 });
  } finally {
    kill(daemon);
  }
}
for (const folder of folders) rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
