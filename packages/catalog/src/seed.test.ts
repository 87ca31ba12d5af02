import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ConfigError } from '@till/shared/config';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { readSeed } from './seed.ts';

const folder = mkdtempSync(join(tmpdir(), 'till-seed-'));
test.after(() => rmSync(folder, { recursive: true }));

const fox = { name: 'Fox', kind: 'toy', price: 9.5, quantity: 3, restock: true };

const written = (content: unknown): string => {
  const path = join(folder, 'seed.json');
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content));
  return path;
};

const problemsOf = (content: unknown): readonly string[] => {
  try {
    readSeed(written(content));
  } catch (error) {
    assert.instance(error, ConfigError);
    return (error as ConfigError).problems;
  }
  return [];
};

test('reads a list of products', () => {
  assert.equal(readSeed(written([fox])), [fox]);
});

test('lists everything that is wrong', () => {
  const problems = problemsOf([{ ...fox, price: -1 }, fox, { ...fox, quantity: 0.5 }]);
  assert.ok(problems.some((problem) => problem.startsWith('SEED: product 0 /price')));
  assert.ok(problems.some((problem) => problem.startsWith('SEED: product 2 /quantity')));
});

test('refuses fields that nobody knows, names with space around them, a missing field', () => {
  assert.ok(problemsOf([{ ...fox, colour: 'red' }]).length > 0);
  assert.ok(problemsOf([{ ...fox, name: ' Fox' }]).length > 0);
  assert.ok(problemsOf([{ ...fox, restock: undefined }]).length > 0);
});

test('a book may have an author, and nothing else may', () => {
  const book = { ...fox, name: 'Two Clocks', kind: 'book', author: 'Mireille Dufour' };
  assert.equal(readSeed(written([fox, book])), [fox, book]);
  assert.equal(problemsOf([{ ...fox, author: 'Kim' }]), ['SEED: "Fox" has an author and is no book']);
  assert.ok(problemsOf([{ ...book, author: '' }]).length > 0);
});

test('refuses two names that fold to one', () => {
  assert.equal(problemsOf([fox, { ...fox, name: 'FOX' }]), ['SEED: "FOX" is named twice']);
});

test('refuses what is no list, an empty list, no JSON, no file', () => {
  assert.match(problemsOf({}).join(), /is not a list of products/);
  assert.match(problemsOf([]).join(), /is not a list of products/);
  assert.match(problemsOf('[').join(), /cannot read/);
  assert.throws(() => readSeed(join(folder, 'none.json')), /none.json/);
});

test('the seed that comes with Till has the products that are promised', () => {
  const products = readSeed(fileURLToPath(new URL('../../../data/seed.json', import.meta.url)));
  const of = (kind: string) => products.filter((product) => product.kind === kind);
  const names = products.map(({ name }) => name);
  const promised =
    'Tux Whale Fox Python Barbie Lego Monopoly Frisbee Marbles Giraffe Uno Clue Chess Bubbles Twister Elephant GameStart ' +
    'FishCo BoarCo MenhirCo RottenFishCo CaesarTech Reneium Goscinnyium PiloteCo DogmatixCo LutetiaTech Windmillite ' +
    'SlimeCo TerraTop DuckCo LaserCo TimeStop AAPL APPL GOOG MSFT AMZN TSLA META NFLX NVDA AMD IBM';
  for (const name of promised.split(' ')) assert.ok(names.includes(name), name);
  assert.ok(products.length >= 40 && of('toy').length >= 16 && of('stock').length >= 24 && of('book').length >= 8);
  assert.ok(of('book').every(({ author }) => author !== undefined));
  assert.ok(of('toy').every(({ restock }) => restock) && of('stock').every(({ restock }) => !restock));
  assert.ok(products.every(({ quantity, price }) => quantity === 100 && price > 0));
});

test.run();
