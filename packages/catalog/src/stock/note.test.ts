import { noteKey } from '@till/shared/keys';
import type { PlacedNote, Progress } from '@till/shared/movement';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { buy, createSmallShop } from '../../test/small-shop.ts';

const note = (after: number, delivered: number, progress: Partial<Progress> = {}, sink = 'shop'): PlacedNote => ({
  key: noteKey(sink),
  note: { sink, after, delivered, dead: [], again: [], ...progress },
});

test('a note says how far its sink has got, and moves nothing', () => {
  const { place, movements, stock } = createSmallShop();
  const dead = [{ sequence: 2, attempts: 60, error: 'HTTP 410' }];
  const again = [{ sequence: 1, asked: 7 }];
  assert.equal(place(note(0, 3, { dead, again })), [{ key: 'note shop', status: 'noted', sequence: 2 }]);
  assert.equal(movements[1], {
    sequence: 2,
    term: 0,
    time: 1000,
    kind: 'note',
    sink: 'shop',
    delivered: 3,
    dead,
    again,
  });
  assert.is(stock.lastNote('shop'), 2);
});

test('only a note on top of the last one is taken; another one hears where that is', () => {
  const { place, movements, stock } = createSmallShop();
  const outcomes = place(note(0, 3), buy('a', 1), note(0, 9), note(2, 4), note(2, 9), note(1, 9));
  assert.equal(outcomes.slice(2), [
    { key: 'note shop', status: 'stale', sequence: 2 },
    { key: 'note shop', status: 'noted', sequence: 4 },
    { key: 'note shop', status: 'stale', sequence: 4 },
    { key: 'note shop', status: 'stale', sequence: 4 },
  ]);
  assert.equal(place(note(2, 9)), [{ key: 'note shop', status: 'stale', sequence: 4 }]);
  assert.is(movements.length, 4);
  assert.is(stock.lastNote('shop'), 4);
});

test('before the first note only "none" is right', () => {
  const { place } = createSmallShop();
  assert.equal(place(note(1, 1)), [{ key: 'note shop', status: 'stale', sequence: 0 }]);
});

test('each sink has notes of its own', () => {
  const { place, stock } = createSmallShop();
  assert.equal(
    place(note(0, 1), note(0, 1, {}, 'other'), note(2, 2), note(3, 2, {}, 'other')).map(({ status }) => status),
    ['noted', 'noted', 'noted', 'noted'],
  );
  assert.equal(['shop', 'other', 'third'].map(stock.lastNote), [4, 5, 0]);
});

test('what is asked for again for the first time gets the sequence of the note', () => {
  const { place, movements } = createSmallShop();
  const again = [
    { sequence: 2, asked: 0 },
    { sequence: 3, asked: 9 },
    { sequence: 4, asked: 0 },
  ];
  place(buy('a', 1), note(0, 5, { again }));
  assert.equal(movements[2]?.kind === 'note' && movements[2].again, [
    { sequence: 2, asked: 3 },
    { sequence: 3, asked: 9 },
    { sequence: 4, asked: 3 },
  ]);
  assert.is(again[0]?.asked, 0, 'What was placed is not touched');
});

test('a note takes no key: nothing is remembered under it', () => {
  const { place, stock } = createSmallShop();
  place(note(0, 1));
  assert.is(stock.decisionCount, 0);
  assert.is(place(buy('note shop', 1))[0]?.status, 'accepted');
});

test.run();
