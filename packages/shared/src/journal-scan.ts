/**
 * Reads a segment of a journal to its last byte and tells whole lines from damage. Damage has two kinds: a tail that a
 * crash in the middle of a write leaves, and everything else, which no crash of ours explains.
 */
import { isUtf8 } from 'node:buffer';
import type { JournalFile } from './journal-files.ts';
import { limits } from './limits.ts';
import { chainHash, unseal } from './sealed.ts';

const LINE_FEED = 0x0a;

/** A journal that must not be used as it is. Nothing of it was changed. */
export class JournalDamaged extends Error {
  override name = 'JournalDamaged';
  readonly path: string;
  /** From 1. */
  readonly lineNumber: number;
  /** Bytes before the damaged line. */
  readonly offset: number;

  constructor(damage: { path: string; lineNumber: number; offset: number; what: string }) {
    super(
      `Cannot use ${damage.path}: line ${damage.lineNumber} at byte ${damage.offset} ${damage.what}. ` +
        'The file was left as it is. Stop the service, keep a copy of the file, check it with bin/verify, ' +
        'and put back a good copy; a replica whose whole folder is moved away fetches everything from the others',
    );
    this.path = damage.path;
    this.lineNumber = damage.lineNumber;
    this.offset = damage.offset;
  }
}

/** Where a scan begins: the byte in the file, the number of the line there, and the hash of the line before it. */
export type ScanStart = { offset: number; lineNumber: number; hash: string };

export type Scanned = {
  /** Bytes of the file up to the end of the last good line. */
  goodBytes: number;
  /** What follows it: the beginning of a line that was never finished, hence never acknowledged. Empty: no damage. */
  tail: Uint8Array;
  lastHash: string;
};

/**
 * Calls `onLine` for each good line from the start on; `size` is the line's length in bytes with its line feed. Reads in
 * chunks: never holds more than a chunk and a line. Throws `JournalDamaged`.
 */
export const scan = async (
  { path, file, start: from }: { path: string; file: JournalFile; start: ScanStart },
  onLine: (line: string, hash: string, size: number) => void,
): Promise<Scanned> => {
  const end = await file.size();
  const chunk = new Uint8Array(Math.min(limits.journalChunkBytes, end - from.offset));
  let rest: Uint8Array = new Uint8Array(0);
  let goodBytes = from.offset;
  let { lineNumber, hash: lastHash } = from;
  const damaged = (what: string) => new JournalDamaged({ path, lineNumber, offset: goodBytes, what });

  for (let position = from.offset; position < end; ) {
    const count = await file.read(chunk.subarray(0, Math.min(chunk.length, end - position)), position);
    if (count === 0) throw new Error(`Cannot read ${path} from byte ${position} on, although it has ${end}`);
    position += count;
    const bytes = Buffer.concat([rest, chunk.subarray(0, count)]);
    let start = 0;
    for (let stop = bytes.indexOf(LINE_FEED); stop !== -1; stop = bytes.indexOf(LINE_FEED, start)) {
      const line = readLine(bytes.subarray(start, stop));
      if (line === null) {
        if (position < end || stop + 1 < bytes.length) throw damaged('has damaged bytes, and there is more after it');
        break;
      }
      if (chainHash(lastHash, line.body) !== line.hash) throw damaged('does not follow from the line before it');
      lastHash = line.hash;
      lineNumber += 1;
      goodBytes += stop + 1 - start;
      onLine(line.text, line.hash, stop + 1 - start);
      start = stop + 1;
    }
    rest = bytes.subarray(start);
    if (rest.length > limits.journalLineBytesMax) throw damaged('does not end');
  }
  if (beginsWithLine(rest)) throw damaged('is whole, but its line feed is damaged');
  return { goodBytes, tail: rest, lastHash };
};

/**
 * A line from its bytes without the line feed; null if they are damaged. Two things are seen here that the seals do not
 * cover: bytes that are no UTF-8 may decode to the very text that was sealed, and the line's last two characters stand behind
 * its checksum.
 */
export const readLine = (bytes: Uint8Array): { text: string; body: string; hash: string } | null => {
  if (!isUtf8(bytes)) return null;
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString();
  if (!text.endsWith('"}')) return null;
  const unsealed = unseal(text);
  return unsealed && { text, ...unsealed };
};

/**
 * Whether a whole line and then something else stands at the beginning. An unfinished line never does; two lines whose
 * line feed was damaged do, and the first of them may have been acknowledged.
 */
const beginsWithLine = (bytes: Uint8Array): boolean => {
  const seal = /,"crc":"[0-9a-f]{8}"\}/g;
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
  for (let found = seal.exec(text); found !== null; found = seal.exec(text)) {
    const end = found.index + found[0].length;
    if (end < bytes.length && readLine(bytes.subarray(0, end)) !== null) return true;
  }
  return false;
};
