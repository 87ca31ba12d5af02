/** The way of one order through all services. */
import { resolve } from 'node:path';
import { readConfig } from '@till/shared/config';
import { complain, exitCodes, readOptions, runCommand, say, UsageError } from './lib/command.ts';
import { dataFolder } from './lib/project.ts';
import { listTraceFiles } from './lib/trace-files.ts';
import { type Found, readRecords } from './lib/trace-records.ts';
import { drawRows, inOrder } from './lib/trace-rows.ts';
import { createSubject } from './lib/trace-subject.ts';
import { readWords } from './lib/trace-words.ts';

const help = `
bin/trace ORDER [--data DIR] [--json]

Shows, in the order of time, everything that the files of a data folder (default: DATA_DIR) say of one order, with the
services up or down: its lines in the catalog's journal, its entry in each replica's log, the notes that tell of its
delivery; and, if the services were started with LOG_ORDERS=1, each step that they logged. Nothing is changed.

ORDER is an order's number, its order id, its idempotency key, or the id of a checkout. If it is several of these, all
of them are shown. An entry of a log has no time of its own: it stands where it was stored, if its replica logged that,
else at the time of its movement.

  --data DIR   the data folder
  --json       {"order","found":[...],"steps":[{"time","service","step",...}],"searched":[...],"hints":[...]}

Exit code: 0 found, 1 nothing of it is there, 2 no data folder there, or wrong options.
`;

const describe = ({ kind, key, sequence, number, alsoKey }: Found): string => {
  const name = number === undefined ? kind : kind === 'cancel' ? `cancel of order ${number}` : `${kind} ${number}`;
  const also = alsoKey === undefined ? '' : `, also ${JSON.stringify(alsoKey)}`;
  return `${name}: sequence ${sequence}, key ${JSON.stringify(key)}${also}`;
};

await runCommand(help, async (words) => {
  const { options, words: given } = readOptions(
    words,
    { data: { type: 'string' }, json: { type: 'boolean' } },
    { wordsMax: 1 },
  );
  const [order = ''] = given;
  if (order === '') throw new UsageError('Cannot trace without an order: a number, an order id, a key or a checkout');
  const folder = options.data === undefined ? dataFolder(readConfig()) : resolve(options.data);

  const files = listTraceFiles(folder);
  const subject = createSubject(order);
  const records = readRecords(
    files.filter(({ holds }) => holds !== 'words'),
    subject,
  );
  const said = readWords(
    files.filter(({ holds }) => holds === 'words'),
    subject,
  );
  const steps = inOrder([...records.rows, ...said.rows]);
  const searched = [...records.searched, ...said.searched];
  const hints = [
    ...records.damaged.map((place) => `${place} is damaged, and may be about it; bin/verify says more`),
    ...(said.leftOut === 0 ? [] : [`${said.leftOut} more lines of the logs are about it and are left out`]),
    ...(steps.length > 0 && said.rows.length === 0
      ? ['The services logged no step of it; started with LOG_ORDERS=1 they do']
      : []),
    ...(steps.length > 0 && records.found.length === 0
      ? ['Neither the journal nor a log has it: nothing was recorded of it']
      : []),
  ];

  if (options.json) {
    const shown = steps.map(({ time, details, ...step }) => ({
      time: new Date(time).toISOString(),
      ...step,
      ...details,
    }));
    say(JSON.stringify({ order, found: records.found, steps: shown, searched, hints }));
  } else {
    for (const one of records.found) say(describe(one));
    if (steps.length > 0) say(drawRows(steps));
    for (const hint of hints) say(hint);
    if (steps.length === 0)
      complain(`Cannot find ${JSON.stringify(order)} in ${folder}: searched ${searched.join(', ')}`);
  }
  return steps.length > 0 ? exitCodes.done : exitCodes.failed;
});
