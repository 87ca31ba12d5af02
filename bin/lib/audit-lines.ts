/**
 * Sealed lines of a journal, one after the other through all its segments and never all at once, each with its own seals
 * checked.
 *
 * A file is read as far as it went when the audit began. A last line without its line feed is no line: it is being
 * written, or was when the machine stopped, and was never acknowledged. Only the active segment can have one: another was
 * sealed when all of it was on disk.
 */
import { isUtf8 } from 'node:buffer';
import { chainHash, unseal, ZERO_HASH } from '@till/shared/sealed';
import { chunksOf, type Segment, type SegmentFiles } from './segment-files.ts';

export type FileLine = {
  /** From 1, through all segments. */
  number: number;
  /** True if it stands for lines that are in no file, up to `through`; else `through` is its own number. */
  isMissing: boolean;
  through: number;
  text: string;
  /** null if the bytes are damaged, or missing. */
  body: string | null;
  /** The seal; null as the body is. */
  hash: string | null;
  /** False if the line is undamaged, but does not follow the one before it. */
  chained: boolean;
  /** The file it stands in; of missing lines the one after them. */
  segment: Segment;
};

export type Damage = 'none' | 'tail' | 'inside';

/** What is told besides the lines. */
export type Listener = {
  /** Bytes at the end that are no line. */
  onRest?: (segment: Segment, bytes: number) => void;
  /** A file begins with another line than the one that is due. Missing lines then come as one that is damaged. */
  onBreak?: (segment: Segment, lines: { first: number; due: number }) => void;
  /** A file begins as it must. */
  onSegment?: (segment: Segment) => void;
};

const LINE_FEED = 10;

/** Whatever is no UTF-8: it could decode to the very text that was sealed, and would pass for it. */
const NO_TEXT = '';

const decode = (bytes: Buffer): string => (isUtf8(bytes) ? bytes.toString('utf8') : NO_TEXT);

/** A whole line that does not end there: the line feed after it was damaged. */
const WHOLE_LINE = /,"crc":"[0-9a-f]{8}"\}./s;

/** Lines as texts; an unfinished line is one that is damaged, unless it is given to `onRest` as its number of bytes. */
function* readTexts(segment: Segment, onRest: ((bytes: number) => void) | null): Generator<string> {
  let rest: Buffer[] = [];
  for (const chunk of chunksOf(segment)) {
    let from = 0;
    for (let end = chunk.indexOf(LINE_FEED); end >= 0; end = chunk.indexOf(LINE_FEED, from)) {
      const piece = chunk.subarray(from, end);
      yield decode(rest.length === 0 ? piece : Buffer.concat([...rest, piece]));
      rest = [];
      from = end + 1;
    }
    if (from < chunk.length) rest.push(chunk.subarray(from));
  }
  const unfinished = Buffer.concat(rest);
  if (unfinished.length === 0) return;
  if (onRest === null || WHOLE_LINE.test(unfinished.toString('latin1'))) yield NO_TEXT;
  else onRest(unfinished.length);
}

export async function* readLines({ segments }: SegmentFiles, listener: Listener = {}): AsyncGenerator<FileLine> {
  let number = 0;
  // null where the hash before is not known: the next line is taken at its word.
  let previous: string | null = ZERO_HASH;
  for (const segment of segments) {
    const due = number + 1;
    const first = segment.first ?? firstOfActive(segment, { due, previous });
    if (first === due) {
      listener.onSegment?.(segment);
    } else {
      listener.onBreak?.(segment, { first, due });
      previous = null;
      number = first - 1;
      const missing = { number: due, through: Math.max(due, number), isMissing: true, text: '', segment };
      yield { ...missing, body: null, hash: null, chained: true };
    }
    const onRest = segment.first === null ? (bytes: number) => listener.onRest?.(segment, bytes) : null;
    for (const text of readTexts(segment, onRest)) {
      number += 1;
      const place = { number, through: number, isMissing: false, text, segment };
      const unsealed = unseal(text);
      if (unsealed === null) {
        previous = null;
        yield { ...place, body: null, hash: null, chained: true };
        continue;
      }
      const { body, hash } = unsealed;
      const chained: boolean = previous === null || chainHash(previous, body) === hash;
      previous = hash;
      yield { ...place, body, hash, chained };
    }
  }
}

const RECORD_NUMBER = /^\{"(?:sequence|index)":(\d{1,15})[,}]/;

/**
 * Its name does not tell it. If its first line does not follow from what is due, and is a later one as it says itself, then what
 * comes before it is missing.
 */
const firstOfActive = (segment: Segment, { due, previous }: { due: number; previous: string | null }): number => {
  const [text = ''] = readTexts(segment, () => {});
  const unsealed = unseal(text);
  if (unsealed === null || previous === null || chainHash(previous, unsealed.body) === unsealed.hash) return due;
  return Math.max(due, Number(RECORD_NUMBER.exec(unsealed.body)?.[1] ?? due));
};
