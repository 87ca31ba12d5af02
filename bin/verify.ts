/** The audit of a data folder. */
import { resolve } from 'node:path';
import { readConfig } from '@till/shared/config';
import { type AuditResult, auditFolder } from './lib/audit.ts';
import { exitCodes, readOptions, runCommand, say } from './lib/command.ts';
import { dataFolder } from './lib/project.ts';

const help = `
bin/verify [DIR] [--json]

Audits the files of a data folder (default: DATA_DIR), with the services up or down: the catalog's journal, every
replica's log, and the cluster records, each by itself and one against the other; and what is derived from them, the
indexes and the snapshot. Nothing is changed. Shows one line for each rule, then what checkouts and the outbox still
have to do, then the verdict.

  --json    {"consistent":bool,"orders":n,"replicas":[{"id","entries","damage"}],"problems":[{"rule","detail"}],
             "cancelled":n,"checkouts":{"queued","placed","refused"},"outbox":[{"sink","delivered","dead","waiting"}]}

Exit code: 0 consistent, 1 not, 2 no data folder there, or wrong options.
`;

/** What is neither right nor wrong: how far things have got. */
const progressLines = ({ orders, cancelled, checkouts, outbox }: AuditResult): string[] => {
  const { queued, placed, refused } = checkouts;
  const sinks = outbox.map(
    ({ sink, delivered, dead, waiting }) =>
      `outbox ${sink}: settled up to ${delivered}, waiting ${waiting}, dead letters ${dead}`,
  );
  return [
    ...(cancelled > 0 ? [`cancelled: ${cancelled} of ${orders} orders`] : []),
    ...(queued + placed + refused > 0 ? [`checkouts: waiting ${queued}, placed ${placed}, refused ${refused}`] : []),
    ...sinks,
  ];
};

await runCommand(help, async (words) => {
  const { options, words: folders } = readOptions(words, { json: { type: 'boolean' } }, { wordsMax: 1 });
  const folder = folders[0] === undefined ? dataFolder(readConfig()) : resolve(folders[0]);
  const audit = await auditFolder(folder);
  const { notes, lines, ...result } = audit;
  if (options.json) {
    say(JSON.stringify(result));
  } else {
    const { consistent, orders, replicas, problems } = result;
    for (const line of [...lines, ...progressLines(audit)]) say(line);
    for (const note of notes) say(`note ${note}`);
    for (const { rule, detail } of problems) say(`FAIL ${rule}: ${detail}`);
    const held = replicas.map(({ id, entries }) => `order-${id} ${entries} entries`).join(', ');
    say(`${consistent ? 'consistent' : 'NOT CONSISTENT'}: ${orders} orders; ${held || 'no logs'}; ${folder}`);
  }
  return audit.consistent ? exitCodes.done : exitCodes.failed;
});
