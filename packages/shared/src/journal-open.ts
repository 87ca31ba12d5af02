/**
 * Opens the segments of a journal and finds out what they hold: from their indexes as far as they have any that are
 * right, and by reading what those do not cover. What comes out is the same either way.
 */
import { basename, dirname } from 'node:path';
import type { JournalFile, JournalFiles } from './journal-files.ts';
import { JournalDamaged, scan } from './journal-scan.ts';
import { type Columns, createLineColumns, type LineColumns } from './line-columns.ts';
import { factsOf, type LineFacts } from './line-facts.ts';
import { decodeIndex, type LineIndex } from './line-index.ts';
import { ZERO_HASH } from './sealed.ts';
import { hashOf } from './seals.ts';
import { indexPath, readNow, type Segment, sealedFirsts, sealedPath } from './segment.ts';

/** The segment that is written to. */
export type Active = Segment & { offsets: LineColumns };

/** What the lines of one segment are, or the first of them, without having been read. Lines are counted from `first`, as 0. */
export type LoadedColumns = Omit<Columns, 'offsets'> & {
  first: number;
  count: number;
  /** How many lines the whole journal has, about. */
  countExpected: number;
  /** The line with this number, one of these; only while this is being told. */
  read(number: number): string;
};

export type OpenOptions = {
  path: string;
  files: JournalFiles;
  /** Called for each line that is read because no index covers it. */
  onLine: (line: string, hash: string, number: number, facts: LineFacts) => void;
  /** Called for what an index covers, in order with the lines. Without it indexes are not read. */
  onColumns: ((columns: LoadedColumns) => void) | null;
};

/** The same, and the first line of the last sealed segment, which the name of its file says. */
type Opening = OpenOptions & { lastFirst: number };

/** What was found at open. `kept` is the file that holds the bytes that were cut off. */
export type TornTail = { bytes: number; kept: string };

export type Opened = {
  sealed: Segment[];
  active: Active;
  torn: TornTail | null;
  /** How many lines of the active segment, and bytes, its index covers. */
  indexed: { lines: number; bytes: number };
  /** Sealed segments without an index. */
  unindexed: { segment: Segment; columns: Columns }[];
};

/** Throws `JournalDamaged`, and then has changed nothing. */
export const openSegments = async (options: OpenOptions): Promise<Opened> => {
  const { path, files } = options;
  const opened: Segment[] = [];
  const begin = async (at: string): Promise<Active> => {
    const before = opened.at(-1);
    const segment = emptySegment({ path: at, file: await files.open(at), before });
    opened.push(segment);
    return segment;
  };
  try {
    const unindexed: Opened['unindexed'] = [];
    const firsts = sealedFirsts(basename(path), await files.list(dirname(path)));
    const opening: Opening = { ...options, lastFirst: firsts.at(-1) ?? 1 };
    for (const first of firsts) {
      const segment = await begin(sealedPath(path, first));
      if (segment.first !== first) throw damaged(segment, 'is missing: the name of the file says another first line');
      const known = await knownSealed(opening, segment);
      if (known === null) unindexed.push(await readSealed(opening, segment));
      // Of a segment that does not grow any more only the places are needed.
      opened[opened.length - 1] = known ?? (unindexed.at(-1)?.segment as Segment);
    }
    const sealed = [...opened];
    const active = await begin(path);
    return { sealed, active, unindexed, ...(await takeActive(opening, active)) };
  } catch (error) {
    for (const { file } of opened) await file.close();
    throw error;
  }
};

/** A segment of which nothing is known yet; `before`: the one that it follows. */
export const emptySegment = ({
  path,
  file,
  before,
}: {
  path: string;
  file: JournalFile;
  before: Segment | undefined;
}): Active => {
  const first = before === undefined ? 1 : before.first + before.offsets.length;
  const hash = before?.lastHash ?? ZERO_HASH;
  return { path, file, first, previousHash: hash, lastHash: hash, offsets: createLineColumns(), bytes: 0 };
};

/** Places of lines that do not change any more. */
export const fixedOffsets = (offsets: Uint32Array): Segment['offsets'] => ({
  length: offsets.length,
  at: (line) => offsets[line] as number,
});

/** Reads what a segment has beyond what is known of it. Returns what stands behind its last whole line. */
export const readOn = async (segment: Active, onLine: OpenOptions['onLine']): Promise<Uint8Array> => {
  const start = {
    offset: segment.bytes,
    lineNumber: segment.first + segment.offsets.length,
    hash: segment.lastHash,
  };
  const { tail } = await scan({ path: segment.path, file: segment.file, start }, (line, hash, size) => {
    const facts = factsOf(line);
    const number = segment.first + segment.offsets.length;
    segment.offsets.add(segment.bytes, facts);
    segment.bytes += size;
    segment.lastHash = hash;
    onLine(line, hash, number, facts);
  });
  return tail;
};

