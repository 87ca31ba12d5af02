/** What there is to read of an order in a data folder, and how it is read: line by line, never all at once. */
import { createReadStream, existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { limits } from '@till/shared/limits';
import { UsageError } from './command.ts';

export type TraceFile = {
  /** As it is named in the folder. */
  name: string;
  path: string;
  /** As far as it went when the trace began. */
  bytes: number;
  /** Whose file it is: catalog, order-1 and so on, front. */
  service: string;
  holds: 'movements' | 'entries' | 'words';
};

/** The journal first, then the replicas' logs, then what the services said. */
export const listTraceFiles = (folder: string): TraceFile[] => {
  const names = namesIn(folder);
  const ids = names.flatMap((name) => /^order-(\d+)$/.exec(name)?.[1] ?? []).map(Number);
  const said = existsSync(join(folder, 'logs')) ? namesIn(join(folder, 'logs')) : [];
  const files: Omit<TraceFile, 'path' | 'bytes'>[] = [
    { name: 'catalog/journal.jsonl', service: 'catalog', holds: 'movements' },
    ...ids
      .sort((a, b) => a - b)
      .map((id) => ({ name: `order-${id}/log.jsonl`, service: `order-${id}`, holds: 'entries' as const })),
    ...said
      .filter((name) => name.endsWith('.log'))
      .sort()
      // A log that was put away is called after its service and its time: order-1__2026-01-31.log.
      .map((name) => ({ name: `logs/${name}`, service: name.split(/__|\.log$/)[0] ?? '', holds: 'words' as const })),
  ];
  const there = files.flatMap((file) => {
    const path = join(folder, file.name);
    const stats = statSync(path, { throwIfNoEntry: false });
    return stats === undefined ? [] : [{ ...file, path, bytes: stats.size }];
  });
  if (there.length === 0)
    throw new UsageError(`Cannot trace in ${folder}: there is no journal, no replica's log and no "logs" in it`);
  return there;
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
 * Calls `take` with each line, numbered from 1, and returns how many there are. A last line without its line feed is
 * none: it is being written. One that is longer than any line of Till is passed over.
 */
export const eachLine = async (
  { path, bytes }: Pick<TraceFile, 'path' | 'bytes'>,
  take: (text: string, number: number) => void,
): Promise<number> => {
  if (bytes === 0) return 0;
  let number = 0;
  let rest: Buffer[] = [];
  let restBytes = 0;
  for await (const chunk of createReadStream(path, {
    end: bytes - 1,
    highWaterMark: CHUNK_BYTES,
  }) as AsyncIterable<Buffer>) {
    let from = 0;
    for (let end = chunk.indexOf(LINE_FEED); end >= 0; end = chunk.indexOf(LINE_FEED, from)) {
      const piece = chunk.subarray(from, end);
      number += 1;
      if (restBytes === 0) take(piece.toString('utf8'), number);
      else if (restBytes <= limits.journalLineBytesMax) take(Buffer.concat([...rest, piece]).toString('utf8'), number);
      rest = [];
      restBytes = 0;
      from = end + 1;
    }
    if (from === chunk.length) continue;
    restBytes += chunk.length - from;
    if (restBytes > limits.journalLineBytesMax) rest = [];
    else rest.push(chunk.subarray(from));
  }
  return number;
};

const CHUNK_BYTES = 1024 * 1024;
