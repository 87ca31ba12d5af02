import { limits } from '@till/shared/limits';
import type { Movement, SeedProduct, StockChange, TrailEntry } from '@till/shared/movement';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { readTrail, type TrailRange } from './trail.ts';

const fox: SeedProduct = { name: 'Fox', kind: 'toy', price: 9.5, quantity: 5, restock: true };
const tux: SeedProduct = { ...fox, name: 'Tux', quantity: 0 };

/** A movement after the seed; its place in the journal is its sequence. */
const at = (sequence: number) => ({ sequence, term: 2, time: 100 + sequence });
const seed: Movement = { ...at(1), term: 0, kind: 'seed', products: [fox, tux] };
const fence = (sequence: number): Movement => ({ ...at(sequence), kind: 'fence' });
const order = (sequence: number, number: number, ...stock: StockChange[]): Movement => ({
  ...at(sequence),
  kind: 'order',
  number,
  key: `k${number}`,
  fingerprint: 'f',
  order: { lines: [{ name: 'Fox', quantity: 1 }] },
  stock,
});
const change = (name: string, before: number, after: number): StockChange => ({ name, before, after });

const all: TrailRange = { after: 0, to: 0, changesMax: 100, name: null };
const journalOf = (movements: Movement[]) => {
  const reads: number[] = [];
  return {
    reads,
    after: async (after: number, { linesMax, bytesMax }: { linesMax: number; bytesMax: number }) => {
      const lines: string[] = [];
      let bytes = 0;
      for (const movement of movements.slice(after, after + linesMax)) {
        const line = JSON.stringify(movement);
        bytes += line.length;
        if (lines.length > 0 && bytes > bytesMax) break;
        lines.push(line);
      }
      reads.push(lines.length);
      return { lines, more: after + lines.length < movements.length };
    },
  };
};
const read = (movements: Movement[], range: Partial<TrailRange> = {}) =>
  readTrail(journalOf(movements), { ...all, to: movements.length, ...range });
const short = (changes: TrailEntry[]): string[] => changes.map(({ sequence, product }) => `${sequence} ${product}`);

test('each change has its cause: seed, order, cancellation, restock; what moves nothing leaves no trace', async () => {
  const { changes, next } = await read([
    seed,
    fence(2),
    order(3, 0, change('Fox', 5, 0)),
    { ...at(4), kind: 'restock', cause: 3, stock: [change('Fox', 0, 100)] },
    { ...at(5), kind: 'cancel', key: 'x', of: 'k0', number: 0, stock: [change('Fox', 100, 105)] },
    { ...at(6), kind: 'note', sink: 's', delivered: 5, dead: [], again: [] },
    {
      ...at(7),
      kind: 'rejection',
      key: 'r',
      fingerprint: 'f',
      order: { lines: [{ name: 'Fox', quantity: 900 }] },
      reason: 'out_of_stock',
      message: 'Cannot buy 900 of "Fox": 105 left',
    },
    {
      ...at(8),
      kind: 'checkout',
      key: 'c',
      fingerprint: 'f',
      checkout: { id: 'i', lines: [{ name: 'Fox', quantity: 1 }], customer: 'Kim', card: '4242' },
    },
  ]);
  const ofFox = (sequence: number) => ({ ...at(sequence), product: 'Fox' });
  assert.equal(changes, [
    { ...ofFox(1), term: 0, change: 5, before: 0, after: 5, cause: { kind: 'seed' }, key: null },
    { ...ofFox(1), term: 0, product: 'Tux', change: 0, before: 0, after: 0, cause: { kind: 'seed' }, key: null },
    { ...ofFox(3), change: -5, before: 5, after: 0, cause: { kind: 'order', order_number: 0 }, key: 'k0' },
    { ...ofFox(4), change: 100, before: 0, after: 100, cause: { kind: 'restock', sold_out_by: 3 }, key: null },
    { ...ofFox(5), change: 5, before: 100, after: 105, cause: { kind: 'cancel', order_number: 0 }, key: 'x' },
  ]);
  assert.is(next, null);
});

const two = (sequence: number): Movement =>
  order(sequence, sequence - 2, change('Fox', 5, 4), change('Tux', sequence, sequence - 1));

test('only one product, if one is named', async () => {
  const { changes } = await read([seed, two(2), order(3, 1, change('Fox', 4, 3))], { name: 'Tux' });
  assert.equal(short(changes), ['1 Tux', '2 Tux']);
});

