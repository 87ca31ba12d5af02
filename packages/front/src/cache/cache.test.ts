import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import * as core from './cache.ts';
import type { Cache, FetchToken } from './types.ts';

const live = (options: { capacity?: number; sequence?: number } = {}): Cache => {
  const cache = core.createCache({ capacity: options.capacity ?? 2 });
  core.subscribed(cache, { epoch: 'e1', sequence: options.sequence ?? 5 });
  return cache;
};

const miss = (cache: Cache, name: string): FetchToken => {
  const found = core.lookup(cache, name);
  assert.is(found.kind, 'fetch', `${name} is not expected in the cache`);
  return (found as { token: FetchToken }).token;
};

const answer = (version: number, asOf: number, epoch = 'e1') => ({ epoch, asOf, version, body: `v${version}` });

const fill = (cache: Cache, name: string, version: number, asOf: number) =>
  core.filled(cache, miss(cache, name), answer(version, asOf));

const bodyOf = (cache: Cache, name: string): string | null => {
  const found = core.lookup(cache, name);
  return found.kind === 'hit' ? found.body : null;
};

const change = (from: number, to: number, name?: string, version = to) => ({
  epoch: 'e1',
  from,
  to,
  products: name === undefined ? [] : [{ name, version, body: `v${version}` }],
});

test('a fetched product is kept and found, and counted', () => {
  const cache = live();
  assert.is(fill(cache, 'fox', 3, 5), 'show');
  assert.is(bodyOf(cache, 'fox'), 'v3');
  assert.equal(core.stats(cache), {
    capacity: 2,
    size: 1,
    hits: 1,
    misses: 1,
    bypassing: false,
    applied: 5,
    held: 0,
  });
});

test('the product that was not used for longest is evicted', () => {
  const cache = live();
  fill(cache, 'fox', 1, 5);
  fill(cache, 'tux', 1, 5);
  assert.is(bodyOf(cache, 'fox'), 'v1');
  fill(cache, 'lego', 1, 5);
  assert.is(bodyOf(cache, 'tux'), null);
  assert.is(bodyOf(cache, 'fox'), 'v1');
});

test('a change replaces what is kept, without making it look used', () => {
  const cache = live();
  fill(cache, 'fox', 1, 5);
  fill(cache, 'tux', 1, 5);
  core.changed(cache, change(6, 6, 'fox'));
  fill(cache, 'lego', 1, 6);
  assert.is(bodyOf(cache, 'fox'), null);
});

test('H44: a late fill never overwrites a newer push, nor is it shown', () => {
  const cache = live();
  const token = miss(cache, 'fox');
  core.changed(cache, change(6, 6, 'fox'));
  assert.is(core.filled(cache, token, answer(3, 5)), 'again');
  assert.is(core.filled(cache, token, answer(6, 6)), 'show');
  assert.is(bodyOf(cache, 'fox'), 'v6');
});

test('H44: what was shown is a floor too, and floors outlive eviction and a broken stream', () => {
  const cache = live({ capacity: 1 });
  const late = miss(cache, 'fox');
  fill(cache, 'fox', 4, 5);
  fill(cache, 'tux', 1, 5);
  assert.is(core.filled(cache, late, answer(3, 5)), 'again');
  core.broken(cache);
  assert.is(core.filled(cache, late, answer(3, 5)), 'again');
});

test('H44: an older change never lowers an entry that was read ahead of the stream', () => {
  const cache = live();
  fill(cache, 'fox', 7, 7);
  core.changed(cache, change(6, 6, 'fox'));
  assert.is(bodyOf(cache, 'fox'), 'v7');
});

test('H45: an older entry goes before a newer version is shown', () => {
  const cache = live();
  const early = miss(cache, 'fox');
  fill(cache, 'fox', 3, 5);
  assert.is(core.filled(cache, early, answer(6, 6, 'e2')), 'show');
  assert.is(bodyOf(cache, 'fox'), null);
});

