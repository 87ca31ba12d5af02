import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { decodeWithLines, encodeWithLines } from './with-lines.ts';

for (const lines of [[], ['{"a":1}'], ['{"a":"ä \\n"}', '{"b":2}', '']]) {
  test(`${lines.length} lines arrive as they were, beside the rest`, () => {
    const value = { kind: 'decided', more: false, lines };
    assert.equal(decodeWithLines(encodeWithLines(value, 'lines'), 'lines'), value);
  });
}

test('a line travels as it is', () => {
  const line = '{"name":"a \\"quoted\\" one"}';
  assert.is(encodeWithLines({ more: true, lines: [line] }, 'lines'), `{"more":true}\n${line}`);
});

test('a value without lines is plain JSON', () => {
  assert.is(encodeWithLines({ kind: 'busy' }, 'lines'), '{"kind":"busy"}');
  assert.equal(decodeWithLines('{"kind":"busy"}', 'lines'), { kind: 'busy' });
  assert.equal(decodeWithLines('{"kind":"decided","lines":["a"]}', 'lines'), { kind: 'decided', lines: ['a'] });
});

test('a head that is no object brings no lines, and one that is no JSON is an error', () => {
  assert.is(decodeWithLines('7\nx', 'lines'), 7);
  assert.is(decodeWithLines('null\nx', 'lines'), null);
  assert.throws(
    () => decodeWithLines('{"kind"\nx', 'lines'),
    (error: unknown) => error instanceof SyntaxError,
  );
});

test.run();
