import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { createRecentLines } from './recent-lines.ts';

const all = { linesMax: 100, bytesMax: 1000 };

test('gives what follows a sequence', () => {
  const recent = createRecentLines({ sequence: 0, ...all });
  for (const sequence of [1, 2, 3]) recent.push(sequence, `line ${sequence}`);
  assert.equal(recent.after(0, all), { lines: ['line 1', 'line 2', 'line 3'], more: false });
  assert.equal(recent.after(2, all), { lines: ['line 3'], more: false });
  assert.equal(recent.after(3, all), { lines: [], more: false });
});

test('gives the line at a sequence, if it is kept', () => {
  const recent = createRecentLines({ sequence: 4, linesMax: 3, bytesMax: 1000 });
  assert.equal([recent.first(), recent.last()], [5, 4]);
  for (let sequence = 5; sequence <= 20; sequence += 1) {
    recent.push(sequence, `line ${sequence}`);
    assert.is(recent.last(), sequence);
    for (let at = 1; at <= sequence + 1; at += 1) {
      const isKept = at >= Math.max(5, sequence - 2) && at <= sequence;
      assert.is(recent.at(at), isKept ? `line ${at}` : undefined);
    }
  }
});

test('starts after the lines that are only in the journal', () => {
  const recent = createRecentLines({ sequence: 7, ...all });
  assert.is(recent.first(), 8);
  assert.equal(recent.after(7, all), { lines: [], more: false });
  assert.throws(() => recent.after(6, all), /Line 7 is no longer kept/);
  assert.throws(() => recent.push(9, 'x'), /Line 9 does not follow/);
  recent.push(8, 'line 8');
  assert.equal(recent.after(7, all), { lines: ['line 8'], more: false });
});

test('keeps the newest lines within its bound of lines, over many of them', () => {
  const recent = createRecentLines({ sequence: 0, linesMax: 5, bytesMax: 1000 });
  for (let sequence = 1; sequence <= 1000; sequence += 1) {
    recent.push(sequence, String(sequence));
    const first = Math.max(1, sequence - 4);
    assert.is(recent.first(), first);
    assert.equal(recent.after(sequence - 1, all).lines, [String(sequence)]);
    assert.is(recent.after(first - 1, all).lines[0], String(first));
    assert.is(recent.after(first - 1, all).lines.length, Math.min(5, sequence));
  }
});

test('keeps within its bound of bytes, counted in UTF-8, but always the last line', () => {
  const recent = createRecentLines({ sequence: 0, linesMax: 100, bytesMax: 10 });
  recent.push(1, 'ééé');
  recent.push(2, 'abcd');
  assert.is(recent.first(), 1);
  recent.push(3, 'a');
  assert.is(recent.first(), 2);
  recent.push(4, 'x'.repeat(50));
  assert.equal(recent.after(3, all).lines, ['x'.repeat(50)]);
});

test('a page is cut at its bounds, holds at least one line, and says that there is more', () => {
  const recent = createRecentLines({ sequence: 0, ...all });
  for (const sequence of [1, 2, 3, 4]) recent.push(sequence, 'abcd');
  assert.equal(recent.after(0, { linesMax: 3, bytesMax: 1000 }), { lines: ['abcd', 'abcd', 'abcd'], more: true });
  assert.equal(recent.after(0, { linesMax: 9, bytesMax: 8 }), { lines: ['abcd', 'abcd'], more: true });
  assert.equal(recent.after(0, { linesMax: 9, bytesMax: 1 }), { lines: ['abcd'], more: true });
  assert.equal(recent.after(3, { linesMax: 1, bytesMax: 1 }), { lines: ['abcd'], more: false });
});

test.run();
