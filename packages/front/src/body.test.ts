import type { Problem } from '@till/shared/errors';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { readBytes, requireJson } from './body.ts';

const post = (body: string, type?: string): Request =>
  new Request('http://till/orders', {
    method: 'POST',
    headers: type === undefined ? {} : { 'content-type': type },
    body: new TextEncoder().encode(body),
  });

test('a body as it came, up to a bound', async () => {
  const bytes = new Uint8Array([0xff, 0x00, 0x7b]);
  const request = () => new Request('http://till/', { method: 'POST', body: bytes });
  assert.equal([...(await readBytes(request(), 3))], [...bytes]);
  try {
    await readBytes(request(), 2);
    assert.unreachable();
  } catch (error) {
    assert.is((error as Problem).reason, 'body_too_large');
  }
});

test('a form is not JSON where JSON is wanted', () => {
  requireJson(post('{}'));
  requireJson(post('{}', 'application/json; charset=utf-8'));
  assert.throws(() => requireJson(post('{}', 'application/x-www-form-urlencoded')), /Cannot read a body of type/);
});

test.run();