test('H45: a list counts as shown as well', () => {
  const cache = live();
  fill(cache, 'fox', 3, 5);
  const products = [{ name: 'fox', version: 6 }];
  assert.is(core.listed(cache, core.listing(cache), { epoch: 'e1', asOf: 6, products }), 'show');
  assert.is(bodyOf(cache, 'fox'), null);
  const older = [{ name: 'fox', version: 5 }];
  assert.is(core.listed(cache, core.listing(cache), { epoch: 'e1', asOf: 5, products: older }), 'again');
  assert.is(core.listed(cache, core.listing(cache), { epoch: 'e1', asOf: 4, products }), 'again');
});

test('H46: a fill from before the subscription is shown and not kept', () => {
  const cache = core.createCache({ capacity: 2 });
  const token = miss(cache, 'fox');
  core.subscribed(cache, { epoch: 'e1', sequence: 5 });
  assert.is(core.filled(cache, token, answer(3, 4)), 'show');
  assert.is(bodyOf(cache, 'fox'), null);
});

test('H47: a reply waits until its sequence is applied', () => {
  const cache = live();
  assert.is(core.hold(cache, 5), 'now');
  const seven = core.hold(cache, 7);
  const six = core.hold(cache, 6);
  assert.is(core.stats(cache).held, 2);
  assert.equal(core.changed(cache, change(6, 6, 'fox')), { kind: 'applied', released: [six] });
  assert.equal(core.changed(cache, change(7, 9)), { kind: 'applied', released: [seven] });
  assert.is(core.stats(cache).held, 0);
});

test('H47: without a stream a reply goes at once, and later lookups must see its sequence', () => {
  const cache = core.createCache({ capacity: 2 });
  const before = miss(cache, 'fox');
  assert.is(core.hold(cache, 6), 'now');
  const after = miss(cache, 'fox');
  assert.is(core.filled(cache, after, answer(3, 5)), 'again');
  assert.is(core.filled(cache, before, answer(3, 5)), 'show');
  // A stream that began before it has to catch up first.
  core.subscribed(cache, { epoch: 'e1', sequence: 5 });
  assert.ok(core.stats(cache).bypassing);
  fill(cache, 'fox', 6, 6);
  assert.is(bodyOf(cache, 'fox'), null);
  core.changed(cache, change(6, 6, 'fox'));
  assert.not(core.stats(cache).bypassing);
});

test('H47: what a subscription skipped may be known, so a shared fetch from before it is not enough', () => {
  const cache = live({ sequence: 8 });
  assert.is(core.filled(cache, miss(cache, 'fox'), answer(3, 7)), 'again');
});

for (const [what, message] of [
  ['a gap', { ...change(7, 7) }],
  ['a repeat', { ...change(5, 5) }],
  ['an empty range', { ...change(6, 5) }],
  ['another run of the catalog', { ...change(6, 6), epoch: 'e2' }],
] as const) {
  test(`H48: ${what} flushes, bypasses, and lets held replies go`, () => {
    const cache = live();
    fill(cache, 'fox', 3, 5);
    const held = core.hold(cache, 9);
    assert.equal(core.changed(cache, message), { kind: 'broken', released: [held] });
    assert.equal(
      { ...core.stats(cache), misses: 0 },
      { ...core.stats(live()), size: 0, bypassing: true, applied: null },
    );
    assert.is(bodyOf(cache, 'fox'), null);
    assert.equal(core.changed(cache, change(6, 6)), { kind: 'broken', released: [] });
    assert.equal(core.beat(cache, { epoch: 'e1', sequence: 6 }), { kind: 'broken', released: [] });
  });
}

test('H48: subscribing again ends the earlier subscription', () => {
  const cache = live();
  fill(cache, 'fox', 3, 5);
  const held = core.hold(cache, 7);
  assert.equal(core.subscribed(cache, { epoch: 'e2', sequence: 7 }), { released: [held] });
  assert.is(core.stats(cache).size, 0);
});

test('H49: a heartbeat shows a lost message', () => {
  const cache = live();
  assert.equal(core.beat(cache, { epoch: 'e1', sequence: 5 }), { kind: 'applied', released: [] });
  const held = core.hold(cache, 6);
  assert.equal(core.beat(cache, { epoch: 'e1', sequence: 6 }), { kind: 'broken', released: [held] });
});

