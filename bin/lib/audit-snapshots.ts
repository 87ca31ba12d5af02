/**
 * The rule of snapshots: what they say is what the journal comes to at their sequence. Like an index a snapshot is derived:
 * one that is damaged, or of another history, is not used and does no harm.
 */
import { hash } from 'node:crypto';
import type { Movement } from '@till/shared/movement';
import type { Findings } from './audit-findings.ts';
import type { FileLine } from './audit-lines.ts';

export type SnapshotFile = { name: string; bytes: Buffer };

export type SnapshotAudit = {
  /** The next line of the journal, and the movement that it holds. */
  take(line: FileLine, movement: Movement): void;
  /** A line that cannot be read: from here on nothing can be judged. */
  passOver(): void;
  finish(): void;
};

type SnapshotProduct = { name: string; quantity: number; version: number };

type Snapshot = {
  version: number;
  sequence: number;
  number: number;
  time: number;
  term: number;
  hash: string;
  products: SnapshotProduct[];
  waiting: string[];
  notes: [string, number][];
  cancellations: [number, number][];
};

const CHECKOUT = 'checkout ';
const REMEDY = 'stop the catalog, delete the snapshot, start it';

export const createSnapshotAudit = (files: SnapshotFile[], findings: Findings): SnapshotAudit => {
  const due: { name: string; snapshot: Snapshot }[] = [];
  for (const { name, bytes } of files) {
    const snapshot = readSnapshot(bytes);
    if (snapshot === null) findings.note(`${name} is damaged: it is not used`);
    else due.push({ name, snapshot });
  }
  const state = createState();
  let isBlind = false;
  let sequence = 0;

  return {
    take({ hash: seal }, movement) {
      if (isBlind) return;
      state.take(movement);
      sequence = movement.sequence;
      for (const { name, snapshot } of due) {
        if (snapshot.sequence !== sequence) continue;
        if (snapshot.hash !== seal) {
          findings.note(`${name} is of another history: it is not used`);
          continue;
        }
        findings.checked('files.snapshot');
        const difference = state.differenceTo(snapshot);
        if (difference === null) continue;
        findings.problem('files.snapshot', `${name}, after movement ${sequence}: ${difference}; ${REMEDY}`);
      }
    },
    passOver() {
      isBlind = true;
    },
    finish() {
      if (isBlind) return;
      for (const { name, snapshot } of due) {
        if (snapshot.sequence <= sequence) continue;
        findings.note(`${name} is of movement ${snapshot.sequence}, which the journal does not have: it is not used`);
      }
    },
  };
};

/** What the movements come to. */
const createState = () => {
  const products = new Map<string, object & SnapshotProduct>();
  const waiting = new Set<string>();
  const notes = new Map<string, number>();
  const cancellations = new Map<number, number>();
  let [number, time, term] = [-1, 0, 0];

  return {
    take(movement: Movement): void {
      const { sequence, kind } = movement;
      time = movement.time;
      if (kind === 'fence') term = movement.term;
      if (kind === 'seed') {
        for (const product of movement.products) products.set(product.name, { ...product, version: sequence });
      }
      if (kind === 'order') number = movement.number;
      if (kind === 'cancel') cancellations.set(movement.number, sequence);
      if (kind === 'note') notes.set(movement.sink, sequence);
      if (kind === 'checkout') waiting.add(movement.checkout.id);
      if ((kind === 'order' || kind === 'rejection') && movement.key.startsWith(CHECKOUT)) {
        waiting.delete(movement.key.slice(CHECKOUT.length));
      }
      if (!('stock' in movement)) return;
      for (const { name, after } of movement.stock) {
        const product = products.get(name);
        if (product !== undefined) products.set(name, { ...product, quantity: after, version: sequence });
      }
    },

    /** The first one, in words; null if there is none. */
    differenceTo(snapshot: Snapshot): string | null {
      const lists = [
        ['number', [snapshot.number], [number]],
        ['time', [snapshot.time], [time]],
        ['term', [snapshot.term], [term]],
        ['products', snapshot.products, [...products.values()]],
        ['waiting', snapshot.waiting, [...waiting]],
        ['notes', snapshot.notes, [...notes]],
        ['cancellations', snapshot.cancellations, [...cancellations]],
      ] as const;
      for (const [name, said, comesTo] of lists) {
        const [more, less] = [firstBeyond(said, comesTo), firstBeyond(comesTo, said)];
        if (more === null && less === null) continue;
        return `${name} has ${more ?? 'nothing'} where the journal comes to ${less ?? 'nothing'}`;
      }
      return null;
    },
  };
};

/** The first item that the others lack, in no particular order, as text. */
const firstBeyond = (items: readonly unknown[], others: readonly unknown[]): string | null => {
  const known = new Set(others.map(textOf));
  return items.map(textOf).find((text) => !known.has(text)) ?? null;
};

/** With its fields in the order of their names. */
const textOf = (item: unknown): string => {
  const isObject = typeof item === 'object' && item !== null && !Array.isArray(item);
  return JSON.stringify(isObject ? Object.fromEntries(Object.entries(item).sort()) : item);
};

const TAIL = /,"sha256":"([0-9a-f]{64})"\}\n$/;
const TAIL_BYTES = ',"sha256":""}\n'.length + 64;

/** null if it is not whole, or of a form that is not known. */
const readSnapshot = (bytes: Buffer): Snapshot | null => {
  const body = bytes.subarray(0, Math.max(0, bytes.length - TAIL_BYTES));
  const sum = TAIL.exec(bytes.toString('latin1', body.length))?.[1];
  if (sum !== hash('sha256', body, 'hex')) return null;
  const snapshot = JSON.parse(`${body.toString()}}`) as Snapshot;
  return snapshot.version === 1 ? snapshot : null;
};
