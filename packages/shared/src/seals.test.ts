import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { seal, ZERO_HASH } from './sealed.ts';
import { hashOf, isSealed } from './seals.ts';

test('a sealed line has its seals, and its hash is read from them', () => {
  for (const body of ['{"a":1}', '{"name":"狐"}', '{"hash":"x","crc":"y"}']) {
    const { line, hash } = seal(ZERO_HASH, body);
    assert.ok(isSealed(line));
    assert.is(hashOf(line), hash);
  }
});

test('anything else has none', () => {
  const { line } = seal(ZERO_HASH, '{"a":1}');
  for (const other of ['', '{"a":1}', line.slice(1), `${line} `, line.slice(0, -1), line.replace('"crc"', '"crd"')]) {
    assert.is(isSealed(other), other === line.slice(1), other);
  }
});

test.run();
