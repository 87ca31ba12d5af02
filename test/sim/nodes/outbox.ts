/** A replica's outbox: the core of each sink, fed from the replica's own log while it leads. */
import { createSink, roomOf, type Sink } from '@till/order/outbox/core/state';
import { step } from '@till/order/outbox/core/step';
import type { Effect, Input, OutboxRule, Result, Taken } from '@till/order/outbox/core/types';
import type { OutboxHost } from '@till/order/outbox/host';
import type { PlaceResult } from '@till/order/replica/types';
import { noteKey } from '@till/shared/keys';
import type { Movement, Placed, PlacedNote, ProductState, StockChange } from '@till/shared/movement';
import type { Checks } from '../invariants.ts';
import type { Machine } from '../machine.ts';
import type { Network } from '../network.ts';
import type { Settings } from '../settings.ts';
import type { World } from '../world.ts';
import type { Delivery, DeliveryAnswer, SinkNode } from './sinks.ts';

/** Rules of the outbox's driver that can be switched off, to show that the simulator finds what each one prevents. */
export const DELIVERY_RULES = ['resumeFromNote', 'oneKeyPerEvent', 'ownNotesOnly'] as const;
export type DeliveryRule = (typeof DELIVERY_RULES)[number];

/** What the real outbox is given, but for the waiting. */
export type Host = Omit<OutboxHost, 'storeId' | 'place'> & {
  place(term: number, placed: Placed[], done: (result: PlaceResult) => void): void;
};

export type Outbox = {
  /** Time has passed. */
  pump(): void;
  /** Asks to send a dead letter again; calls back when that is recorded, or with false if it cannot be. */
  replay(term: number, asked: { sink: string; sequence: number }, done: (isRecorded: boolean) => void): void;
};

type Quantities = Delivery['quantities'];

/** One sink while this replica leads. */
type Feed = {
  node: SinkNode;
  core: Sink;
  /** The note that it has begun with. */
  since: number;
  /** What is to be recorded, and whether that is on its way. */
  note: { placed: PlacedNote; isOnItsWay: boolean } | null;
  waiting: { sequence: number; done: (isRecorded: boolean) => void }[];
};
type Run = { term: number; feeds: Feed[] };