/** A sealed segment as its index says it is; null without one that is right. */
const knownSealed = async (options: Opening, segment: Active): Promise<Segment | null> => {
  const index = await loadIndex(options, indexPath(options.path, segment.first));
  if (index === null || index.sha256 === null || index.first !== segment.first) return null;
  const size = await segment.file.size();
  if (index.bytes !== size) {
    throw damaged(segment, `begins a segment of ${size} bytes, which had ${index.bytes} when it was sealed`);
  }
  if (index.previousHash !== segment.previousHash) throw damaged(segment, 'does not follow from the line before it');
  const known = take(options, segment, index);
  // A copy: or else the whole index would stay in memory.
  return known === null ? null : { ...known, offsets: fixedOffsets(index.columns.offsets.slice()) };
};

const readSealed = async (options: OpenOptions, segment: Active): Promise<Opened['unindexed'][number]> => {
  const tail = await readOn(segment, options.onLine);
  if (tail.length > 0 || segment.offsets.length === 0) {
    throw damaged(segment, 'has damaged bytes, in a segment that was sealed');
  }
  const columns = segment.offsets.copy();
  return { segment: { ...segment, offsets: fixedOffsets(columns.offsets) }, columns };
};

const takeActive = async (options: Opening, active: Active): Promise<Pick<Opened, 'torn' | 'indexed'>> => {
  const { path, files } = options;
  const index = await loadIndex(options, indexPath(path));
  const isOfActive =
    index !== null &&
    index.sha256 === null &&
    index.first === active.first &&
    index.previousHash === active.previousHash &&
    index.bytes <= (await active.file.size());
  const known = isOfActive ? take(options, active, index) : null;
  if (isOfActive && known !== null) Object.assign(active, known, { offsets: createLineColumns(index.columns) });
  const indexed = { lines: active.offsets.length, bytes: active.bytes };
  const tail = await readOn(active, options.onLine);
  let torn: TornTail | null = null;
  if (tail.length > 0) {
    torn = { bytes: tail.length, kept: await keepAside(files, path, tail) };
    await active.file.truncate(active.bytes);
  }
  // Lines may have been read from memory that a killed process had written and not synced: from here on they count.
  await active.file.sync();
  return { torn, indexed };
};

/** An index that is missing or torn is made anew. */
const loadIndex = async ({ files, onColumns }: OpenOptions, path: string): Promise<LineIndex | null> => {
  const bytes = onColumns === null ? null : await files.load(path);
  return bytes === null ? null : decodeIndex(bytes);
};

/** A segment as an index says it is, if the line that the index ends with is the one that stands there. */
const take = ({ onColumns, lastFirst }: Opening, segment: Segment, { columns, ...head }: LineIndex): Segment | null => {
  const { count, bytes, lastHash } = head;
  const known: Segment = { ...segment, offsets: fixedOffsets(columns.offsets), bytes, lastHash };
  if (known.offsets.at(count - 1) >= bytes || !isLastLine(known)) return null;
  const read = (number: number): string => {
    const at = number - segment.first;
    return readNow({ segment: known, from: at, to: at })[0] as string;
  };
  const countExpected = Math.max(lastFirst, segment.first) - 1 + count;
  onColumns?.({ first: segment.first, count, countExpected, ...columns, read });
  return known;
};

const isLastLine = (segment: Segment): boolean => {
  const last = segment.offsets.length - 1;
  try {
    const [line = ''] = readNow({ segment, from: last, to: last });
    return hashOf(line) === segment.lastHash;
  } catch (error) {
    // Reading the whole segment says which line it is.
    if (error instanceof JournalDamaged) return false;
    throw error;
  }
};

/** What is wrong with the first line that is not known to be right. */
const damaged = (segment: Segment, what: string): JournalDamaged =>
  new JournalDamaged({
    path: segment.path,
    lineNumber: segment.first + segment.offsets.length,
    offset: segment.bytes,
    what,
  });

/** Unfinished lines are evidence: they are kept beside the journal, under the first name that is free. */
const keepAside = async (files: JournalFiles, path: string, tail: Uint8Array): Promise<string> => {
  for (let number = 1; ; number += 1) {
    const kept = `${path}.torn-${number}`;
    if (await files.keep(kept, tail)) return kept;
  }
};
