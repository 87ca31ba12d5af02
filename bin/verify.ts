/** The audit of a data folder. */
import { resolve } from 'node:path';
import { readConfig } from '@till/shared/config';
import { auditFolder } from './lib/audit.ts';
import { exitCodes, readOptions, runCommand, say } from './lib/command.ts';
import { dataFolder } from './lib/project.ts';

const help = `
bin/verify [DIR] [--json]

Audits the files of a data folder (default: DATA_DIR), with the services up or down: the catalog's journal, every
replica's log, and the cluster records, each by itself and one against the other. Nothing is changed. Shows one line
for each rule, then the verdict.

  --json    {"consistent":bool,"orders":n,"replicas":[{"id","entries","damage"}],"problems":[{"rule","detail"}]}

Exit code: 0 consistent, 1 not, 2 no data folder there, or wrong options.
`;

await runCommand(help, async (words) => {
  const { options, words: folders } = readOptions(words, { json: { type: 'boolean' } }, { wordsMax: 1 });
  const folder = folders[0] === undefined ? dataFolder(readConfig()) : resolve(folders[0]);
  const { notes, lines, ...result } = await auditFolder(folder);
  if (options.json) {
    say(JSON.stringify(result));
  } else {
    const { consistent, orders, replicas, problems } = result;
    for (const line of lines) say(line);
    for (const note of notes) say(`note ${note}`);
    for (const { rule, detail } of problems) say(`FAIL ${rule}: ${detail}`);
    const held = replicas.map(({ id, entries }) => `order-${id} ${entries} entries`).join(', ');
    say(`${consistent ? 'consistent' : 'NOT CONSISTENT'}: ${orders} orders; ${held || 'no logs'}; ${folder}`);
  }
  return result.consistent ? exitCodes.done : exitCodes.failed;
});
