/** What others are told of changes: how far each of them is, one event, and a dead letter sent again. */
import { frontUrl, readConfig } from '@till/shared/config';
import { exitCodes, readOptions, runCommand, say, UsageError } from './lib/command.ts';
import { replayEvent, showEvent, showSinks } from './lib/outbox-command.ts';

const help = `
bin/outbox list [--url U] [--json]
bin/outbox show SEQ [--url U] [--json]
bin/outbox replay SEQ [--sink NAME] [--url U] [--json]

Every order, cancellation and restock is an event, known by the sequence of its movement, and each sink (SHOPIFY_URL,
WEBHOOK_URLS) is told it. An event that a sink did not take in OUTBOX_ATTEMPTS attempts is a dead letter there.

  list          how far each sink is, its dead letters, and what is being tried
  show          one event, and how it stands with each sink
  replay        sends a dead letter again, to every sink where it is one; it is recorded when this ends

  --sink NAME   only to this sink, as list names it
  --url U       where the front is (default: from PORT_BASE and HOST)
  --json        what the front answers, for programs

Exit code: 0 done, 1 it did not work out, 2 wrong options.
`;

const OPTIONS = { sink: { type: 'string' }, url: { type: 'string' }, json: { type: 'boolean' } } as const;

const sequenceOf = (what: string, text: string | undefined): number => {
  if (text === undefined) throw new UsageError(`Cannot ${what} without the sequence of an event`);
  if (!/^[1-9]\d{0,14}$/.test(text)) throw new UsageError(`SEQ: ${JSON.stringify(text)} is not a whole number from 1`);
  return Number(text);
};

const addressOf = (text: string): string => {
  if (!URL.canParse(text) || !/^https?:$/.test(new URL(text).protocol)) {
    throw new UsageError(`--url: ${JSON.stringify(text)} is not an http or https address`);
  }
  return text.replace(/\/+$/, '');
};

await runCommand(help, async (words) => {
  const { options, words: given } = readOptions(words, OPTIONS, { wordsMax: 2 });
  const [what, about] = given;
  const url = options.url === undefined ? frontUrl(readConfig()) : addressOf(options.url);
  if (options.sink !== undefined && what !== 'replay') throw new UsageError('--sink: only for replay');
  const print = (answer: { data: unknown; text: string }): number => {
    say(options.json ? JSON.stringify(answer.data) : answer.text);
    return exitCodes.done;
  };
  switch (what) {
    case 'list':
      if (about !== undefined) throw new UsageError(`Cannot use ${JSON.stringify(about)}: list shows everything`);
      return print(await showSinks(url));
    case 'show':
      return print(await showEvent(url, sequenceOf(what, about)));
    case 'replay':
      return print(await replayEvent(url, sequenceOf(what, about), options.sink ?? null));
    default:
      throw new UsageError(
        what === undefined
          ? 'Cannot guess what to do: list, show or replay'
          : `Cannot ${JSON.stringify(what)}: only list, show and replay`,
      );
  }
});
