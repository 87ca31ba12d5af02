/**
 * What must be known of a line to find it again: what it records, an order's number, its keys. Nearly all lines are orders
 * and refusals, thousands a second, so those are read without parsing them; docs/log-format.md promises the order
 * of the fields. Whatever is not certain that way is parsed.
 *
 * All of this is kept in the indexes of segments and believed at the next start, without looking at the lines again. Whoever
 * changes what facts say, which keys a line has, how a key is hashed, or what is `rare`, must raise `VERSION` in
 * line-index.ts: indexes of another version are made anew. line-index.test.ts fails if that is forgotten.
 */
import { hash as digest } from 'node:crypto';
import type { Movement } from './movement.ts';

export type LineFacts = {
  /** `rare`: neither an order nor a refusal. Whoever starts must read such lines again. */
  kind: 'order' | 'rejection' | 'rare';
  /** Of an order; -1 for everything else. */
  number: number;
  /** Of the keys it stands under: none, one, or two. */
  hashes: readonly number[];
};

/** The first 32 bits of SHA-256 of a key. */
export const hashOfKey = (key: string): number => Number.parseInt(digest('sha256', key, 'hex').slice(0, 8), 16);

/** What a sealed line of the catalog's journal or of a replica's log says. */
export const factsOf = (line: string): LineFacts => hashed(read(line));

/** What `factsOf` says of the line of a movement. */
export const factsOfMovement = (movement: Movement): LineFacts => hashed(named(movement));

/** The keys that a sealed line stands under. */
export const keysIn = (line: string): readonly string[] => read(line).keys;

type Named = { kind: LineFacts['kind']; number: number; keys: readonly string[] };

const hashed = ({ kind, number, keys }: Named): LineFacts => ({ kind, number, hashes: keys.map(hashOfKey) });

/**
 * The beginning of an order or a refusal, its key without any character that is written with a backslash. Everything before
 * `order` comes from Till itself or is a key, so the first place where this can match is where it stands.
 */
const DECISION =
  /^(?:\{"index":\d{1,15},"term":\d{1,15},"movement":)?\{"sequence":\d{1,15},"term":\d{1,15},"time":\d{1,15},"kind":"(?:order","number":(\d{1,15})|rejection"),"key":"([^"\\]*)","fingerprint":"[^"\\]*","order":\{/;

/** Inside a text each quotation mark has a backslash before it, so this can only be the name of a field. */
const ALSO_KEY = '"alsoKey":"';

const read = (line: string): Named => {
  const found = DECISION.exec(line);
  if (found === null) return parsed(line);
  const [before, number, key = ''] = found;
  const kind = number === undefined ? 'rejection' : 'order';
  const keys = [key];
  const at = line.indexOf(ALSO_KEY, before.length);
  if (at !== -1) {
    const start = at + ALSO_KEY.length;
    const alsoKey = line.slice(start, line.indexOf('"', start));
    if (alsoKey.includes('\\')) return parsed(line);
    keys.push(alsoKey);
  }
  return { kind, number: number === undefined ? -1 : Number(number), keys };
};

/** In a log the movement stands within the entry; the start of a term has none. */
const parsed = (line: string): Named => {
  const record = JSON.parse(line) as Partial<Movement> & { movement?: Movement };
  return named(record.movement ?? (record as Movement));
};

const named = (movement: Movement): Named => {
  const isDecision = movement.kind === 'order' || movement.kind === 'rejection';
  const keys = 'key' in movement ? [movement.key] : [];
  if (isDecision && movement.alsoKey !== undefined) keys.push(movement.alsoKey);
  return {
    kind: isDecision ? movement.kind : 'rare',
    number: movement.kind === 'order' ? movement.number : -1,
    keys,
  };
};
