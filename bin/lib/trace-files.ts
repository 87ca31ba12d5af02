/** What there is to read of an order in a data folder, and how it is read: line by line, never all at once. */
import { existsSync, fstatSync, openSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { limits } from '@till/shared/limits';
import { UsageError } from './command.ts';
import { chunksOf, openSegments, type Segment } from './segment-files.ts';

export type TraceFile = {
  /** As it is named in the folder. */
  name: string;
  /** One file, or the segments of a journal; each as far as it went when the trace began. Open until the trace ends. */
  parts: Segment[];
  /** Whose file it is: catalog, order-1 and so on, front. */
  service: string;
  holds: 'movements' | 'entries' | 'words';
};

/** The journal first, then the replicas' logs, then what the services said. */
export const listTraceFiles = (folder: string): TraceFile[] => {
  const names = namesIn(folder);
  const ids = names.flatMap((name) => /^order-(\d+)$/.exec(name)?.[1] ?? []).map(Number);
  const said = existsSync(join(folder, 'logs')) ? namesIn(join(folder, 'logs')) : [];
  const files: TraceFile[] = [
    {
      name: 'catalog/journal.jsonl',
      service: 'catalog',
      holds: 'movements',
      parts: partsOf(folder, 'catalog', 'journal'),
    },
    ...ids
      .sort((a, b) => a - b)
      .map((id): TraceFile => {
        const service = `order-${id}`;
        return { name: `${service}/log.jsonl`, service, holds: 'entries', parts: partsOf(folder, service, 'log') };
      }),
    ...said
      .filter((name) => name.endsWith('.log'))
      .sort()
      .map((name): TraceFile => {
        // A log that was put away is called after its service and its time: order-1__2026-01-31.log.
        const service = name.split(/__|\.log$/)[0] ?? '';
        return { name: `logs/${name}`, service, holds: 'words', parts: [hold(folder, `logs/${name}`)] };
      }),
  ];
  const there = files.filter(({ parts }) => parts.length > 0);
  if (there.length === 0)
    throw new UsageError(`Cannot trace in ${folder}: there is no journal, no replica's log and no "logs" in it`);
  return there;
};

const partsOf = (folder: string, service: string, stem: string): Segment[] =>
  openSegments(join(folder, service), stem)?.segments ?? [];

const hold = (folder: string, name: string): Segment => {
  const fd = openSync(join(folder, name), 'r');
  return { name, fd, bytes: fstatSync(fd).size, first: null };
};

const namesIn = (folder: string): string[] => {
  try {
    return readdirSync(folder);
  } catch (error) {
    throw new UsageError(`Cannot read the folder ${folder}: ${(error as NodeJS.ErrnoException).code}`);
  }
};

const LINE_FEED = 10;

/**
 * Calls `take` with each line, numbered from 1 through all parts, and returns how many there are. A last line without its line
 * feed is none: it is being written. One that is longer than any line of Till is passed over.
 */
export const eachLine = (
  parts: Segment[],
  take: (text: string, place: { number: number; name: string }) => void,
): number => {
  let count = 0;
  let number = 0;
  for (const part of parts) {
    number = part.first === null ? number : part.first - 1;
    for (const text of linesOf(part)) {
      count += 1;
      number += 1;
      if (text !== null) take(text, { number, name: part.name });
    }
  }
  return count;
};

/** null for a line that is too long. */
function* linesOf(part: Segment): Generator<string | null> {
  let rest: Buffer[] = [];
  let restBytes = 0;
  for (const chunk of chunksOf(part)) {
    let from = 0;
    for (let end = chunk.indexOf(LINE_FEED); end >= 0; end = chunk.indexOf(LINE_FEED, from)) {
      const piece = chunk.subarray(from, end);
      if (restBytes === 0) yield piece.toString('utf8');
      else if (restBytes <= limits.journalLineBytesMax) yield Buffer.concat([...rest, piece]).toString('utf8');
      else yield null;
      rest = [];
      restBytes = 0;
      from = end + 1;
    }
    if (from === chunk.length) continue;
    restBytes += chunk.length - from;
    if (restBytes > limits.journalLineBytesMax) rest = [];
    else rest.push(chunk.subarray(from));
  }
}