test('a name is found however it must be written in JSON, and in nothing that only sounds like it', async () => {
  for (const name of ['Čapek: "R.U.R." / 1920', 'a\\b', 'stock', 'products', '[', 'Fo', 'x\u2028\n']) {
    const named: Movement = { ...at(1), term: 0, kind: 'seed', products: [fox, { ...tux, name }] };
    const { changes, next } = await read([named, two(2), order(3, 1, change(name, 4, 3)), two(4)], { name });
    assert.equal(short(changes), [`1 ${name}`, `3 ${name}`]);
    assert.is(next, null);
  }
});

test('a page ends between two movements, and says where to go on; all pages together miss nothing', async () => {
  const movements = [seed, two(2), fence(3), two(4), order(5, 2, change('Fox', 3, 2)), fence(6)];
  const page = async (after: number, changesMax: number) => {
    const { changes, next } = await read(movements, { after, changesMax });
    return [short(changes), next];
  };
  assert.equal(await page(0, 1), [['1 Fox', '1 Tux'], 1], 'One movement is not divided');
  assert.equal(await page(0, 3), [['1 Fox', '1 Tux'], 1]);
  assert.equal(await page(0, 4), [['1 Fox', '1 Tux', '2 Fox', '2 Tux'], 2]);
  assert.equal(await page(2, 3), [['4 Fox', '4 Tux', '5 Fox'], 5]);
  assert.equal(await page(5, 3), [[], null]);
  assert.equal(await page(6, 3), [[], null]);
  assert.equal(await page(7, 3), [[], null]);
  for (const changesMax of [1, 2, 3, 4, 5, 6, 7]) {
    const found: string[] = [];
    for (let after: number | null = 0; after !== null; ) {
      const { changes, next }: Awaited<ReturnType<typeof read>> = await read(movements, { after, changesMax });
      found.push(...short(changes));
      after = next;
    }
    assert.equal(found, ['1 Fox', '1 Tux', '2 Fox', '2 Tux', '4 Fox', '4 Tux', '5 Fox']);
  }
});

test('nothing is told beyond the end that was named', async () => {
  const { changes, next } = await read([seed, two(2), two(3)], { to: 2 });
  assert.equal(short(changes), ['1 Fox', '1 Tux', '2 Fox', '2 Tux']);
  assert.is(next, null);
});

test('one call looks at so many lines and no more, whether it finds anything or not', async () => {
  const fences = Array.from({ length: limits.historyLinesMax + 10 }, (_, place) => fence(place + 1));
  assert.equal(await read(fences), { changes: [], next: limits.historyLinesMax });
  assert.equal(await read(fences, { after: 5 }), { changes: [], next: limits.historyLinesMax + 5 });
  assert.equal(await read(fences, { after: 10 }), { changes: [], next: null });
});

test('one call looks at so many bytes and no more, but always goes on', async () => {
  const message = 'x'.repeat(limits.historyBytesMax / 4);
  const long = (sequence: number): Movement => ({
    ...at(sequence),
    kind: 'rejection',
    key: `r${sequence}`,
    fingerprint: 'f',
    order: { lines: [{ name: 'Fox', quantity: 1 }] },
    reason: 'out_of_stock',
    message,
  });
  const movements = Array.from({ length: 7 }, (_, place) => long(place + 1));
  assert.equal(await read(movements), { changes: [], next: 4 });
  assert.equal(await read(movements, { after: 4 }), { changes: [], next: null });
});

test('a long journal is read in pieces, and between them others have their turn', async () => {
  const journal = journalOf(Array.from({ length: 2000 }, (_, place) => fence(place + 1)));
  let turns = 0;
  const others = setInterval(() => {
    turns += 1;
  }, 0);
  await readTrail(journal, { ...all, to: 2000 }).finally(() => clearInterval(others));
  assert.ok(journal.reads.length > 4);
  assert.ok(journal.reads.every((lines) => lines <= 500));
  assert.ok(turns > 1);
});

test('a line that is another movement than the one at its place is our mistake', async () => {
  let error: unknown;
  await read([seed, two(3)]).catch((caught) => {
    error = caught;
  });
  assert.match(String(error), /Line 2 of the journal must not be movement 3/);
});

test('a journal that ends before its end is our mistake and stops', async () => {
  let error: unknown;
  await read([seed], { to: 2 }).catch((caught) => {
    error = caught;
  });
  assert.match(String(error), /must have a line at 2, it ends at 2/);
});

test.run();
