/**
 * A segment: one file of a journal, with the place of each of its lines. A journal is one or more of them; all but the last,
 * the active one, are sealed, never written again, and named after the number of their first line.
 */
import { assert } from './assert.ts';
import type { JournalFile } from './journal-files.ts';
import { JournalDamaged, readLine } from './journal-scan.ts';

export type Segment = {
  path: string;
  file: JournalFile;
  /** Number of its first line, in the whole journal. */
  first: number;
  /** Chain hash before its first line, and of its last one: the same if it has none. */
  previousHash: string;
  lastHash: string;
  /** Where each line begins. */
  offsets: { readonly length: number; at(line: number): number };
  bytes: number;
};

/** Lines of a segment, counted from 0, the second one included. */
export type Stretch = { segment: Segment; from: number; to: number };

const LINE_FEED = 0x0a;
const FIRST_DIGITS = 12;

/** Where the sealed segment with this first line is, of the journal whose active one is at `path`. */
export const sealedPath = (path: string, first: number): string => `${stemOf(path)}.${digitsOf(first)}.jsonl`;

/** Where the index of a segment is: of the active one without `first`. */
export const indexPath = (path: string, first?: number): string =>
  first === undefined ? `${stemOf(path)}.index` : `${stemOf(path)}.${digitsOf(first)}.index`;

/** The first lines of the sealed segments of a journal, in order, from the names in its folder. `name`: of the active one. */
export const sealedFirsts = (name: string, names: readonly string[]): number[] => {
  const stem = stemOf(name);
  return names
    .filter((one) => one.startsWith(`${stem}.`) && /^\.\d{12}\.jsonl$/.test(one.slice(stem.length)))
    .map((one) => Number(one.slice(stem.length + 1, stem.length + 1 + FIRST_DIGITS)))
    .sort((one, other) => one - other);
};

const stemOf = (path: string): string => path.replace(/\.jsonl$/, '');
const digitsOf = (first: number): string => String(first).padStart(FIRST_DIGITS, '0');

/** Where a line ends, with its line feed. */
export const endOf = ({ offsets, bytes }: Segment, line: number): number =>
  line + 1 === offsets.length ? bytes : offsets.at(line + 1);

/** The last of the segments that begins at or before a line. */
export const segmentOf = (segments: readonly Segment[], number: number): Segment => {
  let low = 0;
  let high = segments.length - 1;
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if ((segments[middle] as Segment).first <= number) low = middle;
    else high = middle - 1;
  }
  return segments[low] as Segment;
};

/** Reads lines while nothing else runs. Throws `JournalDamaged` if they are not what was written. */
export const readNow = (stretch: Stretch): string[] => {
  const { segment, start, block } = begin(stretch);
  for (let have = 0; have < block.length; ) {
    const count = segment.file.readSync(block.subarray(have), start + have);
    if (count === 0) throw tooShort(segment, start + have);
    have += count;
  }
  return linesOf(stretch, block);
};

/** The same in its time. */
export const readSoon = async (stretch: Stretch): Promise<string[]> => {
  const { segment, start, block } = begin(stretch);
  for (let have = 0; have < block.length; ) {
    const count = await segment.file.read(block.subarray(have), start + have);
    if (count === 0) throw tooShort(segment, start + have);
    have += count;
  }
  return linesOf(stretch, block);
};

const begin = ({ segment, from, to }: Stretch) => {
  const { offsets } = segment;
  assert(from >= 0 && from <= to && to < offsets.length, () => `There are no lines ${from} to ${to}`);
  const start = offsets.at(from);
  return { segment, start, block: Buffer.allocUnsafe(endOf(segment, to) - start) };
};

const linesOf = ({ segment, from, to }: Stretch, block: Buffer): string[] => {
  const start = segment.offsets.at(from);
  const lines: string[] = [];
  for (let line = from; line <= to; line += 1) {
    const offset = segment.offsets.at(line);
    const end = endOf(segment, line);
    const bytes = block.subarray(offset - start, end - 1 - start);
    const read = block[end - 1 - start] === LINE_FEED ? readLine(bytes) : null;
    if (read === null) {
      const what = 'changed after it was written';
      throw new JournalDamaged({ path: segment.path, lineNumber: segment.first + line, offset, what });
    }
    lines.push(read.text);
  }
  return lines;
};

const tooShort = ({ path }: Segment, position: number): Error =>
  new Error(`Cannot read ${path} from byte ${position} on: the file became shorter`);
