import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { openWithPicture, pictureOf } from '../test/index-picture.ts';
import { removeTemporaryFolders, temporaryFolder } from '../test/temporary-folder.ts';
import { decodeIndex, encodeIndex } from './line-index.ts';
import { seal, ZERO_HASH } from './sealed.ts';

test.after.each(removeTemporaryFolders);

const decided = '"fingerprint":"f","order":{"lines":[{"name":"Fox","quantity":1}]}';

/** Every kind of line, as the catalog and as a replica write it. These never change: there are files with such lines. */
const BODIES = [
  '{"sequence":1,"term":1,"time":9,"kind":"fence"}',
  `{"sequence":2,"term":1,"time":9,"kind":"order","number":5,"key":"a",${decided},"alsoKey":"order a","stock":[]}`,
  `{"sequence":3,"term":1,"time":9,"kind":"rejection","key":"b",${decided},"reason":"out_of_stock","message":"no"}`,
  '{"sequence":4,"term":1,"time":9,"kind":"cancel","key":"cancel a","of":"order a","number":5,"stock":[]}',
  '{"sequence":5,"term":1,"time":9,"kind":"checkout","key":"c","fingerprint":"f","checkout":{"id":"d","lines":[{"name":"Fox","quantity":1}],"customer":"Jo","card":"1111"}}',
  '{"sequence":6,"term":1,"time":9,"kind":"note","sink":"s","delivered":1,"dead":[],"again":[]}',
  `{"sequence":7,"term":1,"time":9,"kind":"order","number":6,"key":"狐 \\"e\\"",${decided},"stock":[]}`,
  '{"index":8,"term":2,"start":true,"sequence":7}',
  `{"index":9,"term":2,"movement":{"sequence":8,"term":2,"time":9,"kind":"order","number":7,"key":"checkout d",${decided},"stock":[]}}`,
  `{"index":10,"term":2,"movement":{"sequence":9,"term":2,"time":9,"kind":"rejection","key":"f",${decided},"alsoKey":"order f","reason":"out_of_stock","message":"no"}}`,
];

/** Their index, as version 1 has it: the head, and the columns as hexadecimal digits. */
const GOLDEN = {
  head: '{"version":1,"first":1,"count":10,"bytes":1944,"previousHash":"00000000000000000000000000000000","lastHash":"ff4e930b9acb43d973e86385d60b1a20","sha256":null,"orderFirst":5,"keys":9,"orders":3,"rare":5,"crc":"ab8a69e2","headCrc":"28147c52"}\n',
  columns: [
    // offsets
    '000000006b0000004c0100002e020000d0020000b40300004c040000210500008b05000081060000',
    // keyHashes: of a, order a, b, cancel a, c, 狐 "e", checkout d, f, order f
    '128197ca56a896ec16e8233ea9a7cc94032c7d2e835762e500ed5f2fc8102f25300f041f',
    // keyLines
    '010000000100000002000000030000000400000006000000080000000900000009000000',
    // orderLines
    '010000000600000008000000',
    // rareLines
    '0000000003000000040000000500000007000000',
  ].join(''),
};

const OTHER =
  'What an index says of lines is not what it said before. Raise VERSION in line-index.ts, so that indexes that are ' +
  'there already are made anew, write it down in docs/log-format.md, and only then put the new bytes here';

const linesOf = (bodies: readonly string[]): string[] => {
  let hash = ZERO_HASH;
  return bodies.map((body) => {
    const sealed = seal(hash, body);
    hash = sealed.hash;
    return sealed.line;
  });
};

test('the index of a small journal is, byte for byte, what it always was, and is believed', async () => {
  const path = join(await temporaryFolder(), 'log.jsonl');
  const indexAt = join(path, '..', 'log.index');
  const lines = linesOf(BODIES);
  const mustBeGolden = async (): Promise<void> => {
    const index = await readFile(indexAt);
    const columnsAt = index.indexOf(0x0a) + 1;
    assert.is(index.subarray(columnsAt).toString('hex'), GOLDEN.columns, OTHER);
    assert.is(index.subarray(0, columnsAt).toString(), GOLDEN.head, OTHER);
  };
  const { journal } = await openWithPicture({ path });
  await journal.append(lines);
  await journal.close();
  await mustBeGolden();

  await rm(indexAt);
  const read = await openWithPicture({ path });
  assert.is(read.picture.scanned.length, lines.length);
  await read.journal.close();
  await mustBeGolden();

  const known = await openWithPicture({ path });
  await known.journal.close();
  assert.equal(known.picture, { ...pictureOf(lines), scanned: [] });
});

test('what was written is read, wherever it begins in memory', () => {
  const golden = Buffer.concat([Buffer.from(GOLDEN.head), Buffer.from(GOLDEN.columns, 'hex')]);
  const index = decodeIndex(golden);
  assert.ok(index !== null);
  assert.is(Buffer.compare(encodeIndex(index), golden), 0);
  for (let shift = 0; shift < 4; shift += 1) {
    const moved = Buffer.concat([Buffer.alloc(shift), golden]).subarray(shift);
    assert.equal(decodeIndex(new Uint8Array(moved.buffer, moved.byteOffset, moved.length)), index);
  }
  assert.equal([...index.columns.orderLines], [1, 6, 8]);
  assert.equal([...index.columns.rareLines], [0, 3, 4, 5, 7]);
  assert.equal([...index.columns.keyLines], [1, 1, 2, 3, 4, 6, 8, 9, 9]);
});

test.run();
