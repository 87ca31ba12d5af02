import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { createKeyTable } from './key-table.ts';

/** Hashes of few parts, some of them equal, some at the end of a part. */
const hashes = fc.oneof(
  fc.integer({ min: 0, max: 0xffffffff }),
  fc.constantFrom(0, 1, 0x00ffffff, 0xff000000, 0xffffffff, 0x7fffffff),
  fc.integer({ min: 0x00fffff0, max: 0x0100000f }),
);
const commands = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: fc.record({ kind: fc.constant('add' as const), hash: hashes }) },
    {
      weight: 2,
      arbitrary: fc.record({ kind: fc.constant('addAll' as const), many: fc.array(hashes, { maxLength: 40 }) }),
    },
    { weight: 3, arbitrary: fc.record({ kind: fc.constant('removeLast' as const), count: fc.nat(20) }) },
    { weight: 3, arbitrary: fc.record({ kind: fc.constant('removeAny' as const), at: fc.nat() }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('reserve' as const), count: fc.nat(2000) }) },
  ),
  { maxLength: 60 },
);

test('it finds exactly what a map from place to hash says, and asks only about places with the same hash', () => {
  fc.assert(
    fc.property(commands, (given) => {
      const table = createKeyTable();
      /** Hashes by place, of what is there. */
      const held = new Map<number, number>();
      let place = 0;
      const hold = (hash: number): number => {
        place += 1;
        held.set(place, hash);
        return place;
      };
      const remove = (gone: number): void => {
        table.remove(held.get(gone) as number, gone);
        held.delete(gone);
      };
      for (const command of given) {
        if (command.kind === 'add') {
          table.add(command.hash, hold(command.hash));
        } else if (command.kind === 'addAll') {
          const lines = Uint32Array.from(command.many, (_, at) => at);
          table.addAll(Uint32Array.from(command.many), lines, place + 1);
          for (const hash of command.many) hold(hash);
        } else if (command.kind === 'reserve') {
          table.reserve(command.count);
        } else if (command.kind === 'removeAny') {
          const places = [...held.keys()];
          if (places.length > 0) remove(places[command.at % places.length] as number);
        } else {
          for (const last of [...held.keys()].reverse().slice(0, command.count)) remove(last);
        }
      }
      assert.is(table.size, held.size);
      for (const [at, hash] of held) {
        const asked: number[] = [];
        const found = table.find(hash, (one) => {
          asked.push(one);
          return one === at;
        });
        assert.is(found, at);
        assert.ok(asked.every((one) => held.get(one) === hash));
      }
      const all = new Set<number>();
      for (const hash of new Set(held.values())) table.find(hash, (one) => all.add(one) === null);
      assert.is(all.size, held.size, 'each place is there once');
    }),
    { numRuns: 300 },
  );
});

test('many keys, one by one or from columns, with room for them or without', () => {
  const count = 20_000;
  const given = Uint32Array.from({ length: count }, (_, at) => (at * 2_654_435_761) % 2 ** 32);
  const lines = Uint32Array.from({ length: count }, (_, at) => at);
  const tables = [createKeyTable(), createKeyTable(), createKeyTable()] as const;
  for (const [at, hash] of given.entries()) tables[0].add(hash, at + 1);
  tables[1].addAll(given, lines, 1);
  tables[2].reserve(count);
  tables[2].addAll(given.subarray(0, count / 2), lines.subarray(0, count / 2), 1);
  tables[2].addAll(given.subarray(count / 2), lines.subarray(0, count / 2), count / 2 + 1);
  for (const table of tables) {
    assert.is(table.size, count);
    for (const [at, hash] of given.entries())
      assert.is(
        table.find(hash, () => true),
        at + 1,
      );
    assert.is(
      table.find(7, () => true),
      undefined,
    );
  }
});

test('an unknown key costs no question', () => {
  const table = createKeyTable();
  const nobody = (): never => {
    throw new Error('Nobody is to be asked');
  };
  assert.is(table.find(7, nobody), undefined);
  table.add(8, 1);
  assert.is(table.find(7, nobody), undefined);
  assert.is(
    table.find(8, () => false),
    undefined,
  );
});

test('places that are none, and taking back what is not there, are mistakes of ours', () => {
  const table = createKeyTable();
  for (const place of [0, 2 ** 32]) assert.throws(() => table.add(1, place), 'A place counts from 1');
  assert.throws(() => table.addAll(Uint32Array.of(1), Uint32Array.of(0), 0), 'A place counts from 1');
  assert.throws(() => table.addAll(Uint32Array.of(1), Uint32Array.of(), 1), 'Each hash has its line');
  assert.throws(() => table.remove(1, 1), 'There is no key with place 1');
  table.add(1, 1);
  assert.throws(() => table.remove(1, 2), 'There is no key with place 2');
  table.remove(1, 1);
  assert.is(table.size, 0);
});

test.run();
