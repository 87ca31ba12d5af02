/** A replica's log in memory, as the outbox sees it: what the catalog would decide about its notes is decided here. */
import type { Movement, NoteMovement, Placed } from '@till/shared/movement';
import type { OutboxHost } from '../src/outbox/host.ts';
import type { PlaceResult } from '../src/replica/types.ts';

export type MemoryHost = OutboxHost & {
  /** In this term it leads; null: it does not. */
  lead(term: number | null): void;
  /** An order that leaves so many of each product. */
  sell(stock: Record<string, number>): number;
  /** A movement that moves nothing. */
  addOther(): void;
  log: Movement[];
  notes(sink: string): NoteMovement[];
  /** The next notes fail like this; `lost`: recorded, but nobody is told. */
  failNotes(count: number, how: 'busy' | 'lost'): void;
  versionOf(name: string): Promise<number | null>;
};

export const createMemoryHost = (): MemoryHost => {
  const log: Movement[] = [];
  const quantities = new Map<string, number>();
  const failures: ('busy' | 'lost')[] = [];
  let term: number | null = 1;
  let orders = 0;
  const base = () => ({ sequence: log.length + 1, term: term ?? 0, time: 1_795_250_313_053 + log.length });
  const notes = (sink: string): NoteMovement[] =>
    log.filter((movement): movement is NoteMovement => movement.kind === 'note' && movement.sink === sink);
  const noteOf = (sink: string) => {
    const note = notes(sink).at(-1);
    if (note === undefined) return null;
    const { sequence, delivered, dead, again } = note;
    return { sequence, progress: { delivered, dead, again } };
  };

  const record = (one: Placed): PlaceResult => {
    if (!('note' in one)) throw new Error('Only notes are placed here');
    const { sink, after, delivered, dead, again } = one.note;
    const last = noteOf(sink)?.sequence ?? 0;
    if (last !== after) return { ok: true, outcomes: [{ key: one.key, status: 'stale', sequence: last }] };
    const movement: NoteMovement = { ...base(), kind: 'note', sink, delivered, dead, again: [] };
    movement.again = again.map((each) => (each.asked === 0 ? { ...each, asked: movement.sequence } : each));
    // As it would come out of a file.
    log.push(JSON.parse(JSON.stringify(movement)) as NoteMovement);
    return { ok: true, outcomes: [{ key: one.key, status: 'noted', sequence: movement.sequence }] };
  };

  return {
    leading: () => term,
    storeId: () => 'store-1',
    committedSequence: () => log.length,
    movements: (after, max) => log.slice(after, after + max),
    noteOf,
    async place(placedIn, placed) {
      await new Promise((done) => setTimeout(done, 1));
      const [one] = placed;
      if (placedIn !== term || one === undefined) return { ok: false, reason: 'not_leader' };
      const failure = failures.shift();
      if (failure === 'busy') return { ok: false, reason: 'busy' };
      const result = record(one);
      return failure === 'lost' ? { ok: false, reason: 'unknown' } : result;
    },
    lead(given) {
      term = given;
    },
    sell(stock) {
      const changes = Object.entries(stock).map(([name, after]) => {
        const before = quantities.get(name) ?? 100;
        quantities.set(name, after);
        return { name, before, after };
      });
      const lines = changes.map(({ name }) => ({ name, quantity: 1 }));
      const movement = { ...base(), kind: 'order' as const, number: orders, key: `key-${orders}`, fingerprint: 'f' };
      orders += 1;
      log.push({ ...movement, order: { lines }, stock: changes });
      return movement.sequence;
    },
    addOther() {
      log.push({ ...base(), kind: 'fence' });
    },
    log,
    notes,
    failNotes(count, how) {
      failures.push(...Array.from({ length: count }, () => how));
    },
    versionOf: async (name) =>
      log.findLast((movement) => 'stock' in movement && movement.stock.some((change) => change.name === name))
        ?.sequence ?? null,
  };
};
