import { hash } from 'node:crypto';
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { decodeSnapshot, encodeSnapshot, type Snapshot } from './snapshot.ts';
import type { Product } from './stock/types.ts';

const product = (name: string, quantity: number): Product => ({
  ...{ name, kind: 'toy', price: 9.99, quantity, restock: true, version: 3 },
});
const small: Snapshot = {
  ...{ sequence: 12, number: 4, time: 1795250325344, term: 2, hash: '13193130202b2a31df5c29d443b36431' },
  products: [product('Fox', 1), { ...product('Emma', 4), kind: 'book', author: 'Jane Austen' }],
  waiting: ['5f0f6a52'],
  notes: [['webhook-a05df669', 11]],
  cancellations: [[3, 10]],
};
const empty: Snapshot = { ...small, products: [], waiting: [], notes: [], cancellations: [] };
const bytesOf = (snapshot: Snapshot): Buffer => Buffer.concat([...encodeSnapshot(snapshot)]);
const sealed = (body: string): string => `${body},"sha256":"${hash('sha256', body, 'hex')}"}\n`;
const text = (snapshot: Snapshot): string => bytesOf(snapshot).toString();

test('one line of JSON, with a checksum over everything before it', () => {
  const body =
    '{"version":1,"sequence":12,"number":4,"time":1795250325344,"term":2,"hash":"13193130202b2a31df5c29d443b36431",' +
    '"products":[{"name":"Fox","kind":"toy","price":9.99,"quantity":1,"restock":true,"version":3},' +
    '{"name":"Emma","kind":"book","price":9.99,"quantity":4,"restock":true,"version":3,"author":"Jane Austen"}],' +
    '"waiting":["5f0f6a52"],"notes":[["webhook-a05df669",11]],"cancellations":[[3,10]]';
  assert.is(text(small), sealed(body));
});

test('what was encoded is decoded, however long its lists are', () => {
  for (const snapshot of [small, empty]) assert.equal(decodeSnapshot(bytesOf(snapshot)), snapshot);
  for (const count of [999, 1000, 1001, 2000, 2345]) {
    const long: Snapshot = {
      ...small,
      products: Array.from({ length: count }, (_, at) => product(`Title ${at}`, at)),
      cancellations: Array.from({ length: count }, (_, at) => [at, at + 5]),
    };
    assert.equal(decodeSnapshot(bytesOf(long)), long);
    assert.is(text(long).split('\n').length, 2);
  }
  fc.assert(
    fc.property(fc.array(fc.string({ unit: 'binary' })), (names) => {
      const snapshot = { ...small, waiting: names, notes: names.map((name, at): [string, number] => [name, at]) };
      assert.equal(decodeSnapshot(bytesOf(snapshot)), snapshot);
    }),
    { numRuns: 20 },
  );
});

test('a long one comes in many pieces', () => {
  const products = Array.from({ length: 10_000 }, (_, at) => product(`Title ${at}`, at));
  const sizes = [...encodeSnapshot({ ...small, products })].map(({ length }) => length);
  assert.ok(Math.max(...sizes) < 150_000, String(Math.max(...sizes)));
});

test('what is torn, changed anywhere, longer, or of another form is none', () => {
  const whole = bytesOf(small);
  for (let length = 0; length < whole.length; length += 1) assert.is(decodeSnapshot(whole.subarray(0, length)), null);
  for (let at = 0; at < whole.length; at += 1) {
    const changed = Buffer.from(whole);
    changed[at] = (changed[at] as number) ^ 1;
    assert.is(decodeSnapshot(changed), null, `byte ${at}`);
  }
  assert.is(decodeSnapshot(Buffer.concat([whole, whole])), null);
  assert.is(decodeSnapshot(Buffer.concat([whole, Buffer.from('\n')])), null);
  assert.is(decodeSnapshot(Buffer.alloc(whole.length)), null);
});

test('one of another version is none', () => {
  const [body = ''] = text(small).split(',"sha256"');
  const other = body.replace('"version":1', '"version":2');
  assert.ok(decodeSnapshot(Buffer.from(sealed(body))));
  assert.is(decodeSnapshot(Buffer.from(sealed(other))), null);
});

test.run();
