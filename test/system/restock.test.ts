/** A sold-out toy is refilled, once for each time that it sold out, whatever happens to the catalog meanwhile. */
import { monotonicMs } from '@till/shared/clock';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type JournalLine, readJournal } from './ledger.ts';
import { products } from './products.ts';
import { assertProven } from './proof.ts';
import { scenario } from './scenario.ts';
import { openTill } from './till.ts';
import { until } from './until.ts';

const restocksOf = (journal: JournalLine[], name: string): JournalLine[] =>
  journal.filter(({ kind, stock }) => kind === 'restock' && stock?.some((change) => change.name === name));

/** Movements after the last of which the restocker surely had its turn. */
const turnsPass = async (dataFolder: string, marker: () => Promise<void>): Promise<void> => {
  for (let turns = 0; turns < 3; turns += 1) {
    const before = readJournal(dataFolder).filter(({ kind }) => kind === 'restock').length;
    await marker();
    await until('the restocker has its turn', () => {
      return readJournal(dataFolder).filter(({ kind }) => kind === 'restock').length > before;
    });
  }
};

scenario(
  'a sold-out toy is refilled to 100 within 10 s, once; a stock never',
  () => openTill(),
  async (till) => {
    const { shop, dataFolder } = till;
    await till.run.start(till.names);
    await till.ready();
    assert.is((await shop.post({ name: 'Fox', quantity: 60 })).status, 200);
    assert.is((await shop.post({ name: 'AAPL', quantity: 100 })).status, 200);
    assert.is((await shop.post({ name: 'Fox', quantity: 40 })).status, 200);
    const soldOutAt = monotonicMs();
    await until('Fox is refilled', async () => (await shop.quantityOf('Fox')) > 0);
    const seconds = (monotonicMs() - soldOutAt) / 1000;
    // The rhythm is 10 s; what is above that is how long it takes to be told on a busy machine.
    assert.ok(seconds < 20, `after ${seconds} s`);
    assert.is(await shop.quantityOf('Fox'), 100);
    assert.is(await shop.quantityOf('AAPL'), 0);
    assert.is((await shop.post({ name: 'AAPL', quantity: 1 })).body.error?.reason, 'out_of_stock');
    assert.is(restocksOf(readJournal(dataFolder), 'Fox').length, 1);
    await assertProven(till);
  },
);

scenario(
  'once for each time that it sold out, also around kill -9 of the catalog',
  () =>
    openTill({
      settings: { RESTOCK_EVERY_MS: '50', RESTOCK_LEVEL: '40' },
      seed: [
        ...products('Toy', { count: 3, quantity: 30, restock: true }),
        ...products('Stock', { count: 1, quantity: 30 }),
      ],
    }),
  async (till) => {
    const { shop, dataFolder } = till;
    await till.run.start(till.names);
    await till.ready();
    assert.is((await shop.post({ name: 'Stock-1', quantity: 30 })).status, 200);

    // Killed at once after the order that sells it out: before, in or after the restocker's turn.
    for (let soldOut = 1; soldOut <= 6; soldOut += 1) {
      const left = await until('Toy-1 is there', () => shop.quantityOf('Toy-1'));
      assert.is(left, soldOut === 1 ? 30 : 40);
      const { status } = await shop.post({ name: 'Toy-1', quantity: left }, `sold-out-${soldOut}`);
      assert.is(status, 200);
      await till.kill('catalog');
      await till.run.start(['catalog']);
      await till.ready();
      await until('Toy-1 is refilled', async () => (await shop.quantityOf('Toy-1')) === 40);
      assert.is(restocksOf(readJournal(dataFolder), 'Toy-1').length, soldOut);
    }

    // And killed at once after it was refilled.
    assert.is((await shop.post({ name: 'Toy-1', quantity: 40 })).status, 200);
    await until('the restock is in the journal', () => restocksOf(readJournal(dataFolder), 'Toy-1').length === 7);
    await till.kill('catalog');
    await till.run.start(['catalog']);
    await till.ready();

    // The restocker looks at all products in each turn: once others were refilled, it has looked at this one too.
    await turnsPass(dataFolder, async () => {
      const left = await until('Toy-2 is there', () => shop.quantityOf('Toy-2'));
      assert.is((await shop.post({ name: 'Toy-2', quantity: left })).status, 200);
    });
    assert.is(restocksOf(readJournal(dataFolder), 'Toy-1').length, 7);
    assert.is(await shop.quantityOf('Toy-1'), 40);
    assert.is(await shop.quantityOf('Toy-3'), 30, 'what is not sold out is left alone');
    assert.is(await shop.quantityOf('Stock-1'), 0);
    assert.is(restocksOf(readJournal(dataFolder), 'Stock-1').length, 0);
    await assertProven(till);
  },
);

test.run();
