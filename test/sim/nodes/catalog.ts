/** The catalog: the stock core, its journal on the virtual disk, the stream of changes, the restocker. */

import { restocksDue } from '@till/catalog/restocker';
import { applyMovement, createStock } from '@till/catalog/stock/apply';
import { accepts, decide } from '@till/catalog/stock/decide';
import type { Command, Product, StockRule } from '@till/catalog/stock/types';
import type { CatalogAnswer } from '@till/order/replica/types';
import type { Movement, Outcome, Placed, ProductState } from '@till/shared/movement';
import { foldName } from '@till/shared/names';
import { seal, unseal, ZERO_HASH } from '@till/shared/sealed';
import { createDisk, type Disk } from '../disk.ts';
import type { Checks } from '../invariants.ts';
import { createMachine, type Machine, type Reply } from '../machine.ts';
import type { Settings } from '../settings.ts';
import type { Stream, Streams } from '../stream.ts';
import type { World } from '../world.ts';

export type ChangeLine =
  | { type: 'hello'; epoch: string; sequence: number }
  | { type: 'changes'; epoch: string; from: number; to: number; products: ProductState[] }
  | { type: 'beat'; epoch: string; sequence: number };

/** Rules of the catalog's driver that can be switched off, to show that the simulator finds what each one prevents. */
export const CATALOG_RULES = ['syncBeforeAnswer'] as const;
export type CatalogRule = (typeof CATALOG_RULES)[number];

export type CatalogNode = { machine: Machine; disk: Disk };

/** A call of the leader, or the restocker's own. */
type Work = {
  kind: 'orders' | 'fence' | 'restock';
  term: number;
  after: number;
  commands: Command[];
  reply: (answer: CatalogAnswer) => void;
};

export const BEAT_MS = 100;