test('H50: giving up lets every held reply go', () => {
  const cache = live();
  const held = [core.hold(cache, 6), core.hold(cache, 7)];
  assert.equal(core.broken(cache), held);
  assert.is(core.hold(cache, 8), 'now');
});

test('a capacity of 0 switches the cache off', () => {
  const cache = live({ capacity: 0 });
  fill(cache, 'fox', 3, 5);
  assert.is(bodyOf(cache, 'fox'), null);
  core.changed(cache, change(6, 6, 'fox'));
  assert.is(fill(cache, 'fox', 3, 5), 'again');
  assert.is(core.hold(cache, 9), 'now');
  assert.is(fill(cache, 'tux', 3, 8), 'again');
  assert.equal(core.broken(cache), []);
  assert.is(core.stats(cache).size, 0);
});

test('names that are properties of every object are names like others', () => {
  const cache = live();
  for (const name of ['__proto__', 'constructor']) {
    assert.is(bodyOf(cache, name), null);
    fill(cache, name, 3, 5);
    assert.is(bodyOf(cache, name), 'v3');
  }
});

const name = fc.constantFrom('fox', 'tux', 'lego');
const sequence = fc.integer({ min: 1, max: 12 });
const epoch = fc.constantFrom('e1', 'e2');
const command = fc.oneof(
  fc.record({ type: fc.constant('fill' as const), name, version: sequence, asOf: sequence, epoch }),
  fc.record({ type: fc.constant('change' as const), name, version: sequence, from: sequence, to: sequence, epoch }),
  fc.record({ type: fc.constant('next' as const), name }),
  fc.record({ type: fc.constant('hello' as const), sequence, epoch }),
  fc.record({ type: fc.constant('beat' as const), sequence, epoch }),
  fc.record({ type: fc.constant('hold' as const), sequence }),
  fc.record({ type: fc.constant('broken' as const) }),
);

test('whatever comes, floors never fall, entries are never below them, and a reply is held once and let go once', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 2 }), fc.array(command, { maxLength: 60 }), (capacity, commands) => {
      const cache = core.createCache({ capacity });
      const waiting = new Set<number>();
      const release = (ids: number[]) => {
        for (const id of ids) assert.ok(waiting.delete(id), 'a reply that was not held is let go');
      };
      for (const one of commands) {
        const floors = new Map(cache.floors);
        if (one.type === 'fill') {
          const found = core.lookup(cache, one.name);
          if (found.kind === 'fetch') core.filled(cache, found.token, { ...one, body: 'b' });
        } else if (one.type === 'change') {
          release(core.changed(cache, { ...one, products: [{ ...one, body: 'b' }] }).released);
        } else if (one.type === 'next') {
          const next = (cache.subscription?.applied ?? 0) + 1;
          const product = { name: one.name, version: next, body: 'b' };
          const at = { epoch: cache.subscription?.epoch ?? 'e1', from: next, to: next };
          release(core.changed(cache, { ...at, products: [product] }).released);
        } else if (one.type === 'hello') release(core.subscribed(cache, one).released);
        else if (one.type === 'beat') release(core.beat(cache, one).released);
        else if (one.type === 'broken') release(core.broken(cache));
        else {
          const held = core.hold(cache, one.sequence);
          if (held !== 'now') waiting.add(held);
        }
        for (const [product, floor] of floors) assert.ok((cache.floors.get(product) ?? 0) >= floor);
        for (const [product, entry] of cache.entries?.entries() ?? []) {
          assert.ok((entry?.version ?? 0) >= (cache.floors.get(product) ?? 0));
        }
        const { size, held, applied } = core.stats(cache);
        assert.ok(size <= capacity);
        assert.is(held, waiting.size);
        assert.ok(applied !== null || held === 0, 'nothing waits without a subscription');
        assert.ok(cache.held.every((reply) => reply.sequence > (applied ?? 0)));
      }
    }),
    { numRuns: 500 },
  );
});

test.run();
