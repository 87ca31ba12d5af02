/**
 * The index of a segment as a file: what a start would else find out by reading the whole segment. A line of JSON that says
 * what the index is of, then the columns as numbers of four bytes, the lowest first. Everything in it can be made again
 * from the segment; docs/log-format.md has the form.
 */
import { crc32 } from 'node:zlib';
import type { Columns } from './line-columns.ts';

export type IndexHead = {
  /** Number of the segment's first line, in the whole journal. */
  first: number;
  /** How many lines the index covers, from the first on, and their size. */
  count: number;
  bytes: number;
  /** Chain hash before the first line, and of the last line that is covered. */
  previousHash: string;
  lastHash: string;
  /** SHA-256 of the whole file, of a sealed segment; null for the active one. */
  sha256: string | null;
};

export type LineIndex = IndexHead & { columns: Columns };

const VERSION = 1;
const LINE_FEED = 0x0a;
/** The last field: CRC-32 of everything before it, so that nothing is believed of a line that was damaged. */
const HEAD_CRC = ',"headCrc":"';

export const encodeIndex = ({ columns, ...head }: LineIndex): Uint8Array => {
  const { offsets, keyHashes, keyLines, orderLines, rareLines, orderFirst } = columns;
  const numbers = [offsets, keyHashes, keyLines, orderLines, rareLines];
  const binary = Buffer.concat(
    numbers.map(({ buffer, byteOffset, byteLength }) => Buffer.from(buffer, byteOffset, byteLength)),
  );
  const { first, count, bytes, previousHash, lastHash, sha256 } = head;
  const lengths = { keys: keyHashes.length, orders: orderLines.length, rare: rareLines.length };
  const crc = checksumOf(binary);
  const text = JSON.stringify({
    ...{ version: VERSION, first, count, bytes, previousHash, lastHash, sha256, orderFirst },
    ...lengths,
    crc,
  }).slice(0, -1);
  const line = `${text}${HEAD_CRC}${checksumOf(Buffer.from(text))}"}`;
  const padding = ' '.repeat((4 - ((line.length + 1) % 4)) % 4);
  return Buffer.concat([Buffer.from(`${line}${padding}\n`), binary]);
};

/** null for bytes that are no whole index. Whether it is one of its segment is for who knows the segment. */
export const decodeIndex = (bytes: Uint8Array): LineIndex | null => {
  const end = bytes.indexOf(LINE_FEED);
  const head = headOf(Buffer.from(bytes.subarray(0, Math.max(0, end))).toString());
  if (head === null) return null;
  const { version, keys, orders, rare, crc, orderFirst, ...rest } = head;
  const lengths = [rest.count, keys, keys, orders, rare];
  const binary = bytes.subarray(end + 1);
  const isWhole =
    version === VERSION &&
    rest.count > 0 &&
    binary.length === 4 * lengths.reduce((sum, length) => sum + length) &&
    checksumOf(binary) === crc;
  if (!isWhole) return null;
  const numbers = numbersIn(binary);
  let from = 0;
  const [offsets, keyHashes, keyLines, orderLines, rareLines] = lengths.map((length) => {
    from += length;
    return numbers.subarray(from - length, from);
  }) as [Uint32Array, Uint32Array, Uint32Array, Uint32Array, Uint32Array];
  return { ...rest, columns: { offsets, keyHashes, keyLines, orderLines, rareLines, orderFirst } };
};

/** Numbers in memory cannot begin anywhere: the line before the columns is long enough that they need not be copied. */
const numbersIn = (binary: Uint8Array): Uint32Array => {
  const { buffer, byteOffset, length } = binary.byteOffset % 4 === 0 ? binary : new Uint8Array(binary);
  return new Uint32Array(buffer, byteOffset, length / 4);
};

type Head = IndexHead & {
  version: number;
  orderFirst: number;
  keys: number;
  orders: number;
  rare: number;
  crc: string;
};

const headOf = (text: string): Head | null => {
  const crcAt = text.lastIndexOf(HEAD_CRC);
  const crc = checksumOf(Buffer.from(text.slice(0, Math.max(0, crcAt))));
  if (crcAt === -1 || text.slice(crcAt).trimEnd() !== `${HEAD_CRC}${crc}"}`) return null;
  return JSON.parse(text) as Head;
};

const checksumOf = (binary: Uint8Array): string => crc32(binary).toString(16).padStart(8, '0');
