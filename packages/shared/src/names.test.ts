import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { foldName } from './names.ts';

test('case and composition make no difference, anything else does', () => {
  assert.is(foldName('FÜCHSIN'), foldName('fu\u0308chsin'));
  assert.is(foldName('Tux'), 'tux');
  assert.is.not(foldName('Tux '), foldName('Tux'));
  for (const name of ['İstanbul', 'ΑΣ', 'ǅ', 'Å', '𐐀', 'é']) assert.is(foldName(foldName(name)), foldName(name), name);
});

test.run();
