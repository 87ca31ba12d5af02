/** An index as docs/log-format.md has it: a header of JSON on one line, with its own checksum, then columns of 32-bit numbers. */
import { crc32 } from 'node:zlib';
import { type HeldFile, readPart } from './segment-files.ts';

export type IndexHeader = {
  version: number;
  first: number;
  count: number;
  bytes: number;
  previousHash: string;
  lastHash: string;
  /** Of the whole segment; null while it is the active one. */
  sha256: string | null;
  orderFirst: number;
  keys: number;
  orders: number;
  rare: number;
  /** CRC-32 of all columns, as eight hex digits. */
  crc: string;
};

/** In the order in which they stand in the file; all lines are relative to the first one. */
export type IndexColumns = {
  offsets: Uint32Array;
  keyHashes: Uint32Array;
  keyLines: Uint32Array;
  orderLines: Uint32Array;
  rareLines: Uint32Array;
};

const HEADER_BYTES_MAX = 4096;
const LINE_FEED = 10;

const columnLengths = ({ count, keys, orders, rare }: IndexHeader): [keyof IndexColumns, number][] => [
  ['offsets', count],
  ['keyHashes', keys],
  ['keyLines', keys],
  ['orderLines', orders],
  ['rareLines', rare],
];

/** The header of a file that is whole and undamaged; null for any other one. */
export const readHeader = (file: HeldFile): { header: IndexHeader; headerBytes: number } | null => {
  const start = readPart(file.fd, { from: 0, bytes: Math.min(HEADER_BYTES_MAX, file.bytes) });
  const headerBytes = start.indexOf(LINE_FEED) + 1;
  const header = headerIn(start.toString('latin1', 0, headerBytes));
  if (header === null) return null;
  const counts = [header.first, header.bytes, header.orderFirst, ...columnLengths(header).map(([, length]) => length)];
  if (header.version !== 1 || !counts.every((value) => Number.isSafeInteger(value) && value >= 0)) return null;
  return { header, headerBytes };
};

/** null if they are not all there, or damaged. */
export const readColumns = (
  file: HeldFile,
  { header, headerBytes }: { header: IndexHeader; headerBytes: number },
): IndexColumns | null => {
  const lengths = columnLengths(header);
  const bytes = 4 * lengths.reduce((sum, [, length]) => sum + length, 0);
  if (file.bytes !== headerBytes + bytes) return null;
  const binary = readPart(file.fd, { from: headerBytes, bytes });
  if (binary.length !== bytes || hexOf(crc32(binary)) !== header.crc) return null;
  let at = 0;
  const columns = lengths.map(([name, length]) => {
    const column = Uint32Array.from({ length }, (_, place) => binary.readUInt32LE(at + 4 * place));
    at += 4 * length;
    return [name, column] as const;
  });
  return Object.fromEntries(columns) as IndexColumns;
};

const hexOf = (crc: number): string => crc.toString(16).padStart(8, '0');

/** Spaces may follow, so that the columns begin at a multiple of four. */
const HEAD_CRC = /,"headCrc":"([0-9a-f]{8})"\} *\n$/;

const headerIn = (line: string): IndexHeader | null => {
  const found = HEAD_CRC.exec(line);
  if (found === null || hexOf(crc32(line.slice(0, found.index))) !== found[1]) return null;
  return JSON.parse(line) as IndexHeader;
};
