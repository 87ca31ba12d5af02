/** What docs/log-format.md shows of indexes and snapshots is what the services make of the journal and the log that it shows. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openJournal } from '@till/shared/journal';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { addSnapshot } from '../tool/sample-store.ts';

const project = resolve(dirname(fileURLToPath(import.meta.url)), '../..');
const text = readFileSync(join(project, 'docs/log-format.md'), 'utf8');

/** The lines of the example after a mark. */
const example = (mark: string): string[] => {
  const found = new RegExp(`<!-- ${mark} -->\\s+\`\`\`json\\n([\\s\\S]*?)\\n\`\`\``).exec(text);
  assert.ok(found?.[1], mark);
  return (found?.[1] ?? '').split('\n');
};

let folder = '';
test.before.each(() => {
  folder = mkdtempSync(join(tmpdir(), 'till-docs-'));
});
test.after.each(() => rmSync(folder, { recursive: true, force: true }));

test('the index of a sealed segment', async () => {
  const path = join(folder, 'log.jsonl');
  const journal = await openJournal({ path, segmentBytes: 1, index: { onColumns: () => {} } });
  const lines = example('log');
  await journal.append(lines.slice(0, 7));
  await journal.append(lines.slice(7));
  await journal.close();
  const index = readFileSync(join(folder, 'log.000000000001.index'));
  const end = index.indexOf('\n');
  assert.is(index.subarray(0, end).toString().trimEnd(), example('index').join(''));
  const columns = [...new Uint32Array(new Uint8Array(index.subarray(end + 1)).buffer)];
  const shown = JSON.parse(example('columns').join('')) as Record<string, number[]>;
  assert.equal(columns, Object.values(shown).flat());
});

test('the snapshot', async () => {
  const catalog = join(folder, 'catalog');
  mkdirSync(catalog);
  writeFileSync(join(catalog, 'journal.jsonl'), `${example('journal').join('\n')}\n`);
  await addSnapshot(folder);
  const snapshot = readFileSync(join(catalog, 'snapshot.json'), 'utf8');
  assert.is(snapshot, `${example('snapshot').join('')}\n`);
});

test.run();
