/** What is durable of an order: its lines in the journal and in each replica's log, and the notes of its delivery. */
import type { Movement, NoteMovement, StockChange } from '@till/shared/movement';
import { unseal } from '@till/shared/sealed';
import { eachLine, type TraceFile } from './trace-files.ts';
import type { TraceRow } from './trace-rows.ts';
import type { KeyedMovement, Subject } from './trace-subject.ts';

/** A record of the order, wherever it was found first. */
export type Found = { kind: KeyedMovement['kind']; key: string; sequence: number; number?: number; alsoKey?: string };

export type Records = {
  found: Found[];
  rows: TraceRow[];
  /** Lines that are damaged and may be about it. */
  damaged: string[];
  /** What was read, in words. */
  searched: string[];
};

/**
 * Reads the files until they teach no further name of the order: a record may be told from what stands after it. There are
 * only a few names, so that the second reading is the last but for odd cases.
 */
export const readRecords = (files: TraceFile[], subject: Subject): Records => {
  for (;;) {
    const namesBefore = subject.nameCount();
    const records = readOnce(files, subject);
    if (subject.nameCount() === namesBefore) return records;
  }
};

const readOnce = (files: TraceFile[], subject: Subject): Records => {
  const found = new Map<number, Found>();
  const records: Omit<Records, 'found'> = { rows: [], damaged: [], searched: [] };
  const notesFrom = files[0];
  for (const file of files) {
    const deliveries = file === notesFrom ? createDeliveries() : null;
    const take = (text: string, { number, name }: { number: number; name: string }): void => {
      const isNote = deliveries?.isWaiting() === true && text.includes(NOTE);
      if (!isNote && !subject.mayBeIn(text)) return;
      const record = recordIn(text);
      if (record === null) records.damaged.push(`${name}, line ${number}`);
      const movement = record?.movement;
      if (movement === undefined) return;
      if (movement.kind === 'note') records.rows.push(...(deliveries?.take(movement) ?? []));
      else if (subject.take(movement)) {
        records.rows.push(file.holds === 'entries' ? entryRow(file, { ...record, movement }) : journalRow(movement));
        if ('stock' in movement) deliveries?.watch(movement.sequence);
        if (!found.has(movement.sequence)) found.set(movement.sequence, foundOf(movement));
      }
    };
    const count = eachLine(file.parts, take);
    records.searched.push(`${file.name} (${count} ${file.holds})`);
  }
  return { ...records, found: [...found.values()].sort((one, other) => one.sequence - other.sequence) };
};

const NOTE = '"kind":"note"';

type Record = { index?: number; term?: number; movement?: Movement };

/** The movement that a line of a journal or of a log records; null if its bytes are damaged. */
const recordIn = (text: string): Record | null => {
  const unsealed = unseal(text);
  if (unsealed === null) return null;
  const body = JSON.parse(unsealed.body) as Record | Movement;
  return 'kind' in body ? { movement: body } : body;
};

const foundOf = (movement: KeyedMovement): Found => ({
  kind: movement.kind,
  key: movement.key,
  sequence: movement.sequence,
  ...('number' in movement ? { number: movement.number } : {}),
  ...('alsoKey' in movement ? { alsoKey: movement.alsoKey } : {}),
});

const journalRow = (movement: KeyedMovement): TraceRow => ({
  time: movement.time,
  service: 'catalog',
  step: `journal ${movement.kind}`,
  details: detailsOf(movement),
});

/** An entry has no time of its own: trace-rows.ts moves it to where it was stored, if somebody said so. */
const entryRow = (
  { service }: TraceFile,
  { index, term, movement }: Record & { movement: KeyedMovement },
): TraceRow => ({
  time: movement.time,
  service,
  step: 'log entry',
  details: { index, term, kind: movement.kind, sequence: movement.sequence },
});

/** What a movement says, but for who the customer is. */
const detailsOf = (movement: KeyedMovement): TraceRow['details'] => {
  const { sequence, term, key } = movement;
  switch (movement.kind) {
    case 'order': {
      const { number, alsoKey, order, stock } = movement;
      const { type, lines } = order;
      return { number, sequence, term, key, alsoKey, type, lines: linesOf(lines), stock: stockOf(stock) };
    }
    case 'rejection': {
      const { alsoKey, reason, message, order } = movement;
      return { sequence, term, key, alsoKey, reason, message, lines: linesOf(order.lines) };
    }
    case 'cancel':
      return { number: movement.number, sequence, term, key, of: movement.of, stock: stockOf(movement.stock) };
    case 'checkout':
      return { sequence, term, key, checkout: movement.checkout.id, lines: linesOf(movement.checkout.lines) };
  }
};

const linesOf = (lines: { name: string; quantity: number }[]): string =>
  lines.map(({ name, quantity }) => `${quantity} ${name}`).join(', ');
const stockOf = (stock: StockChange[]): string =>
  stock.map(({ name, before, after }) => `${name} ${before} -> ${after}`).join(', ');

/** Follows events through the notes of every sink, and tells only what is new. */
const createDeliveries = () => {
  const events = new Set<number>();
  /** How each event stands with each sink. */
  const states = new Map<string, string>();
  return {
    isWaiting: () => events.size > 0,
    watch: (sequence: number): void => void events.add(sequence),
    take(note: NoteMovement): TraceRow[] {
      return [...events].flatMap((event) => {
        const { state, ...more } = standing(note, event);
        const place = `${event} ${note.sink}`;
        if (state === (states.get(place) ?? 'pending')) return [];
        states.set(place, state);
        const details = { event, sink: note.sink, state, ...more, sequence: note.sequence };
        return [{ time: note.time, service: 'catalog', step: 'journal note', details }];
      });
    },
  };
};

const standing = (note: NoteMovement, event: number): { state: string; attempts?: number; error?: string } => {
  if (note.again.some(({ sequence }) => sequence === event)) return { state: 'sent again' };
  const dead = note.dead.find(({ sequence }) => sequence === event);
  if (dead !== undefined) return { state: 'dead letter', attempts: dead.attempts, error: dead.error };
  return { state: note.delivered >= event ? 'delivered' : 'pending' };
};