export const createCatalogNode = (options: {
  world: World;
  streams: Streams;
  settings: Settings;
  checks: Checks;
  without: ReadonlySet<CatalogRule>;
  withoutStock: ReadonlySet<StockRule>;
}): CatalogNode => {
  const { world, settings, checks, without, withoutStock } = options;

  const program = (machine: Machine): void => {
    const epoch = world.chance.name('epoch');
    const subscribers = new Set<Stream>();
    const lines = [...file.durable];
    const stock = createStock((sequence) => movementOf(lines[sequence - 1] as string));
    let hash = ZERO_HASH;
    const queue: Work[] = [];
    let writing = false;

    for (const line of lines) {
      const { body, hash: sealedWith } = unsealed(line);
      hash = sealedWith;
      applyMovement(stock, JSON.parse(body) as Movement);
    }

    const publish = (line: ChangeLine): void => {
      for (const stream of subscribers) stream.write(line);
    };

    /** To disk, then into the stock, then to whoever listens, then on. */
    const record = (movements: Movement[], done: () => void): void => {
      if (movements.length === 0) return done();
      writing = true;
      const added = movements.map((movement) => {
        const sealed = seal(hash, JSON.stringify(movement));
        hash = sealed.hash;
        return sealed.line;
      });
      machine.effect();
      file.append(added);
      const taken = (): void => {
        lines.push(...added);
        recorded(movements, done);
      };
      file.sync(without.has('syncBeforeAnswer') ? () => {} : taken);
      if (without.has('syncBeforeAnswer')) taken();
    };

    const recorded = (movements: Movement[], done: () => void): void => {
      machine.effect();
      const from = stock.sequence + 1;
      const changed = new Map<string, Product>();
      for (const movement of movements) {
        for (const product of applyMovement(stock, movement)) changed.set(product.name, product);
      }
      machine.effect();
      publish({ type: 'changes', epoch, from, to: stock.sequence, products: [...changed.values()].map(stateOf) });
      writing = false;
      machine.effect();
      done();
      work();
    };

    /** To a fence also the movement at `after`: both sides must tell the same history. */
    const linesFor = ({ kind, after }: Work): { lines: string[]; more: boolean } => {
      const end = after + settings.linesMax;
      return { lines: lines.slice(kind === 'fence' ? Math.max(0, after - 1) : after, end), more: end < stock.sequence };
    };

    const work = (): void => {
      if (writing) return;
      const next = queue.shift();
      if (next === undefined) return;
      if (next.kind === 'restock') {
        const { movements } = decide(stock, { term: stock.term, now: wallMs() }, next.commands);
        world.count(movements.length > 0 ? 'restocks' : 'restocks not needed');
        record(movements, work);
        return;
      }
      if (!accepts(stock.term, next.term)) {
        world.count('old terms refused by the catalog');
        next.reply({ kind: 'old_term', term: stock.term });
        return work();
      }
      if (next.after > stock.sequence) {
        next.reply({ kind: 'behind', sequence: stock.sequence });
        return work();
      }
      if (next.term > stock.term && next.kind !== 'fence') {
        next.reply({ kind: 'lost' });
        return work();
      }
      // Orders of one term that wait together are one write; a fence is decided alone.
      const batch = [next];
      while (
        next.kind === 'orders' &&
        queue[0]?.kind === 'orders' &&
        queue[0].term === next.term &&
        queue[0].after <= stock.sequence
      ) {
        if (world.chance.happens(0.3)) break;
        batch.push(queue.shift() as Work);
      }
      const commands = batch.flatMap((one) => one.commands);
      if (next.term > stock.term) commands.unshift({ kind: 'fence' });
      const circumstances = { term: next.term, now: wallMs(), without: withoutStock };
      const { movements, outcomes } = decide(stock, circumstances, commands);
      const placed = commands.flatMap((command) => (command.kind === 'place' ? [command.placed] : []));
      for (const [place, outcome] of outcomes.entries()) checks.decided(placed[place] as Placed, outcome);
      record(movements, () => {
        for (const one of batch) {
          const own: Outcome[] = outcomes.splice(0, one.commands.length);
          one.reply({ kind: 'decided', outcomes: own, ...linesFor(one) });
        }
        work();
      });
    };

    const wallMs = (): number => 1_700_000_000_000 + Math.floor(machine.clockMs());

    const enqueue = (item: Work): void => {
      if (queue.length >= settings.catalogQueueMax) return item.reply({ kind: 'busy' });
      queue.push(item);
      work();
    };

    const answerRead = (reply: Reply, answer: unknown): void => {
      if (world.chance.happens(settings.slowReads)) machine.after(world.chance.between(0, 250), () => reply(answer));
      else reply(answer);
    };

    const listen = (): void => {
      machine.listen('movements', (body, reply) => {
        const { term, after, orders } = body as { term: number; after: number; orders: Placed[] };
        enqueue({ kind: 'orders', term, after, commands: orders.map((placed) => ({ kind: 'place', placed })), reply });
      });
      machine.listen('fence', (body, reply) => {
        const { term, after } = body as { term: number; after: number };
        enqueue({ kind: 'fence', term, after, commands: [], reply });
      });
      machine.listen('product', (body, reply) => {
        const product = stock.product(foldName((body as { name: string }).name));
        answerRead(reply, { epoch, asOf: stock.sequence, product: product ? stateOf(product) : null });
      });
      machine.listen('products', (_, reply) => {
        answerRead(reply, { epoch, asOf: stock.sequence, products: [...stock.products.values()].map(stateOf) });
      });
      options.streams.accept(machine, 'changes', (stream) => {
        subscribers.add(stream);
        stream.onClosedByReader(() => subscribers.delete(stream));
        stream.write({ type: 'hello', epoch, sequence: stock.sequence });
      });
      beat();
      if (settings.restockEveryMs > 0) restock();
    };

    const beat = (): void => {
      machine.after(BEAT_MS, beat);
      publish({ type: 'beat', epoch, sequence: stock.sequence });
    };

    const restock = (): void => {
      machine.after(settings.restockEveryMs, restock);
      const commands = restocksDue(stock.products.values(), settings.restockLevel);
      if (commands.length === 0) return;
      queue.push({ kind: 'restock', term: 0, after: 0, commands, reply: () => {} });
      work();
    };

    if (stock.sequence > 0) return listen();
    const { movements } = decide(stock, { term: 0, now: wallMs() }, [{ kind: 'seed', products: settings.products }]);
    record(movements, listen);
  };

  const machine = createMachine(world, { name: 'catalog', drift: settings.drift, program });
  const disk = createDisk(world, machine, settings.syncMsMax);
  const file = disk.file({ onDurable: checks.journal.grown });
  return { machine, disk };
};

const unsealed = (line: string): { body: string; hash: string } => {
  const found = unseal(line);
  if (found === null) throw new Error('A line of the virtual disk is never damaged');
  return found;
};

const movementOf = (line: string): Movement => JSON.parse(unsealed(line).body) as Movement;

const stateOf = ({ name, price, quantity, version }: Product): ProductState => ({ name, price, quantity, version });
