import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { createLineSplitter } from './lines.ts';

test('the same lines, however the bytes are cut', () => {
  const bytes = new TextEncoder().encode('Füchsin 🦊\n\n狐\nrest');
  for (let size = 1; size <= bytes.length; size += 1) {
    const splitter = createLineSplitter({ lineLengthMax: 100 });
    const lines: string[] = [];
    for (let at = 0; at < bytes.length; at += size) lines.push(...splitter.push(bytes.subarray(at, at + size)));
    assert.equal(lines, ['Füchsin 🦊', '', '狐'], `chunks of ${size}`);
    assert.is(splitter.rest(), 'rest');
  }
});

test('a line without end is refused', () => {
  const splitter = createLineSplitter({ lineLengthMax: 10 });
  const chunk = new TextEncoder().encode('12345');
  splitter.push(chunk);
  splitter.push(chunk);
  assert.throws(() => splitter.push(chunk), /10 characters/);
});

test.run();