export const createOutbox = (options: {
  world: World;
  network: Network;
  settings: Settings;
  checks: Checks;
  machine: Machine;
  host: Host;
  sinks: readonly SinkNode[];
  catalog: () => Machine;
  without: ReadonlySet<DeliveryRule>;
  withoutCore: readonly OutboxRule[];
}): Outbox => {
  const { world, network, settings, machine, host, without } = options;
  const { outbox } = options.checks.journal;
  const { deliverWaitMs } = settings.outbox;
  /** By sink and key, while there is no answer: an attempt says what the one before it said, or the key would not stand for it. */
  const said = new Map<string, Quantities>();
  let run: Run | null = null;

  const movementAt = (sequence: number): Movement | undefined => host.movements(sequence - 1, 1)[0];

  const open = (node: SinkNode): Feed => {
    world.count('outboxes opened');
    const last = host.noteOf(node.name);
    const nowhere = { delivered: host.committedSequence(), dead: [], again: [] };
    const note = without.has('resumeFromNote') ? { sequence: last?.sequence ?? 0, progress: nowhere } : last;
    const core = createSink({
      limits: settings.outbox.limits,
      without: options.withoutCore,
      now: machine.clockMs(),
      note: note && { ...note, productsOf: (sequence) => stockOf(movementAt(sequence)).map(({ name }) => name) },
    });
    return { node, core, since: last?.sequence ?? 0, note: null, waiting: [] };
  };

  const refuse = ({ waiting }: Feed): void => {
    for (const { done } of waiting) done(false);
  };

  const end = (): void => {
    const feeds = run?.feeds ?? [];
    run = null;
    for (const feed of feeds) refuse(feed);
  };

  /** Begins anew where the last note is. */
  const reopen = (feed: Feed): void => {
    if (run !== null) run.feeds = run.feeds.map((one) => (one === feed ? open(feed.node) : one));
    refuse(feed);
  };

  /** What comes back to a leader that does not lead any more is nothing. */
  const ifStill = (feed: Feed, then: () => void): void => {
    if (run?.feeds.includes(feed) && host.leading() === run.term) then();
  };

  const take = (feed: Feed, input: Input): void => {
    for (const effect of step(feed.core, input)) perform(feed, effect);
  };

  const perform = (feed: Feed, effect: Effect): void => {
    if (effect.type === 'attempt') return attempt(feed, effect);
    const sink = feed.node.name;
    const placed = { key: noteKey(sink), note: { sink, after: effect.after, ...effect.progress } };
    feed.note = { placed, isOnItsWay: false };
    record(feed);
  };

  /**
   * Has the note recorded, again and again until it is. A note that is stale is there already; or another one is, of this
   * leader before it had stopped serving for a moment: then the sink goes on from that.
   */
  const record = (feed: Feed): void => {
    const { note } = feed;
    if (run === null || note === null || note.isOnItsWay) return;
    note.isOnItsWay = true;
    host.place(run.term, [note.placed], (result) => {
      note.isOnItsWay = false;
      const outcome = result.ok ? result.outcomes[0] : undefined;
      if (outcome?.status !== 'noted' && outcome?.status !== 'stale') return;
      ifStill(feed, () => {
        const { sequence } = outcome;
        if (outcome.status === 'stale' && !isRecordedAs(feed, note.placed) && !without.has('ownNotesOnly')) {
          world.count('notes of another outbox of the same leader');
          return reopen(feed);
        }
        world.count(outcome.status === 'noted' ? 'notes' : 'notes that were there already');
        feed.note = null;
        take(feed, { type: 'noted', sequence });
        tell(feed, note.placed);
      });
    });
  };

  /** Whether the last note of the sink is this one. */
  const isRecordedAs = (feed: Feed, { note }: PlacedNote): boolean => {
    const last = host.noteOf(feed.node.name);
    if (last === null) return false;
    const { delivered, dead } = note;
    const again = note.again.map((one) => (one.asked === 0 ? { ...one, asked: last.sequence } : one));
    return JSON.stringify(last.progress) === JSON.stringify({ delivered, dead, again });
  };

  /** Whoever asked for a dead letter is told once a note says so. */
  const tell = (feed: Feed, { note }: PlacedNote): void => {
    const isRecorded = (sequence: number): boolean => note.again.some((one) => one.sequence === sequence);
    const told = feed.waiting.filter(({ sequence }) => isRecorded(sequence));
    feed.waiting = feed.waiting.filter(({ sequence }) => !isRecorded(sequence));
    for (const { done } of told) done(true);
  };

  const attempt = (feed: Feed, effect: Extract<Effect, { type: 'attempt' }>): void => {
    machine.effect();
    const { sequence, asked } = effect;
    const movement = movementAt(sequence);
    const stock = stockOf(movement);
    const beganMs = machine.clockMs();
    const result = (answer: Result): void =>
      ifStill(feed, () => {
        const jitter = world.chance.between(0, 1);
        take(feed, { type: 'result', attempt: effect.attempt, result: answer, jitter });
      });
    const name = asked === null ? `${sequence}` : `${sequence}.${asked}`;
    const key = without.has('oneKeyPerEvent') ? `${name} ${world.chance.name('attempt')}` : name;
    const delivery: Delivery = { sequence, asked, key, quantities: [], sentAtMs: world.nowMs(), since: feed.since };
    if (feed.node.kind === 'events') return send(feed, delivery, result);
    const place = `${feed.node.name} ${key}`;
    const before = said.get(place) ?? (asked === null ? stock.map(quantityOf) : undefined);
    const say = (quantities: Quantities): void => {
      said.set(place, quantities);
      send(feed, { ...delivery, quantities }, (answer) => {
        if (answer.kind === 'delivered') said.delete(place);
        result(answer);
      });
    };
    if (before !== undefined) return say(before);
    // Of an old event only what nothing has changed since.
    latest(stock, sequence, (still) => {
      if (still === null || machine.clockMs() - beganMs > deliverWaitMs) {
        return result({ kind: 'unavailable', error: 'the catalog does not answer', isUncounted: true });
      }
      if (still.length > 0) return say(still.map(quantityOf));
      world.count('dead letters that nobody needs any more');
      outbox.skipped(feed.node.name, sequence);
      result({ kind: 'delivered' });
    });
  };

  const send = (feed: Feed, delivery: Delivery, result: (answer: Result) => void): void => {
    network.call<DeliveryAnswer>({
      from: machine,
      to: feed.node.machine,
      route: 'deliver',
      body: delivery,
      waitMs: deliverWaitMs,
      done: (answer) => result(answer.kind === 'ok' ? answer.body : { kind: 'unavailable', error: answer.kind }),
    });
  };

  /** The changes that are still the last ones of their products; null: nobody can say. */
  const latest = (stock: StockChange[], sequence: number, done: (still: StockChange[] | null) => void): void => {
    const still: StockChange[] = [];
    let left = stock.length;
    let isKnown = true;
    for (const change of stock) {
      network.call<{ product: ProductState | null }>({
        from: machine,
        to: options.catalog(),
        route: 'product',
        body: { name: change.name },
        waitMs: deliverWaitMs / 2,
        done: (answer) => {
          left -= 1;
          if (answer.kind !== 'ok') isKnown = false;
          else if (answer.body.product?.version === sequence) still.push(change);
          if (left === 0) done(isKnown ? still : null);
        },
      });
    }
  };

  return {
    pump: () => {
      const term = host.leading();
      if (run !== null && run.term !== term) end();
      if (term === null) return;
      run ??= { term, feeds: options.sinks.map(open) };
      const now = machine.clockMs();
      for (const feed of run.feeds) {
        record(feed);
        take(feed, { type: 'tick', now });
        const movements = host.movements(feed.core.taken, roomOf(feed.core)).map(takenOf);
        if (movements.length > 0) take(feed, { type: 'taken', movements });
      }
    },
    replay: (term, { sink, sequence }, done) => {
      const feed = run?.feeds.find(({ node }) => node.name === sink);
      if (feed === undefined || run?.term !== term || host.leading() !== term) return done(false);
      if (!feed.core.dead.has(sequence)) return done(false);
      if ((feed.core.replays.get(sequence)?.asked ?? 0) > 0) return done(true);
      const products = stockOf(movementAt(sequence)).map(({ name }) => name);
      feed.waiting.push({ sequence, done });
      take(feed, { type: 'replay', sequence, products });
    },
  };
};

const stockOf = (movement: Movement | undefined): StockChange[] =>
  movement !== undefined && 'stock' in movement ? movement.stock : [];

const quantityOf = ({ name, after }: StockChange): { name: string; quantity: number } => ({ name, quantity: after });

const takenOf = (movement: Movement): Taken => {
  const { sequence, kind } = movement;
  if ('stock' in movement) return { kind: 'event', sequence, products: movement.stock.map(({ name }) => name) };
  return { kind: kind === 'note' ? 'note' : 'other', sequence };
};
