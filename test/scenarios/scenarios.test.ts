/**
 * Histories as text: each `*.txt` here is a story told in commands (`> ...`), each followed by what the cores did. A change of the
 * cores that changes a story shows here as a difference; `--rewrite` (or REWRITE=1) accepts it, for people to review.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { createRunner } from './commands.ts';

const folder = dirname(fileURLToPath(import.meta.url));
const isRewriting = process.argv.includes('--rewrite') || process.env.REWRITE === '1';

/** The scenario with what really happens after each command. */
const played = (text: string): string => {
  const runLine = createRunner();
  const lines: string[] = [];
  for (const line of text.split('\n')) {
    if (line.startsWith('> ')) lines.push(line, ...runLine(line.slice(2)).map((written) => `  ${written}`));
    else if (!line.startsWith('  ')) lines.push(line);
  }
  return lines.join('\n');
};

const files = readdirSync(folder).filter((file) => file.endsWith('.txt'));

for (const file of files) {
  test(file, () => {
    const path = join(folder, file);
    const expected = readFileSync(path, 'utf8');
    const actual = played(expected);
    assert.not.match(actual, 'LOST', 'An acknowledged order is lost');
    if (isRewriting) writeFileSync(path, actual);
    else assert.fixture(actual, expected);
  });
}

test('a lost order is seen: with a rule off, a story ends badly', () => {
  const story = ['start 3 without everyMemberAcks quietly', 'drop 3->1; order k1 Fox 1'];
  assert.match(played(story.map((line) => `> ${line}`).join('\n')), 'LOST: 1 lacks k1');
});

test('there are scenarios', () => {
  assert.ok(files.length >= 12);
});

test.run();
