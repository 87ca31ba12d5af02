import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { chainHash, checksum, seal, unseal, ZERO_HASH } from './sealed.ts';

const BODY = '{"index":7,"name":"Füchsin 🦊"}';

test('a sealed line gives back its body and its hash', () => {
  const { line, hash } = seal(ZERO_HASH, BODY);
  assert.equal(unseal(line), { body: BODY, hash });
  assert.is(hash, chainHash(ZERO_HASH, BODY));
  assert.equal(JSON.parse(line), { ...JSON.parse(BODY), hash, crc: line.slice(-10, -2) });
});

test('the form of a line is the same on every runtime', () => {
  assert.is(
    seal(ZERO_HASH, '{"index":1}').line,
    '{"index":1,"hash":"a96828cef508a25e8811e51ce43af701","crc":"cd9b8aa4"}',
  );
  assert.is(checksum('123456789'), 'cbf43926');
});

test('the hash depends on everything before it', () => {
  const first = seal(ZERO_HASH, BODY).hash;
  assert.is.not(seal(first, BODY).hash, first);
  assert.is(seal(first, BODY).hash, seal(first, BODY).hash);
});

test('every changed, missing or added character is found', () => {
  const { line } = seal(ZERO_HASH, BODY);
  for (let at = 0; at < line.length; at += 1) {
    const other = line[at] === 'x' ? 'y' : 'x';
    assert.is(unseal(line.slice(0, at) + other + line.slice(at + 1)), null, `changed at ${at}`);
    assert.is(unseal(line.slice(0, at) + line.slice(at + 1)), null, `missing at ${at}`);
    assert.is(unseal(line.slice(0, at)), null, `cut at ${at}`);
  }
  assert.is(unseal(`${line} `), null);
  assert.is(unseal(''), null);
});

test.run();
