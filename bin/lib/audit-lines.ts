/**
 * Sealed lines of a file, one after the other and never all at once, each with its own seals checked.
 *
 * A file is read as far as it went when the audit began. A last line without its line feed is no line: it is being
 * written, or was when the machine stopped, and was never acknowledged.
 */
import { isUtf8 } from 'node:buffer';
import { createReadStream } from 'node:fs';
import { chainHash, unseal, ZERO_HASH } from '@till/shared/sealed';

export type FileLine = {
  /** From 1. */
  number: number;
  text: string;
  /** null if the bytes are damaged. */
  body: string | null;
  /** False if the line is undamaged, but does not follow the one before it. */
  chained: boolean;
};

export type Damage = 'none' | 'tail' | 'inside';

/** A file, and how many of its bytes count. */
export type Extent = { path: string; bytes: number };

const LINE_FEED = 10;

/** Whatever is no UTF-8: it could decode to the very text that was sealed, and would pass for it. */
const NO_TEXT = '';

const decode = (bytes: Buffer): string => (isUtf8(bytes) ? bytes.toString('utf8') : NO_TEXT);

/** A whole line that does not end there: the line feed after it was damaged. */
const WHOLE_LINE = /,"crc":"[0-9a-f]{8}"\}./s;

/** Lines as texts; an unfinished line is given to `onRest`, as its number of bytes. */
async function* readTexts({ path, bytes }: Extent, onRest?: (bytes: number) => void): AsyncGenerator<string> {
  if (bytes === 0) return;
  let rest: Buffer[] = [];
  for await (const chunk of createReadStream(path, {
    end: bytes - 1,
    highWaterMark: 1024 * 1024,
  }) as AsyncIterable<Buffer>) {
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
  if (WHOLE_LINE.test(unfinished.toString('latin1'))) yield NO_TEXT;
  else if (unfinished.length > 0) onRest?.(unfinished.length);
}

export async function* readLines(extent: Extent, onRest?: (bytes: number) => void): AsyncGenerator<FileLine> {
  let number = 0;
  // null after a damaged line, whose hash nobody knows: the next one is taken at its word.
  let previous: string | null = ZERO_HASH;
  for await (const text of readTexts(extent, onRest)) {
    number += 1;
    const unsealed = unseal(text);
    if (unsealed === null) {
      previous = null;
      yield { number, text, body: null, chained: true };
      continue;
    }
    const { body, hash } = unsealed;
    const chained: boolean = previous === null || chainHash(previous, body) === hash;
    previous = hash;
    yield { number, text, body, chained };
  }
}
