import { createHmac } from 'node:crypto';
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { createSignatureCheck } from './signature.ts';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const sign = (body: Uint8Array, secret: string): string => createHmac('sha256', secret).update(body).digest('base64');

test('it is the base64 of HMAC-SHA256 over the body: a known one', () => {
  // Test case 2 of RFC 4231.
  const hex = '5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843';
  const isSigned = createSignatureCheck(['Jefe']);
  assert.ok(isSigned(bytes('what do ya want for nothing?'), Buffer.from(hex, 'hex').toString('base64')));
  assert.not.ok(isSigned(bytes('what do ya want for nothing?'), hex));
});

test('each secret is good, whichever comes first, and no other', () => {
  const body = bytes('{"id":1}');
  const isSigned = createSignatureCheck(['new', 'old']);
  assert.ok(isSigned(body, sign(body, 'new')));
  assert.ok(isSigned(body, sign(body, 'old')));
  assert.not.ok(isSigned(body, sign(body, 'older')));
});

test('without secrets nothing is signed, not even with an empty one', () => {
  const body = bytes('{}');
  const isSigned = createSignatureCheck([]);
  for (const signature of [null, '', sign(body, ''), sign(body, 'a')]) assert.not.ok(isSigned(body, signature));
});

test('the bytes count, not what they mean', () => {
  const isSigned = createSignatureCheck(['a']);
  assert.not.ok(isSigned(bytes('{"id": 1}'), sign(bytes('{"id":1}'), 'a')));
  const notText = new Uint8Array([0xff, 0xfe, 0x00]);
  assert.ok(isSigned(notText, sign(notText, 'a')));
});

test('nothing but the one signature is good', () => {
  const body = bytes('{"id":1}');
  const good = sign(body, 'a');
  const isSigned = createSignatureCheck(['a', 'b']);
  const nearly = [
    null,
    '',
    ' ',
    good.slice(1),
    good.slice(0, -1),
    `${good}=`,
    ` ${good}`,
    good.toLowerCase(),
    'é'.repeat(22),
  ];
  for (const signature of nearly) assert.not.ok(isSigned(body, signature), String(signature));
  fc.assert(fc.property(fc.string(), (text) => isSigned(body, text) === (text === good)));
  fc.assert(
    fc.property(fc.base64String({ minLength: 44, maxLength: 44 }), (text) => isSigned(body, text) === (text === good)),
  );
});

test.run();
