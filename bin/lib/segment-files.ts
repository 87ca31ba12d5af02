/**
 * The files of a journal as docs/log-format.md has them: sealed segments, each called after its first line, then the active
 * one, and the indexes beside them.
 *
 * The services may be at work: a segment gets its name when it is sealed, an index is replaced, an uncommitted end is cut. A
 * file that is held open stays what it is under any name. So all are opened, and count only if the folder then still shows
 * the very same ones; else it is looked at again.
 */
import { closeSync, fstatSync, openSync, readdirSync, readSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { Failure } from './command.ts';

export type HeldFile = {
  /** With its folder, as people look for it: `order-1/log.jsonl`. */
  name: string;
  fd: number;
  /** As far as it went when it was opened. */
  bytes: number;
};

export type Segment = HeldFile & {
  /** Number of its first line, as its name tells it; null for the active one. */
  first: number | null;
};

export type SegmentFiles = {
  /** Of the active segment, which stands for the whole journal. */
  name: string;
  /** In the order of their lines. */
  segments: Segment[];
  /** Of a sealed segment `first` is its first line, of the active one null. */
  indexes: Segment[];
  close(): void;
};

const LOOKS_MAX = 100;

type List = (folder: string) => string[];

/** null if there is no such journal. Who opened them closes them. `list` is for tests: what is in a folder. */
export const openSegments = (folder: string, stem: string, list = readdirSync as List): SegmentFiles | null => {
  const pattern = patternOf(stem);
  const names = () => (unlessGone(() => list(folder)) ?? []).filter((name) => pattern.test(name)).sort();
  for (let look = 0; look < LOOKS_MAX; look += 1) {
    const held = names().map((name) => hold(folder, name));
    const files = held.filter((file) => file !== null);
    const isStill = files.length === held.length && isSame(folder, names(), files);
    if (!isStill) {
      for (const { fd } of files) closeSync(fd);
      continue;
    }
    return groupOf(folder, stem, files);
  }
  throw new Failure(`Cannot read ${join(folder, stem)}*: the files were other ones at each of ${LOOKS_MAX} looks`);
};

/** Fills a new buffer with a part of a file; shorter if the file is. */
export const readPart = (fd: number, { from, bytes }: { from: number; bytes: number }): Buffer => {
  const part = Buffer.alloc(bytes);
  let have = 0;
  while (have < bytes) {
    const count = readSync(fd, part, have, bytes - have, from + have);
    if (count === 0) break;
    have += count;
  }
  return part.subarray(0, have);
};

/** A file from its first byte to where it ended when it was opened, or to where it ends now. */
export function* chunksOf({ fd, bytes }: HeldFile): Generator<Buffer> {
  for (let from = 0; from < bytes; ) {
    const chunk = readPart(fd, { from, bytes: Math.min(CHUNK_BYTES, bytes - from) });
    if (chunk.length === 0) return;
    yield chunk;
    from += chunk.length;
  }
}

const CHUNK_BYTES = 1024 * 1024;

const codeOf = (error: unknown): string | undefined => (error as NodeJS.ErrnoException).code;

/** Undefined if nobody has the name any more. */
const unlessGone = <Value>(act: () => Value): Value | undefined => {
  try {
    return act();
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
};

const patternOf = (stem: string): RegExp => new RegExp(`^${stem}(?:\\.(\\d{12}))?\\.(jsonl|index)$`);

type Held = HeldFile & { inode: bigint };

const hold = (folder: string, name: string): Held | null => {
  const fd = unlessGone(() => openSync(join(folder, name), 'r'));
  if (fd === undefined) return null;
  const { size, ino } = fstatSync(fd, { bigint: true });
  return { name, fd, bytes: Number(size), inode: ino };
};

const isSame = (folder: string, names: string[], held: Held[]): boolean =>
  names.length === held.length &&
  names.every((name, at) => {
    const stats = unlessGone(() => statSync(join(folder, name), { bigint: true }));
    return held[at]?.name === name && held[at].inode === stats?.ino;
  });

const groupOf = (folder: string, stem: string, held: Held[]): SegmentFiles | null => {
  const pattern = patternOf(stem);
  const place = basename(folder);
  const files = held.map(({ name, fd, bytes }) => {
    const [, first, ending] = pattern.exec(name) ?? [];
    return { name: `${place}/${name}`, fd, bytes, first: first === undefined ? null : Number(first), ending };
  });
  const inOrder = (ending: string): Segment[] =>
    files
      .filter((file) => file.ending === ending)
      .map(({ ending: _, ...file }) => file)
      .sort((one, other) => (one.first ?? Number.POSITIVE_INFINITY) - (other.first ?? Number.POSITIVE_INFINITY));
  const close = (): void => {
    for (const { fd } of files) closeSync(fd);
  };
  const segments = inOrder('jsonl');
  if (segments.length === 0) {
    close();
    return null;
  }
  return { name: `${place}/${stem}.jsonl`, segments, indexes: inOrder('index'), close };
};
