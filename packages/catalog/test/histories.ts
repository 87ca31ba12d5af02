/**
 * Random histories for tests: batches of everything that can be placed, restocks and fences, small enough that everything
 * collides.
 */
import { checkoutKey, noteKey } from '@till/shared/keys';
import type { Movement, Outcome, Placed, PlacedOrder, SeedProduct } from '@till/shared/movement';
import { foldName } from '@till/shared/names';
import fc from 'fast-check';
import { applyMovement, createStock } from '../src/stock/apply.ts';
import { decide } from '../src/stock/decide.ts';
import type { Command, Stock } from '../src/stock/types.ts';

export const seed: SeedProduct[] = [
  { name: 'Fox', kind: 'toy', price: 9.5, quantity: 6, restock: true },
  { name: 'Tux', kind: 'toy', price: 9.5, quantity: 2, restock: true },
  { name: 'AAPL', kind: 'stock', price: 190, quantity: 6, restock: false },
];

export const ids = ['1', '2', '3', '4'];
export const orderKeys = [...'abcdefgh', ...ids.map(checkoutKey)];
export const cancelKeys = ['x', 'y', 'z', 'a'];
export const checkoutKeys = ['p', 'q', 'r', 's', 'b'];
export const sinks = ['shop', 'hook'];
export const REFUSED = 'Cannot be had elsewhere';
/** Stands for the sequence that is right before the batch: of the sink's last note, of the product's last change. */
const LAST = -1;

const line = fc.record({
  name: fc.constantFrom('Fox', 'fOx', 'Tux', 'aapl', 'AAPL', 'Nobody'),
  quantity: fc.integer({ min: 1, max: 4 }),
});
const lines = fc.array(line, { minLength: 1, maxLength: 3 });
const fingerprint = fc.constantFrom('f', 'f', 'f', 'g');
const order: fc.Arbitrary<PlacedOrder> = fc.record(
  {
    key: fc.constantFrom(...orderKeys),
    fingerprint,
    order: fc.record(
      { lines, type: fc.constantFrom('buy' as const, 'buy' as const, 'sell' as const) },
      { requiredKeys: ['lines'] },
    ),
    alsoKey: fc.constantFrom('i', 'j', 'k', 'a', 'p'),
    refusal: fc.constant(REFUSED),
  },
  { requiredKeys: ['key', 'fingerprint', 'order'] },
);
const rarelyRefused = fc
  .tuple(order, fc.integer({ min: 0, max: 3 }))
  .map(([{ refusal, ...placed }, chance]) => (refusal !== undefined && chance === 0 ? { ...placed, refusal } : placed));
const cancel: fc.Arbitrary<Placed> = fc
  .record({ key: fc.constantFrom(...cancelKeys), of: fc.constantFrom(...orderKeys, 'i', 'j', 'x') })
  .map(({ key, of }) => ({ key, cancel: { of } }));
const checkout: fc.Arbitrary<Placed> = fc
  .record({ key: fc.constantFrom(...checkoutKeys), fingerprint, id: fc.constantFrom(...ids), lines })
  .map(({ key, fingerprint: print, id, lines: wanted }) => ({
    key,
    fingerprint: print,
    checkout: { id, lines: wanted, customer: 'Kim', card: '4242' },
  }));
const note: fc.Arbitrary<Placed> = fc
  .record({
    sink: fc.constantFrom(...sinks),
    after: fc.constantFrom(LAST, LAST, LAST, 0, 3),
    asked: fc.constantFrom(0, 2),
  })
  .map(({ sink, after, asked }) => ({
    key: noteKey(sink),
    note: { sink, after, delivered: 1, dead: [], again: [{ sequence: 1, asked }] },
  }));
const command: fc.Arbitrary<Command> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc
      .oneof(
        { weight: 9, arbitrary: rarelyRefused },
        { weight: 4, arbitrary: cancel },
        { weight: 3, arbitrary: checkout },
        { weight: 2, arbitrary: note },
      )
      .map((placed) => ({ kind: 'place' as const, placed })),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('restock' as const),
      name: fc.constantFrom('Fox', 'Tux', 'AAPL'),
      cause: fc.constantFrom(LAST, LAST, 1, 3),
      level: fc.constantFrom(0, 5),
    }),
  },
);
const batch = fc.record({ commands: fc.array(command, { maxLength: 10 }), now: fc.integer({ min: 0, max: 50 }) });
export const history = fc.array(batch, { maxLength: 6 });

/** A batch as it was decided: without `LAST`. */
export type Batch = { commands: Command[]; now: number; term: number };
export type Told = { stock: Stock; movements: Movement[]; outcomes: Outcome[]; placed: Placed[]; batches: Batch[] };

export const emptyShop = (): { stock: Stock; movements: Movement[] } => {
  const movements: Movement[] = [];
  return { movements, stock: createStock((sequence) => movements[sequence - 1] as Movement) };
};

export const isPlace = (each: Command): each is Extract<Command, { kind: 'place' }> => each.kind === 'place';

/** Batch after batch; a fence in a new term stands before every second one. */
export const tell = (batches: { commands: Command[]; now: number }[]): Told => {
  const { stock, movements } = emptyShop();
  const told: Told = { stock, movements, outcomes: [], placed: [], batches: [] };
  const run = (commands: Command[], now: number, term = stock.term): void => {
    const decided = decide(stock, { term, now }, commands);
    for (const movement of decided.movements) applyMovement(stock, movement);
    movements.push(...decided.movements);
    told.outcomes.push(...decided.outcomes);
    told.placed.push(...commands.filter(isPlace).map(({ placed }) => placed));
    told.batches.push({ commands, now, term });
  };
  const named = (each: Command): Command => {
    if (each.kind === 'restock' && each.cause === LAST) {
      return { ...each, cause: stock.product(foldName(each.name))?.version ?? 0 };
    }
    if (!isPlace(each) || !('note' in each.placed) || each.placed.note.after !== LAST) return each;
    const { key, note: asked } = each.placed;
    return { kind: 'place', placed: { key, note: { ...asked, after: stock.lastNote(asked.sink) } } };
  };
  run([{ kind: 'seed', products: seed }], 0);
  batches.forEach(({ commands, now }, place) => {
    if (place % 2 === 0) run([{ kind: 'fence' }], now, stock.term + 1);
    run(commands.map(named), now);
  });
  return told;
};

/** All that a decision can look at. */
export const stateOf = (stock: Stock) => ({
  ends: [stock.sequence, stock.number, stock.time, stock.term, stock.decisionCount, stock.waitingCount],
  products: [...stock.products.values()],
  decisions: [...orderKeys, ...cancelKeys, ...checkoutKeys, 'i', 'j', 'k'].map(stock.decision),
  cancellations: Array.from({ length: stock.number + 1 }, (_, number) => stock.cancellation(number)),
  waiting: ids.map(stock.isWaiting),
  notes: sinks.map(stock.lastNote),
});
