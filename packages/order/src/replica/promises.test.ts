import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { REPLICA_RULES } from './state.ts';
import './types.ts'; // Nothing but types: it must load, and is counted as covered then.

const folder = new URL('.', import.meta.url);
const text = readdirSync(folder)
  .filter((file) => file.endsWith('.test.ts'))
  .map((file) => readFileSync(new URL(file, folder), 'utf8'))
  .join('\n');

test('every promise of DESIGN.md has a test of its number, and no test another', () => {
  const promised = [...readFileSync(new URL('DESIGN.md', folder), 'utf8').matchAll(/\*\*(P\d+)\*\*/g)].map(
    ([, p]) => p,
  );
  const tested = new Set([...text.matchAll(/^test\('(P\d+): /gm)].map(([, p]) => p));
  assert.equal([...tested].sort(), promised.sort());
});

test('every rule has a test of what happens without it', () => {
  for (const rule of REPLICA_RULES) assert.match(text, `test('P40: without ${rule}, `);
});

test.run();
