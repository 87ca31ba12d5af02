import { Problem } from '@till/shared/errors';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { until } from '../../front/test/until.ts';
import { bought, createMemoryJournal, type MemoryJournal, product } from '../test/journal.ts';
import { createSuggestions, type HistoryReader, type Suggesting } from './suggestions.ts';

const open: Suggesting[] = [];
test.after.each(() => {
  for (const suggesting of open.splice(0)) suggesting.close();
});

/** `everyMs` is far longer than any test, unless the background is what is tested. */
const begin = (history: HistoryReader, { everyMs = 600_000, waitMs = 10_000 } = {}) => {
  const failures: string[] = [];
  const suggesting = createSuggestions({
    history,
    everyMs,
    waitMs,
    onFailed: (error) => failures.push((error as Error).message),
  });
  open.push(suggesting);
  const titles = async (...items: string[]): Promise<string[]> => {
    const { books } = await suggesting.suggest({ items }, { signal: new AbortController().signal });
    return books.map(({ title }) => title);
  };
  return { suggesting, titles, failures };
};

const bookshop = (options?: { linesMax?: number; time?: number }): MemoryJournal => {
  const journal = createMemoryJournal(options);
  const products = ['Anna', 'Bella', 'Carla', 'Dora'].map((name) => product(name));
  journal.add({ kind: 'seed', products }, { kind: 'fence' });
  return journal;
};

test('all of the journal is read, page by page', async () => {
  const journal = bookshop({ linesMax: 2 });
  for (let count = 0; count < 7; count += 1) journal.add(bought('Anna', 'Dora'));
  const { suggesting, titles } = begin(journal.history);
  assert.equal(await titles('Anna'), ['Dora', 'Bella', 'Carla']);
  assert.is(suggesting.sequence(), 9);
  assert.ok(suggesting.isReady());
});

test('a question knows what was bought until then, and reads nothing twice but the last line', async () => {
  const journal = bookshop();
  const { titles } = begin(journal.history);
  assert.equal(await titles('Anna'), ['Bella', 'Carla', 'Dora']);
  journal.add(bought('Anna', 'Dora'));
  journal.calls.length = 0;
  assert.equal(await titles('Anna'), ['Dora', 'Bella', 'Carla']);
  assert.equal(journal.calls, [1]);
});

test('the background reads on by itself', async () => {
  const journal = bookshop();
  const { suggesting } = begin(journal.history, { everyMs: 1 });
  await until(() => suggesting.sequence() === 2, 'the beginning');
  journal.add(bought('Anna', 'Dora'));
  await until(() => suggesting.sequence() === 3, 'the order');
  suggesting.close();
  const calls = journal.calls.length;
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert.ok(journal.calls.length <= calls + 1, 'nothing is read after the end');
});

test('questions at the same time share one reading', async () => {
  const journal = bookshop();
  const { titles } = begin(journal.history);
  await titles();
  journal.calls.length = 0;
  await Promise.all([titles('Anna'), titles('Bella'), titles('Carla')]);
  assert.is(journal.calls.length, 1);
});

test('a journal that is another one is read from its beginning', async () => {
  let journal = bookshop();
  let times = 0;
  journal.add(bought('Anna', 'Dora'), bought('Anna', 'Dora'));
  const { titles, suggesting } = begin((range) => journal.history(range));
  assert.equal(await titles('Anna'), ['Dora', 'Bella', 'Carla']);
  // Longer than the first, and of the same length, and shorter.
  for (const [count, favourite] of [
    [3, 'Carla'],
    [3, 'Bella'],
    [1, 'Dora'],
  ] as const) {
    times += 1;
    journal = bookshop({ time: times });
    for (let at = 0; at < count; at += 1) journal.add(bought('Anna', favourite));
    assert.is((await titles('Anna'))[0], favourite);
    assert.is(suggesting.sequence(), count + 2);
  }
});

test('while the journal cannot be read, what is known is told; the failure is told once', async () => {
  const journal = bookshop();
  let isAway = false;
  const { titles, failures } = begin(async (range) => {
    if (isAway) throw new Error('away');
    return journal.history(range);
  });
  journal.add(bought('Anna', 'Dora'));
  assert.is((await titles('Anna'))[0], 'Dora');
  isAway = true;
  assert.is((await titles('Anna'))[0], 'Dora');
  assert.is((await titles('Anna'))[0], 'Dora');
  assert.equal(failures, ['away']);
  isAway = false;
  journal.add(bought('Anna', 'Carla'), bought('Anna', 'Carla'));
  assert.is((await titles('Anna'))[0], 'Carla');
  isAway = true;
  await titles('Anna');
  assert.equal(failures, ['away', 'away']);
});

test('a question does not wait for a journal that hangs', async () => {
  const journal = bookshop();
  let hangs = false;
  const { titles } = begin((range) => (hangs ? new Promise(() => {}) : journal.history(range)), { waitMs: 50 });
  await titles();
  hangs = true;
  assert.equal(await titles('Anna'), ['Bella', 'Carla', 'Dora']);
});

test('without the catalogue there is nothing to suggest', async () => {
  const { titles, suggesting } = begin(async () => {
    throw new Error('away');
  });
  const rejection = await titles().catch((error) => error);
  assert.instance(rejection, Problem);
  assert.equal([rejection.status, rejection.reason], [503, 'catalog_away']);
  assert.not.ok(suggesting.isReady());
});

test('a damaged line, and one that does not follow, are not counted', async () => {
  for (const spoil of [
    (lines: string[]) => lines.splice(2, 1, (lines[2] as string).replace('Dora', 'Bora')),
    (lines: string[]) => lines.splice(2, 1),
  ]) {
    const journal = bookshop();
    journal.add(bought('Anna', 'Dora'), bought('Anna', 'Dora'));
    spoil(journal.lines);
    const { titles, failures } = begin(journal.history);
    assert.is((await titles('Anna'))[0], 'Bella');
    assert.is(failures.length, 1);
    assert.match(failures[0] ?? '', /^Cannot use movement [34]: /);
  }
});

test('what nobody waits for any more is not answered', async () => {
  const { suggesting } = begin(bookshop().history);
  const gone = new AbortController();
  gone.abort(new Error('gone'));
  const rejection = await suggesting.suggest({ items: [] }, { signal: gone.signal }).catch((error) => error);
  assert.is(rejection.message, 'gone');
});

test.run();
