/**
 * The rule of indexes: what they say of their segments is so. Written from docs/log-format.md, like all of the audit.
 *
 * An index is derived: one that is missing, damaged or of an older segment does no harm, since the next start makes it anew.
 * One that is whole and wrong would be believed. A segment that is damaged itself says nothing about its index.
 */
import { createHash, type Hash, hash } from 'node:crypto';
import type { Movement } from '@till/shared/movement';
import { ZERO_HASH } from '@till/shared/sealed';
import type { Findings } from './audit-findings.ts';
import type { FileLine } from './audit-lines.ts';
import { type IndexColumns, type IndexHeader, readColumns, readHeader } from './index-file.ts';
import type { Segment, SegmentFiles } from './segment-files.ts';

export type IndexAudit = {
  /** The next line, and the movement that it holds if it does. */
  take(line: FileLine, movement: Movement | null): void;
  finish(): void;
};

const REMEDY = 'stop the service, delete the index, start it';

export const createIndexAudit = (files: SegmentFiles, findings: Findings): IndexAudit => {
  const compared = new Set<Segment>();
  let comparison: Comparison | null = null;
  let segment: Segment | null = null;
  let lastHash: string | null = ZERO_HASH;
  let lastLine = 0;
  let isBroken = false;

  const problem = (detail: string): void => findings.problem('files.indexes', detail);

  const end = (): void => {
    const wrong = comparison?.finish() ?? null;
    if (wrong !== null) problem(wrong);
    comparison = null;
  };

  const begin = (next: Segment, first: number): void => {
    end();
    segment = next;
    const file = files.indexes.find((index) => index.first === next.first);
    if (file === undefined) return;
    compared.add(file);
    findings.checked('files.indexes');
    comparison = compareIndex({ file, segment, first, previousHash: lastHash, findings });
  };

  return {
    take(line, movement) {
      if (line.isMissing) {
        lastHash = null;
        isBroken = true;
        return;
      }
      if (line.segment !== segment) begin(line.segment, line.number);
      comparison?.take(line, movement);
      lastHash = line.hash;
      lastLine = line.number;
    },
    finish() {
      end();
      // Where whole files are missing, that was told.
      if (isBroken) return;
      for (const file of files.indexes.filter((index) => !compared.has(index))) {
        const header = readHeader(file)?.header;
        if (header === undefined || header.first <= lastLine || header.count === 0) continue;
        problem(`${file.name} ${goneLines(header, lastLine)}`);
      }
    },
  };
};

const goneLines = ({ first, count }: IndexHeader, lastLine: number): string =>
  `was made of lines up to ${first + count - 1}, there is nothing after line ${lastLine}: either lines that were on disk ` +
  'are gone, or it is the index of another file';

type Comparison = {
  take(line: FileLine, movement: Movement | null): void;
  /** The first thing that is wrong; null if nothing is. */
  finish(): string | null;
};

/** null if there is nothing to compare with: the index is damaged, or older than the segment. */
const compareIndex = ({
  file,
  segment,
  first,
  previousHash,
  findings,
}: {
  file: Segment;
  segment: Segment;
  first: number;
  previousHash: string | null;
  findings: Findings;
}): Comparison | null => {
  const read = readHeader(file);
  const columns = read === null ? null : readColumns(file, read);
  if (read === null || columns === null) {
    findings.note(`${file.name} is damaged: the next start makes it anew`);
    return null;
  }
  const { header } = read;
  if (segment.first === null && header.first < first) return null;
  return compareColumns({ file, segment, header, columns, first, previousHash });
};

const compareColumns = ({
  file,
  segment,
  header,
  columns,
  first,
  previousHash,
}: {
  file: Segment;
  segment: Segment;
  header: IndexHeader;
  columns: IndexColumns;
  first: number;
  previousHash: string | null;
}): Comparison => {
  const { count, orderFirst } = header;
  let wrong: string | null = null;
  let isDamaged = false;
  let bytes = 0;
  let lines = 0;
  let [keys, orders, rare] = [0, 0, 0];
  const sum: Hash = createHash('sha256');

  const expect = (holds: boolean, detail: () => string): void => {
    if (!holds) wrong ??= detail();
  };

  const takeKeys = (line: number, names: string[]): void => {
    for (const name of names) {
      const isSame = columns.keyHashes[keys] === hashOfKey(name) && columns.keyLines[keys] === line;
      expect(isSame, () => `has other keys for line ${first + line}`);
      keys += 1;
    }
  };

  const takeKind = (line: number, movement: Movement | null): void => {
    if (movement?.kind === 'rejection') return;
    if (movement?.kind === 'order') {
      const isSame = columns.orderLines[orders] === line && orderFirst + orders === movement.number;
      expect(isSame, () => `does not have order ${movement.number} in line ${first + line}`);
      orders += 1;
      return;
    }
    expect(columns.rareLines[rare] === line, () => `takes line ${first + line} for an order or a refusal`);
    rare += 1;
  };

  expect(header.first === first, () => `says that it begins with line ${header.first}, not with line ${first}`);
  expect(
    previousHash === null || header.previousHash === previousHash,
    () => `has another hash for the line before line ${first}`,
  );

  return {
    take({ number, text, body, hash: seal, chained }, movement) {
      const line = number - first;
      if (line >= count) {
        expect(segment.first === null, () => `ends before line ${number}`);
        return;
      }
      if (body === null || !chained) isDamaged = true;
      if (isDamaged) return;
      expect(columns.offsets[line] === bytes, () => `says that line ${number} begins elsewhere`);
      takeKeys(line, keysOf(movement));
      takeKind(line, movement);
      if (segment.first !== null) sum.update(`${text}\n`);
      bytes += Buffer.byteLength(text) + 1;
      lines += 1;
      if (lines === count) expect(header.lastHash === seal, () => `has another hash for line ${number}`);
    },
    finish() {
      if (isDamaged) return null;
      if (lines < count && wrong === null) return `${file.name} ${goneLines(header, first + lines - 1)}`;
      expect(header.bytes === bytes, () => `says ${header.bytes} bytes, there are ${bytes}`);
      const isAll = keys === header.keys && orders === header.orders && rare === header.rare;
      expect(isAll, () => 'has more keys, orders or other lines than there are');
      expect(segment.first === null || header.sha256 === sum.digest('hex'), () => 'has another SHA-256');
      return wrong === null ? null : `${file.name} ${wrong}: ${REMEDY}`;
    },
  };
};

const keysOf = (movement: Movement | null): string[] => {
  if (movement === null || !('key' in movement)) return [];
  const { key } = movement;
  return 'alsoKey' in movement && movement.alsoKey !== undefined ? [key, movement.alsoKey] : [key];
};

/** The first 32 bits of its SHA-256. */
const hashOfKey = (key: string): number => Number.parseInt(hash('sha256', String(key), 'hex').slice(0, 8), 16);
