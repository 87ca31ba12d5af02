/** The front's view of the catalogue: the cache core, the stream of changes, and answers that wait for it. */
import * as cacheCore from '@till/front/cache/cache';
import type { CacheRule, FetchToken } from '@till/front/cache/types';
import type { ProductState } from '@till/shared/movement';
import { foldName } from '@till/shared/names';
import type { Checks } from '../invariants.ts';
import type { Machine, Reply } from '../machine.ts';
import type { Network } from '../network.ts';
import type { Settings } from '../settings.ts';
import type { Stream, Streams } from '../stream.ts';
import type { World } from '../world.ts';
import type { ChangeLine } from './catalog.ts';

export type Lookups = {
  /** Lets an answer out that reveals a sequence, as soon as nothing older can be shown after it. */
  reveal(sequence: number, answer: () => void): void;
};

/** `mustSee`: what was known outside when it began. */
type Read = { name: string; token: FetchToken; mustSee: number; untilMs: number; reply: Reply };
type FetchedProduct = { epoch: string; asOf: number; product: ProductState | null };
type FetchedProducts = { epoch: string; asOf: number; products: ProductState[] };

const STREAM_SILENT_MS = 500;
const STREAM_PAUSE_MS_MAX = 40;
/** An answer that waits for so long takes the stream for broken. */
const HOLD_MS_MAX = 400;
const FETCH_PAUSE_MS = 10;
const FETCH_WAIT_MS = 300;

export const serveLookups = (options: {
  world: World;
  network: Network;
  streams: Streams;
  settings: Settings;
  checks: Checks;
  machine: Machine;
  catalog: () => Machine;
  withoutCache: CacheRule[];
}): Lookups => {
  const { world, network, settings, checks, machine } = options;
  const without = Object.fromEntries(options.withoutCache.map((rule) => [rule, true]));
  const cache = cacheCore.createCache({ capacity: settings.cacheCapacity, without });
  const held = new Map<number, { sinceMs: number; go: () => void }>();
  const flights = new Map<string, Read[]>();
  let stream: Stream | null = null;
  let heardMs = 0;

  const letGo = (ids: number[]): void => {
    for (const id of ids) {
      const waiting = held.get(id);
      held.delete(id);
      waiting?.go();
    }
  };

  const dropStream = (): void => {
    const dropped = stream;
    if (dropped === null) return;
    stream = null;
    world.count('broken streams');
    world.trace('front', 'drops the stream of changes');
    dropped.close();
    letGo(cacheCore.broken(cache));
    machine.after(world.chance.between(0, STREAM_PAUSE_MS_MAX), subscribe);
  };

  const hear = (line: ChangeLine): void => {
    heardMs = machine.clockMs();
    if (world.tracing) world.trace('front', `hears ${JSON.stringify(line)}`);
    if (line.type === 'hello') return letGo(cacheCore.subscribed(cache, line).released);
    const pushed =
      line.type === 'beat'
        ? cacheCore.beat(cache, line)
        : cacheCore.changed(cache, {
            ...line,
            products: line.products.map((product) => ({
              name: foldName(product.name),
              version: product.version,
              body: JSON.stringify(product),
            })),
          });
    letGo(pushed.released);
    if (pushed.kind === 'broken') dropStream();
  };

  const subscribe = (): void => {
    heardMs = machine.clockMs();
    const opened = options.streams.open({
      reader: machine,
      writer: options.catalog(),
      route: 'changes',
      onLine: (line) => {
        if (stream === opened) hear(line as ChangeLine);
      },
      onEnd: () => {
        if (stream === opened) dropStream();
      },
    });
    stream = opened;
  };

  const watch = (): void => {
    machine.after(50, watch);
    const nowMs = machine.clockMs();
    const silent = nowMs - heardMs >= STREAM_SILENT_MS;
    const overdue = [...held.values()].some(({ sinceMs }) => nowMs - sinceMs >= HOLD_MS_MAX);
    if (silent || overdue) dropStream();
  };

  const show = ({ reply, mustSee }: Omit<Read, 'token'>, product: ProductState, from: string): void => {
    world.count(`lookups from the ${from}`);
    checks.shown.product(product, mustSee);
    reply({ status: 200, product });
  };

  const fetch = (read: Read): void => {
    if (machine.clockMs() >= read.untilMs) return read.reply({ status: 503 });
    const joined = flights.get(read.name);
    // Readers may share a fetch that is on its way, or not: the core judges each by its own token.
    if (joined && world.chance.happens(0.5)) return void joined.push(read);
    const readers = [read];
    flights.set(read.name, readers);
    network.call<FetchedProduct>({
      from: machine,
      to: options.catalog(),
      route: 'product',
      body: { name: read.name },
      waitMs: FETCH_WAIT_MS,
      done: (answer) => {
        if (flights.get(read.name) === readers) flights.delete(read.name);
        for (const reader of readers) {
          if (answer.kind !== 'ok') again(reader);
          else judge(reader, answer.body);
        }
      },
    });
  };

  const judge = (read: Read, { epoch, asOf, product }: FetchedProduct): void => {
    if (product === null) return read.reply({ status: 404 });
    const body = JSON.stringify(product);
    const verdict = cacheCore.filled(cache, read.token, { epoch, asOf, version: product.version, body });
    if (verdict === 'show') return show(read, product, 'catalog');
    world.count('fetches that were too old');
    again(read);
  };

  const again = (read: Read): void => machine.after(FETCH_PAUSE_MS, () => fetch(read));

  const list = (read: Omit<Read, 'name'>): void => {
    const { token, mustSee, untilMs, reply } = read;
    if (machine.clockMs() >= untilMs) return reply({ status: 503 });
    network.call<FetchedProducts>({
      from: machine,
      to: options.catalog(),
      route: 'products',
      body: {},
      waitMs: FETCH_WAIT_MS,
      done: (answer) => {
        if (answer.kind === 'ok') {
          const products = answer.body.products.map(({ name, version }) => ({ name: foldName(name), version }));
          if (cacheCore.listed(cache, token, { ...answer.body, products }) === 'show') {
            for (const product of answer.body.products) checks.shown.product(product, mustSee);
            return reply({ status: 200, products: answer.body.products });
          }
        }
        machine.after(FETCH_PAUSE_MS, () => list(read));
      },
    });
  };

  machine.listen('product', (body, reply) => {
    const name = foldName((body as { name: string }).name);
    const found = cacheCore.lookup(cache, name);
    const read = { name, mustSee: checks.shown.revealed(), untilMs: machine.clockMs() + settings.requestWaitMs, reply };
    if (found.kind === 'fetch') return fetch({ ...read, token: found.token });
    show(read, JSON.parse(found.body), 'cache');
  });
  machine.listen('products', (_, reply) => {
    const untilMs = machine.clockMs() + settings.requestWaitMs;
    list({ token: cacheCore.listing(cache), mustSee: checks.shown.revealed(), untilMs, reply });
  });

  subscribe();
  watch();

  return {
    reveal: (sequence, answer) => {
      const go = (): void => {
        const { bypassing, applied } = cacheCore.stats(cache);
        checks.shown.reply(sequence, bypassing ? null : applied);
        answer();
      };
      const id = cacheCore.hold(cache, sequence);
      if (id === 'now') return go();
      world.count('held answers');
      held.set(id, { sinceMs: machine.clockMs(), go });
    },
  };
};
