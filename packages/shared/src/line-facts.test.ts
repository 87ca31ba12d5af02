import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { factsOf, factsOfMovement, hashOfKey, keysIn } from './line-facts.ts';
import type { Movement } from './movement.ts';
import { seal, ZERO_HASH } from './sealed.ts';

/** Texts that look like parts of a line, and any others. */
const texts = fc.oneof(
  fc.string(),
  fc.string({ unit: 'binary' }),
  fc.constantFrom(
    '","alsoKey":"x',
    '"alsoKey":"',
    '},"alsoKey":"y"',
    '\\"alsoKey":"',
    '\\',
    '"',
    '{',
    'checkout 1',
    '狐',
    '\n',
  ),
  fc.constantFrom('","fingerprint":"', ',"kind":"order","number":3,"key":"', '{"sequence":1,', '\ud800', '\u2028', ''),
);
const counts = fc.nat(2 ** 31);
const order = fc.record(
  {
    lines: fc.array(fc.record({ name: texts, quantity: counts }), { maxLength: 3 }),
    type: fc.constantFrom('buy' as const, 'sell' as const),
    many: fc.constant(true as const),
    orderId: texts,
    customer: texts,
  },
  { requiredKeys: ['lines'] },
);
const stock = fc.array(fc.record({ name: texts, before: counts, after: counts }), { maxLength: 2 });
const base = { sequence: counts, term: counts, time: fc.oneof(counts, fc.constant(1_795_250_313_053)) };
const exact = { noNullPrototype: true } as const;

/** In the order of fields in which they are written. */
const movements = fc.oneof(
  fc
    .tuple(
      fc.record({ ...base, number: counts, key: texts, fingerprint: texts, order, stock }, exact),
      fc.option(texts),
    )
    .map(([{ sequence, term, time, number, key, fingerprint, order, stock }, alsoKey]) => ({
      ...{ sequence, term, time, kind: 'order' as const, number, key, fingerprint, order },
      ...(alsoKey === null ? {} : { alsoKey }),
      stock,
    })),
  fc
    .tuple(fc.record({ ...base, key: texts, fingerprint: texts, order, message: texts }, exact), fc.option(texts))
    .map(([{ sequence, term, time, key, fingerprint, order, message }, alsoKey]) => ({
      ...{ sequence, term, time, kind: 'rejection' as const, key, fingerprint, order },
      ...(alsoKey === null ? {} : { alsoKey }),
      ...{ reason: 'out_of_stock' as const, message },
    })),
  fc
    .record({ ...base, key: texts, of: texts, number: counts, stock }, exact)
    .map(({ sequence, term, time, ...rest }) => ({ sequence, term, time, kind: 'cancel' as const, ...rest })),
  fc.record({ ...base, sink: texts, delivered: counts }, exact).map(({ sequence, term, time, ...rest }) => ({
    ...{ sequence, term, time, kind: 'note' as const, ...rest },
    ...{ dead: [], again: [] },
  })),
  fc.record(base, exact).map((fields) => ({ ...fields, kind: 'fence' as const })),
);

/** What is in a line, by parsing all of it. */
const parsed = (line: string) => {
  const record = JSON.parse(line);
  const { kind, number, key, alsoKey } = record.movement ?? record;
  const isDecision = kind === 'order' || kind === 'rejection';
  const keys = [key, isDecision ? alsoKey : undefined].filter((one) => one !== undefined);
  return { kind: isDecision ? kind : 'rare', number: kind === 'order' ? number : -1, keys };
};

test('what is read from a line is what parsing all of it says, for any texts', () => {
  fc.assert(
    fc.property(movements, counts, (movement, index) => {
      const body = JSON.stringify(movement);
      for (const text of [body, `{"index":${index},"term":7,"movement":${body}}`]) {
        const { line } = seal(ZERO_HASH, text);
        const { kind, number, keys } = parsed(line);
        assert.equal(keysIn(line), keys);
        assert.equal(factsOf(line), { kind, number, hashes: keys.map(hashOfKey) });
        assert.equal(factsOfMovement(JSON.parse(body) as Movement), factsOf(line));
      }
    }),
    { numRuns: 2000 },
  );
});

test('fields in another order, or ones that nobody knows, are read all the same', () => {
  for (const text of [
    '{"kind":"order","key":"x","number":4,"order":{"lines":[]},"alsoKey":"y"}',
    '{"sequence":1,"term":1,"time":1.5,"kind":"order","number":4,"key":"x","fingerprint":"f","order":{"lines":[]},"alsoKey":"y"}',
    '{"sequence":1,"term":1,"time":1,"kind":"order","number":4,"key":"x","new":1,"fingerprint":"f","order":{},"alsoKey":"y"}',
  ]) {
    assert.equal(factsOf(text), { kind: 'order', number: 4, hashes: [hashOfKey('x'), hashOfKey('y')] });
  }
  assert.equal(factsOf('{"index":1,"term":1,"start":true,"sequence":0}'), { kind: 'rare', number: -1, hashes: [] });
});

test('the hash of a key is the beginning of its SHA-256', () => {
  assert.is(hashOfKey('key'), 0x2c70e12b);
  assert.is(hashOfKey('狐'), 0x26d10040);
});

test.run();
