/** Random walks of the cache core in a small world: each rule must be needed, and all of them together must be enough. */

import { randomInteger, randomItem, seededRandom } from '@till/shared/random';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import * as core from './cache.ts';
import { CACHE_RULES, type CacheRule, type Changes, type Fetched, type FetchToken } from './types.ts';

const PRODUCTS = ['fox', 'tux', 'lego'];

type Reader = { token: FetchToken; mustSee: number };
/** A fetch on its way; readers that come meanwhile share it. */
type Flight = { name: string; readers: Reader[]; answer: Fetched | null };
type Line = { type: 'hello'; epoch: string; sequence: number } | ({ type: 'changes' } & Changes) | Beat;
type Beat = { type: 'beat'; epoch: string; sequence: number };
type Stream = { lines: Line[]; greeted: boolean; atFront: boolean; atCatalog: boolean };

/** Walks for some steps; returns what was wrong with what was shown, or null. */
const walk = (seed: number, without: Partial<Record<CacheRule, boolean>>): string | null => {
  const random = seededRandom(seed);
  const cache = core.createCache({ capacity: 2, without });
  const versions = new Map(PRODUCTS.map((name) => [name, 1]));
  const history: Map<string, number>[] = [new Map(versions), new Map(versions)];
  const shownVersions = new Map<string, number>();
  const revealed = new Map<string, number>();
  const flights: Flight[] = [];
  const replies: number[] = [];
  const heldReplies = new Map<number, number>();
  let sequence = 1;
  let run = 1;
  let stream: Stream | null = null;
  let wrong: string | null = null;

  const mustSee = (name: string): number => revealed.get(name) ?? 0;
  const show = (name: string, version: number, least: number): void => {
    if (version < least) wrong ??= `${name} version ${version} shown to a reader that must see ${least}`;
    if (version < (shownVersions.get(name) ?? 0)) wrong ??= `${name} went back to version ${version}`;
    shownVersions.set(name, Math.max(version, shownVersions.get(name) ?? 0));
  };
  const reveal = (upTo: number): void => {
    for (const [name, version] of history[upTo] ?? []) revealed.set(name, Math.max(version, mustSee(name)));
  };
  const release = (ids: number[]): void => {
    for (const id of ids) reveal(heldReplies.get(id) ?? 0);
  };
  const dropStream = (): void => {
    stream = null;
    release(core.broken(cache));
  };

  const steps: (() => void)[] = [
    function look() {
      const name = randomItem(random, PRODUCTS);
      const found = core.lookup(cache, name);
      if (found.kind === 'hit') return show(name, found.version, mustSee(name));
      const reader = { token: found.token, mustSee: mustSee(name) };
      const open = flights.find((flight) => flight.name === name);
      if (open && random() < 0.5) open.readers.push(reader);
      else flights.push({ name, readers: [reader], answer: null });
    },
    function read() {
      const flight = flights.find(({ answer }) => answer === null);
      if (!flight) return;
      const version = versions.get(flight.name) ?? 0;
      flight.answer = { epoch: `run ${run}`, asOf: sequence, version, body: `${version}` };
    },
    function answer() {
      const arrived = flights.filter((flight) => flight.answer !== null);
      if (arrived.length === 0) return;
      const flight = randomItem(random, arrived);
      flights.splice(flights.indexOf(flight), 1);
      const fetched = flight.answer as Fetched;
      for (const { token, mustSee: least } of flight.readers) {
        if (core.filled(cache, token, fetched) === 'show') show(flight.name, fetched.version, least);
      }
    },
    function order() {
      sequence += 1;
      const ordered = PRODUCTS.filter(() => random() < 0.4);
      for (const name of ordered) versions.set(name, sequence);
      history.push(new Map(versions));
      const products = ordered.map((name) => ({ name, version: sequence, body: `${sequence}` }));
      if (stream?.greeted && stream.atCatalog) {
        stream.lines.push({ type: 'changes', epoch: `run ${run}`, from: sequence, to: sequence, products });
      }
      replies.push(sequence);
    },
    function reply() {
      const due = replies.shift();
      if (due === undefined) return;
      const held = core.hold(cache, due);
      if (held === 'now') reveal(due);
      else heldReplies.set(held, due);
    },
    function connect() {
      stream ??= { lines: [], greeted: false, atFront: false, atCatalog: true };
    },
    function greet() {
      if (!stream || stream.greeted || !stream.atCatalog) return;
      stream.greeted = true;
      stream.lines.push({ type: 'hello', epoch: `run ${run}`, sequence });
    },
    function line() {
      const next = stream?.lines.shift();
      if (!stream || !next) return;
      if (next.type === 'hello') {
        stream.atFront = true;
        return release(core.subscribed(cache, next).released);
      }
      if (!stream.atFront) return;
      const pushed = next.type === 'beat' ? core.beat(cache, next) : core.changed(cache, next);
      release(pushed.released);
      if (pushed.kind === 'broken') stream = null;
    },
    function heartbeat() {
      if (stream?.greeted && stream.atCatalog) stream.lines.push({ type: 'beat', epoch: `run ${run}`, sequence });
    },
    function rare() {
      const which = randomInteger(random, { min: 0, max: 4 });
      if (which === 0) dropStream();
      if (which === 1) stream?.lines.splice(1, 1);
      if (which >= 2) return;
      if (random() < 0.5) return;
      // The catalog starts again; the front does not see at once that its stream is dead.
      run += 1;
      if (stream) stream.atCatalog = false;
    },
  ];
  for (let step = 0; step < 120 && wrong === null; step += 1) randomItem(random, steps)();
  return wrong && `seed ${seed}: ${wrong}`;
};

test('nothing stale is ever shown with every rule on', () => {
  for (let seed = 1; seed <= 4000; seed += 1) assert.is(walk(seed, {}), null);
});

for (const rule of CACHE_RULES) {
  test(`without ${rule} something stale is shown sooner or later`, () => {
    let found: string | null = null;
    for (let seed = 1; seed <= 60_000 && found === null; seed += 1) found = walk(seed, { [rule]: true });
    assert.ok(found, `${rule} seems not to be needed`);
  });
}

test.run();
