/**
 * Sealed lines: how every record of a journal or a log stands in its file.
 *
 * A line is the JSON text of the record (its body, without the closing brace) followed by two seals:
 *
 *   {"index":7,"term":2,...,"hash":"<32 hex>","crc":"<8 hex>"}
 *
 * `hash` chains the record to the one before it: the first 128 bits of SHA-256 over the previous hash and the body. Two
 * logs with the same hash at the same place hold the same prefix. `crc` is CRC-32 over everything before it: it tells
 * damaged bytes from a different history. The body stays the very text it was sealed with, so that a line can travel
 * and be stored elsewhere without being encoded again.
 */
import { hash as digest } from 'node:crypto';
import { crc32 } from 'node:zlib';

/** The hash before the first record of a file. */
export const ZERO_HASH = '0'.repeat(32);

const CRC_FIELD = ',"crc":"';
const CRC_TAIL = CRC_FIELD.length + 8 + 2;
const HASH_FIELD = ',"hash":"';
const HASH_TAIL = HASH_FIELD.length + 32 + 1;

export type Unsealed = { body: string; hash: string };

/** Chain hash of a body after the record whose hash is `previous`. */
export const chainHash = (previous: string, body: string): string =>
  digest('sha256', previous + body, 'hex').slice(0, 32);

/** CRC-32 of a text as eight hexadecimal digits. */
export const checksum = (text: string): string => crc32(text).toString(16).padStart(8, '0');

/** Seals a body, which is the JSON text of a non-empty object. Returns the line without its line feed. */
export const seal = (previous: string, body: string): { line: string; hash: string } => {
  const hash = chainHash(previous, body);
  const sealed = `${body.slice(0, -1)}${HASH_FIELD}${hash}"`;
  return { line: `${sealed}${CRC_FIELD}${checksum(sealed)}"}`, hash };
};

/** Takes a line apart, or returns null if its bytes are damaged. The chain is checked by who knows the hash before it. */
export const unseal = (line: string): Unsealed | null => {
  const crcAt = line.length - CRC_TAIL;
  const hashAt = crcAt - HASH_TAIL;
  if (hashAt < 2 || !line.startsWith(CRC_FIELD, crcAt) || !line.startsWith(HASH_FIELD, hashAt)) return null;
  if (!line.endsWith('"}')) return null;
  if (checksum(line.slice(0, crcAt)) !== line.slice(crcAt + CRC_FIELD.length, -2)) return null;
  return {
    body: `${line.slice(0, hashAt)}}`,
    hash: line.slice(hashAt + HASH_FIELD.length, crcAt - 1),
  };
};
